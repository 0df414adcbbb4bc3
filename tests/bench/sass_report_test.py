"""bench/sass_report on listings whose clocks can be worked out by hand, and its comparison with measured times.

usage: sass_report_test.py SOURCE SCRATCH
"""

import json
import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True  # the sources' folder stays as it is

SOURCE, SCRATCH = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.path.join(SOURCE, "bench", "sass"))
import compiled  # noqa: E402
import replay  # noqa: E402

MODEL = {name: value for name, (value, _) in replay.MODEL.items()}


def listing(lines):
    """As cuobjdump prints a kernel, an instruction every 16 bytes."""
    text = "\t\tFunction : kernel\n"
    for n, line in enumerate(lines):
        text += f"        /*{16 * n:04x}*/                   {line} ;  /* 0x0 */\n"
    return compiled.parse(text)["kernel"]


class Replay(unittest.TestCase):
    def clocks(self, lines, warps=1, blocks=1):
        code = listing(lines + ["BAR.SYNC.DEFER_BLOCKING 0x0"])
        return replay.replay([code] * warps, blocks, turns=4)[0]

    def test_a_chain_waits_for_each_result(self):
        chain = ["FFMA R1, R1, R2, R3"] * 50
        self.assertAlmostEqual(self.clocks(chain), 50 * MODEL["arithmetic latency"] + MODEL["barrier"], delta=10)

    def test_free_instructions_issue_one_a_clock_and_sub_core(self):
        free = [f"FFMA R{10 + n}, R1, R2, R3" for n in range(100)]
        self.assertAlmostEqual(self.clocks(free), 100 + MODEL["barrier"], delta=10)
        self.assertAlmostEqual(self.clocks(free, warps=4), 100 + MODEL["barrier"], delta=10)
        self.assertAlmostEqual(self.clocks(free, warps=8), 200 + MODEL["barrier"], delta=10)

    def test_shared_memory_is_one_unit(self):
        loads = [f"LDS.128 R{8 + 4 * n}, [R1+0x10]" for n in range(40)]
        busy = 8 * 40 * MODEL["LDS.128"]
        self.assertAlmostEqual(self.clocks(loads, warps=8), busy, delta=0.15 * busy)

    def test_lanes_that_read_apart_take_their_time(self):
        code = listing([f"LDS.128 R{8 + 4 * n}, [R1+0x10]" for n in range(40)] + ["BAR.SYNC.DEFER_BLOCKING 0x0"])
        for i in code:
            i.apart = True
        busy = 8 * 40 * MODEL["LDS.128 apart"]
        self.assertAlmostEqual(replay.replay([code] * 8, turns=4)[0], busy, delta=0.15 * busy)

    def test_copies_are_waited_for_where_the_code_waits(self):
        copy = ["LDGSTS.E.BYPASS.128 [R2], desc[UR4][R4.64]", "LDGDEPBAR"]
        least = MODEL["global latency"] + MODEL["LDGSTS.128"] + MODEL["barrier"]
        self.assertAlmostEqual(self.clocks(copy + ["DEPBAR.LE SB0, 0x0"]), least, delta=10)
        self.assertLess(self.clocks(copy + ["FFMA R1, R2, R3, R4"]), MODEL["global latency"])
        # with one group open, each turn waits for the copy of the turn before
        free = [f"FFMA R{10 + n % 90}, R1, R2, R3" for n in range(400)]
        self.assertAlmostEqual(self.clocks(copy + ["DEPBAR.LE SB0, 0x1"] + free), 400 + MODEL["barrier"], delta=15)

    def test_blocks_wait_only_for_themselves(self):
        chain = ["FFMA R1, R1, R2, R3"] * 50
        self.assertAlmostEqual(self.clocks(chain, 2, 4), 50 * MODEL["arithmetic latency"] + MODEL["barrier"], delta=25)


class Paths(unittest.TestCase):
    CODE = ["MOV R1, R2",  # 0x00
            "ISETP.NE.AND P0, PT, R1, RZ, PT",  # 0x10, head of the outer loop
            "@P0 BRA 0x60",  # 0x20
            "FFMA R3, R3, R4, R5",  # 0x30, inner loop
            "@P1 BRA 0x30",  # 0x40
            "BRA 0x70",  # 0x50
            "MUFU.RCP R6, R6",  # 0x60
            "BAR.SYNC 0x0",  # 0x70
            "@P2 BRA 0x10",  # 0x80
            "EXIT"]

    def test_loops_and_the_way_of_most_work(self):
        code = listing(self.CODE)
        outer, inner = compiled.loops(code)
        self.assertEqual((outer.head, outer.tail, inner.head, inner.tail), (1, 8, 3, 4))
        path = compiled.heaviest_path(code, outer, lambda i: float(i.base == "FFMA"), lambda loop: 3)
        self.assertEqual([i.base for i in path], ["ISETP", "BRA"] + ["FFMA", "BRA"] * 3 + ["BRA", "BAR", "BRA"])
        path = compiled.heaviest_path(code, outer, lambda i: float(i.base == "MUFU"), lambda loop: 3)
        self.assertEqual([i.base for i in path], ["ISETP", "BRA", "MUFU", "BAR", "BRA"])

    def test_code_for_lanes_out_of_step_is_no_loop(self):
        code = listing(["BRA.DIV UR4, 0x40", "SHFL.BFLY PT, R1, R2, 0x1, 0x1f", "MOV R3, R1", "EXIT",
                        "WARPSYNC.COLLECTIVE R5, 0x50", "BRA 0x20"])
        self.assertEqual(compiled.loops(code), [])

    def test_registers(self):
        load, multiply, wide = listing(["LDS.128 R4, [R2+0x10]", "@!P0 FFMA R1, R4, R5, R6", "DFMA R8, R10, R12, R14"])
        self.assertEqual((load.writes, load.reads, load.width), ([4, 5, 6, 7], [2], 4))
        self.assertEqual((multiply.writes, multiply.reads, multiply.guarded), ([1], [4, 5, 6], True))
        self.assertEqual((wide.writes, wide.reads), ([8, 9], [10, 11, 12, 13, 14, 15]))


class Beside(unittest.TestCase):
    def test_prints_the_ratio_of_measured_to_predicted(self):
        os.makedirs(SCRATCH, exist_ok=True)
        files = {
            "predicted": {"steps": [{"kernel": "train_two_hidden", "clocks_per_step": 20000.0}], "tiled": {"layers": []}},
            # 100 epochs of 10.6 steps, each of 20 us where 20000 clocks at 2000 MHz make 10
            "bench": {"cases": [{"name": "one small model", "seconds": 1060 * 20e-6, "epochs": 100}]},
            "measure": {"clock_mhz": 2000.0, "multiprocessors": 132, "clocks_per_lds128_paired": 2.0,
                        "clocks_per_lds128_unpaired": 4.0, "mma_tf32_tflops": 200.0},
        }
        names = []
        for name, content in files.items():
            names.append(os.path.join(SCRATCH, name + ".json"))
            with open(names[-1], "w") as file:
                json.dump(content, file)
        command = [sys.executable, os.path.join(SOURCE, "bench", "sass_report"), "--beside"]
        said = subprocess.run(command + names, capture_output=True, text=True)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("| step, one small model | 10 us | 20 us | 2.00 |", said.stdout)
        missing = subprocess.run(command + names[:2] + ["none.json"], capture_output=True, text=True)
        self.assertEqual(missing.returncode, 1)
        self.assertIn("none.json", missing.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
