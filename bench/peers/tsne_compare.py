"""t-SNE of Gaussian clusters, `gmmvae tsne` in turn with openTSNE, as rows of a Markdown table.

    python3 bench/peers/tsne_compare.py 10000x50x20 20000x100x4
    python3 bench/peers/tsne_compare.py --once --late --peer-iterations 60 1000000x50x20
    python3 bench/peers/tsne_compare.py --without-peer 1000000x50x20
    python3 bench/peers/tsne_compare.py --neighbors 100000x50x20 100000x50x1
    python3 bench/peers/tsne_compare.py --crossover 1000 2000 4000 8000

A size is points x columns x centres of scikit-learn's make_blobs, seed 0. 750 iterations or as many as told, perplexity
30, no early stop but ours. Ours runs before and after the peer, and the slower time counts; with --once before it
alone. Seconds are of the whole command, reading and writing included; memory is the largest resident set. With --late
the peer is also timed over five iterations from the embedding that ours ended in, where grids are large. --neighbors
prints seconds of the search for neighbours by either way; --crossover those of the descent by either gradient.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.datasets import make_blobs

PEER = pathlib.Path(__file__).with_name("tsne_opentsne.py")


# The largest resident set of a process is at least its parent's when it was started, so a command is started by a
# Python without packages (some 9 MB) and not by this one.
STARTER = """
import os, subprocess, sys, time
begin = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=2, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(status, time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
"""


def measured(command):
    """The JSON that a command prints, with the seconds it took and the largest resident set of it, in bytes."""
    starter = [sys.executable, "-S", "-E", "-c", STARTER, *map(str, command)]
    process = subprocess.run(starter, capture_output=True, text=True, check=True)
    status, wall, cpu, memory = map(float, process.stdout.split())
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} failed with status {status}")
    result = json.loads(process.stderr)
    result.update(wall=wall, cpu=cpu, memory=memory)
    return result


def ours(program, points, folder, *options, iterations=750):
    out = folder / "embedding.npy"
    common = ["--data", points, "--iterations", str(iterations), "--json", "--out", out]
    return measured([program, "tsne", *common, *options])


def save_points(folder, size):
    count, columns, centres = (int(n) for n in size.split("x"))
    x, _ = make_blobs(count, columns, centers=centres, random_state=0)
    path = folder / "points.npy"
    np.save(path, x.astype(np.float32))
    return path, count


def row(name, run, count, kl, before, descent, iterations):
    recall = run.get("neighbor_recall")
    neighbors = "" if recall is None else f", neighbours' recall {recall:.4f}"
    print(
        f"| {name}{neighbors} | {run['wall']:.1f} s | {run['cpu']:.1f} s | {kl:.4f} | {run['memory'] / count:.0f} B "
        f"| {before:.2f} s | {1000 * descent / iterations:.1f} ms x {iterations} |",
        flush=True,
    )


def compare(arguments, size, folder):
    points, count = save_points(folder, size)
    run = lambda: ours(arguments.program, points, folder, iterations=arguments.iterations)  # noqa: E731
    runs = [run()]
    if not arguments.without_peer:
        late = ["--late", folder / "embedding.npy"] if arguments.late else []
        iterations = arguments.peer_iterations or arguments.iterations
        peer = measured([sys.executable, PEER, points, "--iterations", str(iterations), *late])
        peer["wall"], peer["cpu"] = peer["seconds"], peer["cpu_seconds"]
        if not arguments.once:
            runs.append(run())
    slower = max(runs, key=lambda run: run["wall"])
    seconds = slower["seconds"]
    before = seconds["neighbors"] + seconds["affinities"] + seconds["start"]
    row(f"{size}: gmmvae", slower, count, slower["kl_divergence"], before, seconds["descent"], slower["iterations"])
    print(f"<!-- {seconds} -->")
    if not arguments.without_peer:
        name = f"{size}: openTSNE"
        row(name, peer, count, peer["kl_divergence"], peer["prepare"], peer["descent"], peer["iterations"])
        print(f"<!-- {peer['wall'] / slower['wall']:.1f} times; late: {peer.get('late')} s an iteration -->", flush=True)


def neighbors(program, size, folder):
    points, count = save_points(folder, size)
    cells = []
    for way in ("exact", "approximate", "auto"):
        run = ours(program, points, folder, "--neighbors", way, "--init", "random", iterations=0)
        cells.append(f"{run['seconds']['neighbors']:.2f} s, {run['memory'] / count:.0f} B")
        if run["neighbor_recall"] is not None:
            cells[-1] += f", recall {run['neighbor_recall']:.4f}"
    print(f"| {size} | {' | '.join(cells)} |", flush=True)


def crossover(program, count, folder):
    points, _ = save_points(folder, f"{count}x50x20")
    seconds = {m: ours(program, points, folder, "--method", m)["seconds"]["descent"] for m in ("exact", "fft")}
    print(f"| {count} | {seconds['exact']:.2f} s | {seconds['fft']:.2f} s |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/gmmvae")
    parser.add_argument("--iterations", type=int, default=750)
    parser.add_argument("--peer-iterations", type=int, help="of the peer alone, where all of them take too long")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--once", action="store_true", help="ours runs once, before the peer")
    parser.add_argument("--late", action="store_true", help="time the peer's iterations from our embedding on, too")
    parser.add_argument("--neighbors", action="store_true")
    parser.add_argument("--crossover", action="store_true", help="sizes are numbers of points")
    parser.add_argument("sizes", nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for size in arguments.sizes:
            if arguments.crossover:
                crossover(arguments.program, size, folder)
            elif arguments.neighbors:
                neighbors(arguments.program, size, folder)
            else:
                compare(arguments, size, folder)


if __name__ == "__main__":
    main()
