"""The whole table of ratios: every peer in turn with gmmvae on every row of the table, one command.

    python3 bench/peers/table.py --gmmvae build/release/gmmvae [--rows 1,3] [--rounds 5] [--out table.md]

Rows are numbered from 1; --list shows them. Each row is a run of compare.py: peers are compiled first (their first
training, timed apart), then all train in turn on the same cores, losses must agree before a time counts, and ratios are
taken within a round. The exit code is 1 where losses do not agree.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

# hidden widths, models, cores, peers, whole commands too
ROWS = [
    ("16", 1, "0", "jax_scan,pytorch_eager", False),
    ("32,32", 1, "0", "jax_scan,pytorch_eager", False),
    ("64,64", 1, "0", "jax_scan,pytorch_eager", True),
    ("64,64", 1, "0", "pytorch_compile", False),
    ("128,64", 1, "0", "jax_scan,pytorch_eager", False),
    ("256,256", 1, "0", "jax_scan,pytorch_eager", False),
    ("64,64", 64, "0,1", "jax_vmap", False),
    ("64,64", 64, "0,1", "pytorch_func", False),
    ("16", 64, "0,1", "jax_vmap,pytorch_func", False),
]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gmmvae", default="build/release/gmmvae")
    options.add_argument("--rows", default="", help="numbers of rows, comma-separated; all without it")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--cpu-time", action="store_true", help="as compare.py has it, for the rows on one core")
    options.add_argument("--list", action="store_true")
    options.add_argument("--out", default="", help="also append the tables to this file")
    options = options.parse_args()
    if options.list:
        for number, (hidden, models, cores, peers, whole) in enumerate(ROWS, 1):
            extra = ", whole commands" if whole else ""
            print(f"{number}: hidden {hidden}, {models} model(s), cores {cores}: {peers}{extra}")
        return 0
    wanted = [int(row) for row in options.rows.split(",")] if options.rows else range(1, len(ROWS) + 1)
    code = 0
    for row in wanted:
        hidden, models, cores, peers, whole = ROWS[row - 1]
        command = [sys.executable, str(HERE / "compare.py"), "--gmmvae", options.gmmvae, "--hidden", hidden]
        command += ["--models", str(models), "--cores", cores, "--peers", peers, "--rounds", str(options.rounds)]
        command += ["--whole"] if whole else []
        command += ["--cpu-time"] if options.cpu_time and models == 1 else []
        command += ["--out", options.out] if options.out else []
        code = max(code, subprocess.run(command).returncode)
        print(flush=True)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
