"""Compiled kernels as lists of instructions, their loops, and the path that a warp takes through a loop."""

import collections
import os
import re
import shutil
import subprocess
import sys


def find_tool(name):
    """cuobjdump from the PATH, from the toolkit, or from the package nvidia-cuda-cuobjdump of this Python."""
    folders = [os.path.join(p, "nvidia", "cu13", "bin") for p in sys.path]
    folders += [os.path.join(p, "nvidia", "cuda_" + name, "bin") for p in sys.path] + ["/usr/local/cuda/bin"]
    found = shutil.which(name) or next((t for t in (os.path.join(f, name) for f in folders) if os.path.exists(t)), None)
    if not found:
        sys.exit(f"sass_report: no {name}: install the CUDA toolkit, or the Python package nvidia-cuda-{name}")
    return found


class Instruction:
    """One instruction: `base` FFMA of FFMA.FTZ, `width` 4 of LDS.128, registers read and written. `apart` is set of
    those in loops with HMMA, whose lanes read different words."""

    LINE = re.compile(r"^\s+/\*([0-9a-f]{4,})\*/\s+(.*?)\s*;")
    WIDTH = {"64": 2, "128": 4}

    def __init__(self, address, text):
        self.address = address
        self.apart = False
        guard = re.match(r"@!?U?P\w+\s+", text)
        self.guarded = guard is not None
        self.text = text[guard.end():] if guard else text
        self.opcode, _, rest = self.text.partition(" ")
        parts = self.opcode.split(".")
        # what never happens, as the loads that the compiler puts before asynchronous copies, only takes its turn
        self.base = "NOP" if guard and guard[0].startswith("@!PT") else parts[0]
        self.width = next((self.WIDTH[p] for p in parts if p in self.WIDTH), 1)
        self.target = None
        jump = re.search(r"0x([0-9a-f]+)\s*$", self.text)
        if self.base in ("BRA",) and jump and "DIV" not in parts:
            self.target = int(jump[1], 16)
        self.called = int(jump[1], 16) if self.base == "CALL" and jump else None
        operands = [o.strip() for o in rest.split(",")] if rest else []
        self.writes, self.reads = self._registers(operands)
        # DEPBAR.LE SB0, n waits until all groups of asynchronous copies but n have landed
        self.open_groups = int(operands[1], 16) if self.base == "DEPBAR" and len(operands) > 1 else 0
        self.predicate_out = operands[0] if self.base in ("ISETP", "FSETP", "DSETP") and operands else None
        self.guard = re.sub(r"[@!\s]", "", guard[0]) if guard else None

    def _registers(self, operands):
        def named(text, count=1):
            out = []
            for match in re.finditer(r"(?<![A-Z0-9])R(\d+)(\.64)?", text):
                out += range(int(match[1]), int(match[1]) + (2 if match[2] else count))
            return out

        if self.base == "LDGSTS":
            return [], [r for o in operands for r in named(o)]
        if self.base in ("STS", "STG", "ST", "STL"):
            return [], named(operands[0]) + named(operands[-1], self.width)
        if self.base in ("BAR", "BRA", "EXIT", "BSSY", "BSYNC", "WARPSYNC", "NOP", "CALL", "RET"):
            return [], [r for o in operands for r in named(o)]
        if self.base == "HMMA":
            return named(operands[0], 4), named(operands[1], 4) + named(operands[2], 2) + named(operands[3], 4)
        double = self.base in ("DFMA", "DADD", "DMUL") or "WIDE" in self.opcode or self.base == "CS2R"
        size = self.width if self.base in ("LDS", "LDG", "LD", "LDL") else 2 if double else 1
        sources = 2 if self.base in ("DFMA", "DADD", "DMUL") else 1
        if self.base in ("ISETP", "FSETP", "DSETP", "PLOP3", "R2P"):
            return [], [r for o in operands for r in named(o, sources)]
        return (named(operands[0], size) if operands else []), [r for o in operands[1:] for r in named(o, sources)]


def load(library, architecture):
    """{kernel: [Instruction]} of a library or cubin."""
    dump = subprocess.run([find_tool("cuobjdump"), "-sass", "-arch", architecture, library], capture_output=True, text=True)
    if dump.returncode:
        sys.exit(f"sass_report: cuobjdump failed on {library}: {dump.stderr.strip()}")
    return parse(dump.stdout)


def parse(listing):
    """{kernel: [Instruction]} of cuobjdump's listing."""
    kernels, code = {}, None
    for line in listing.splitlines():
        header = re.search(r"Function : (\S+)", line)
        if header:
            code = kernels.setdefault(header[1], [])
            continue
        match = Instruction.LINE.match(line)
        if match and code is not None:
            code.append(Instruction(int(match[1], 16), match[2]))
    return {name: code for name, code in kernels.items() if code}


class Loop:
    def __init__(self, code, head, tail):
        self.head, self.tail = head, tail  # numbers of instructions, both inside
        self.body = code[head:tail + 1]
        self.count = collections.Counter(i.base for i in self.body)

    def holds(self, other):
        return self.head <= other.head and other.tail <= self.tail and self is not other


def reachable(code):
    """Numbers of the instructions that a warp in step can come to: not the code for warps whose lanes went
    different ways into a collective, which stands behind the rest and jumps back."""
    number = {i.address: n for n, i in enumerate(code)}
    seen, todo = set(), [0]
    while todo:
        n = todo.pop()
        if n is None or n in seen or n >= len(code):
            continue
        seen.add(n)
        i = code[n]
        todo += [number.get(place) for place in (i.target, i.called) if place is not None]
        if i.guarded or i.base not in ("BRA", "EXIT", "RET") or "DIV" in i.opcode:
            todo.append(n + 1)
    return seen


def loops(code):
    """All loops, by their backward branches; of those with one head the largest."""
    number = {i.address: n for n, i in enumerate(code)}
    found = {}
    for n in sorted(reachable(code)):
        head = number.get(code[n].target) if code[n].target is not None else None
        if head is not None and head < n:
            found[head] = max(found.get(head, 0), n)
    return [Loop(code, h, t) for h, t in sorted(found.items())]


def innermost(all_loops):
    return [l for l in all_loops if not any(l.holds(m) for m in all_loops)]


def heaviest_path(code, loop, weight, trips):
    """Instructions of one turn of `loop` along the path of greatest weight, inner loops repeated by trips(loop).

    Which way a branch goes is not in the code; a warp that does the work of a kernel takes the way on which
    most of that work lies, and `weight` says what work is: a number for each instruction.
    """
    inner = [l for l in loops(code) if loop.holds(l) and l.head > loop.head]
    turns = {l.tail: (l.head, max(1, round(trips(l)))) for l in inner}
    number = {i.address: n for n, i in enumerate(code)}
    deep = collections.Counter()
    factor = [1] * len(code)
    for l in inner:
        for n in range(l.head, l.tail + 1):
            factor[n] *= turns[l.tail][1]
    # greatest weight from each instruction to the loop's end, from the back; forward branches only
    best = [None] * (loop.tail + 2)
    choice = [None] * (loop.tail + 2)
    best[loop.tail] = 0.0
    for n in range(loop.tail - 1, loop.head - 1, -1):
        i = code[n]
        ways = []
        ends = i.base in ("EXIT", "RET") and not i.guarded
        if not ends and not (i.base == "BRA" and not i.guarded and "DIV" not in i.opcode and n not in turns):
            ways.append(n + 1)
        jump = number.get(i.target) if i.target is not None else None
        if jump is not None and n < jump <= loop.tail:
            ways.append(jump)
        ways = [w for w in ways if best[w] is not None]
        if ways:
            choice[n] = max(ways, key=lambda w: best[w])
            best[n] = best[choice[n]] + weight(i) * factor[n]
    path, n = [], loop.head
    while n is not None and n <= loop.tail:
        path.append(n)
        n = choice[n] if n < loop.tail else None
    return [code[n] for n in _unrolled(path, turns)]


def _unrolled(path, turns):
    """Repeats the stretch of the path between a loop's head and its tail."""
    out = []
    for n in path:
        out.append(n)
        if n in turns:
            head, count = turns[n]
            if head in out:
                start = len(out) - 1 - out[::-1].index(head)
                out += out[start:] * (count - 1)
    return out
