"""One multiprocessor at work on a trace: when each warp issues, and which unit it waits for.

The model is simple, and all of it is in MODEL. Left out: bank conflicts beyond the stated wavefronts, the
instruction cache, register banks, L1 and L2. So it is optimistic.
"""

MODEL = {
    "sub-cores": (4, "each issues one instruction a clock for one of its warps"),
    "arithmetic latency": (5, "clocks until a result can be read"),
    "LDS.32, SHFL": (1, "wavefronts of the one shared-memory unit, one a clock"),
    "LDS.64": (2, "wavefronts"),
    "LDS.128": (2, "wavefronts where pairs of lanes read the same 16 bytes, as the layouts do"),
    "LDS.128 apart": (4, "wavefronts where they do not: in loops with HMMA"),
    "STS.32": (1, "wavefront; no store of a tile meets another in a bank (tests/kernels/banks_test.cu)"),
    "STS.64": (2, "wavefronts"),
    "STS.128": (4, "wavefronts"),
    "shared latency": (23, "clocks after the last wavefront"),
    "LDGSTS.128": (4, "wavefronts, when the copied bytes are written to shared memory"),
    "global latency": (300, "clocks"),
    "integer, select": (2, "clocks of a sub-core's unit for a warp: integers, logic, comparisons, maxima, selections, moves"),
    "IMAD": (2, "clocks of the half of a sub-core's multipliers that has whole numbers"),
    "MUFU": (8, "clocks of a sub-core's unit for a warp"),
    "MUFU latency": (20, "clocks"),
    "double": (2, "clocks of a sub-core's unit for a warp"),
    "double latency": (10, "clocks"),
    "HMMA": (6.4, "clocks of a sub-core's unit for an m16n8k8 in TF32: between 4, the nominal rate, and 8"),
    "HMMA latency": (33, "clocks"),
    "barrier": (30, "clocks from the last arrival"),
    "taken branch": (8, "clocks until the warp issues again"),
    "queue": (24, "wavefronts that may wait before a warp stalls"),
}

# Half rate on sm_80 to sm_90, by the throughputs of arithmetic instructions in the CUDA C++ Programming Guide.
INTEGER_OR_SELECT = {"IADD3", "VIADD", "IABS", "IMNMX", "VIMNMX", "VIADDMNMX", "LOP3", "PLOP3", "SHF", "LEA", "PRMT", "SGXT", "BMSK",
                     "MOV", "SEL", "FSEL", "FMNMX", "FSET", "FSETP", "FCHK", "ISETP", "P2R", "R2P"}


class Warp:
    def __init__(self, trace, sub_core, block):
        self.trace, self.sub_core, self.block = trace, sub_core, block
        self.at, self.ready, self.waits = 0, 0, False
        self.registers = {}
        self.copied, self.groups = 0, []  # when the copies of the open group, and of closed ones, have landed

    def done(self, turns):
        return self.at >= turns * len(self.trace)


def describe(i):
    """(unit, clocks of the unit, latency) of an instruction."""
    value = {k: v[0] for k, v in MODEL.items()}
    if i.base in ("LDS", "STS", "SHFL"):
        kind = "LDS.32, SHFL" if i.base == "SHFL" or (i.base == "LDS" and i.width == 1) else f"{i.base}.{32 * i.width}"
        if i.apart and kind == "LDS.128":
            kind = "LDS.128 apart"
        return "shared", value[kind], value["shared latency"]
    if i.base == "LDGSTS":
        return "shared", i.width, value["global latency"]
    if i.base in ("LDG", "STG", "LD", "ST"):
        return "shared", i.width, value["global latency"]
    if i.base == "MUFU":
        return "mufu", value["MUFU"], value["MUFU latency"]
    if i.base in INTEGER_OR_SELECT:
        return "integer", value["integer, select"], value["arithmetic latency"]
    if i.base == "IMAD":
        return "imad", value["IMAD"], value["arithmetic latency"]
    if i.base in ("DFMA", "DADD", "DMUL", "DSETP"):
        return "double", value["double"], value["double latency"]
    if i.base == "HMMA":
        return "tensor", value["HMMA"], value["HMMA latency"]
    if i.base == "BAR":
        return "barrier", 0, 0
    return "issue", 1, value["arithmetic latency"]


def replay(block, blocks=1, turns=3):
    """Clocks of a turn, the mean of all but the first of `turns`, for `blocks` blocks whose warps each repeat a
    trace of the list `block` until every block has done its turns. Returns (clocks, [clocks of each phase between
    barriers], {unit: busy clocks of a turn}), for all blocks together: what one of them takes at their mean rate."""
    traces = block * blocks
    value = {k: v[0] for k, v in MODEL.items()}
    cores = value["sub-cores"]
    warps = [Warp(trace, n % cores, n // len(block)) for n, trace in enumerate(traces)]
    groups = [[w for w in warps if w.sub_core == c] for c in range(cores)]
    known = {id(i): describe(i) for trace in traces for i in trace}
    shared, units = 0.0, {name: [0.0] * cores for name in ("integer", "imad", "mufu", "double", "tensor")}
    turn_of, clock, arrived = [0] * cores, 0, [0] * blocks
    marks = [[] for _ in range(blocks)]  # when the warps of each block have met
    while not all(w.done(turns) for w in warps):
        next_clock = None
        for core, group in enumerate(groups):
            issued = False
            for k in range(len(group)):
                w = group[(turn_of[core] + k) % len(group)]
                if w.waits:
                    continue
                if w.ready <= clock:
                    i = w.trace[w.at % len(w.trace)]
                    unit, busy, latency = known[id(i)]
                    start = max([w.registers.get(r, 0) for r in i.reads], default=0)
                    if unit == "shared":
                        start = max(start, shared - value["queue"])
                    elif unit in units:
                        start = max(start, units[unit][core])
                    if i.base == "DEPBAR" and w.groups[:len(w.groups) - i.open_groups]:
                        start = max(start, w.groups[len(w.groups) - i.open_groups - 1])
                    if start > clock:
                        w.ready = int(start + 0.999)
                    else:
                        turn_of[core] = (turn_of[core] + k) % len(group)
                        result = clock + latency
                        if unit == "shared":
                            shared = max(shared, clock + 2) + busy
                            result = shared + latency
                        elif unit in units:
                            units[unit][core] = max(units[unit][core], clock) + busy
                            # an integer's latency counts from its issue, others' from the end of their turn
                            result = clock + latency if unit in ("integer", "imad") else units[unit][core] + latency
                        for r in i.writes:
                            w.registers[r] = result
                        if i.base == "LDGSTS":
                            w.copied = max(w.copied, result)
                        elif i.base == "LDGDEPBAR":
                            w.groups = (w.groups + [w.copied])[-8:]
                        w.at += 1
                        following = w.trace[w.at % len(w.trace)]
                        taken = following.address != i.address + 16
                        w.ready = clock + (value["taken branch"] if taken else 1)
                        if unit == "barrier":
                            w.waits = True
                            arrived[w.block] += 1
                            if arrived[w.block] == len(block):
                                arrived[w.block] = 0
                                marks[w.block].append(clock)
                                for x in warps:
                                    if x.block == w.block:
                                        x.waits, x.ready = False, clock + value["barrier"]
                        issued = True
                        break
                if next_clock is None or w.ready < next_clock:
                    next_clock = w.ready
            if issued:
                next_clock = clock + 1
        clock = max(clock + 1, next_clock or 0) if next_clock is not None else clock + 1
    phases = sum(i.base == "BAR" for i in traces[0])
    rates = []
    for own in marks:
        ends = own[phases - 1:turns * phases]  # of the first turn, then of every phase
        lengths = [b - a for a, b in zip(ends, ends[1:])]
        rates.append([(turns - 1) / sum(lengths[p::phases]) for p in range(phases)])
    means = [blocks / sum(rate[p] for rate in rates) for p in range(phases)]
    busy = {"issue": sum(map(len, traces)) / cores}
    for trace in traces:
        for i in trace:
            unit, clocks, _ = known[id(i)]
            if unit != "barrier" and unit != "issue":
                share = 1 if unit == "shared" else cores
                busy[unit] = busy.get(unit, 0) + clocks / share
    busy["multiply-adds"] = sum(i.base == "FFMA" for t in traces for i in t) / cores
    return sum(means), means, busy
