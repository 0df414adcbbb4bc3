"""t-SNE of Gaussian clusters, `gmmvae tsne` in turn with openTSNE, as rows of a Markdown table.

    python3 bench/peers/tsne_compare.py 10000x50x20 20000x100x4
    python3 bench/peers/tsne_compare.py --without-peer 1000000x50x20
    python3 bench/peers/tsne_compare.py --crossover 1000 2000 4000 8000

A size is points x columns x centres of scikit-learn's make_blobs, seed 0. 750 iterations, perplexity 30, no early stop but
ours. Ours runs before and after the peer, and the slower time counts. Seconds are of the whole command, reading and writing included;
memory is the largest resident set. --crossover prints seconds of the descent alone by either gradient.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from sklearn.datasets import make_blobs

PEER = pathlib.Path(__file__).with_name("tsne_opentsne.py")


def measured(command):
    """The JSON that a command prints, with the seconds it took and the largest resident set of it, in bytes."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} failed with status {status}")
    result = json.loads(printed)
    result.update(wall=time.perf_counter() - begin, cpu=usage.ru_utime + usage.ru_stime, memory=usage.ru_maxrss * 1024)
    return result


def ours(program, points, folder, *options):
    out = folder / "embedding.npy"
    common = ["--data", points, "--iterations", "750", "--json", "--out", out]
    return measured([program, "tsne", *common, *options])


def save_points(folder, size):
    count, columns, centres = (int(n) for n in size.split("x"))
    x, _ = make_blobs(count, columns, centers=centres, random_state=0)
    path = folder / "points.npy"
    np.save(path, x.astype(np.float32))
    return path, count


def row(name, run, count, kl):
    recall = run.get("neighbor_recall")
    neighbors = "" if recall is None else f", neighbours' recall {recall:.4f}"
    print(
        f"| {name}{neighbors} | {run['wall']:.1f} s | {run['cpu']:.1f} s | {kl:.4f} | {run['memory'] / count:.0f} B |",
        flush=True,
    )


def compare(program, size, with_peer, folder):
    points, count = save_points(folder, size)
    runs = [ours(program, points, folder)]
    if with_peer:
        peer = measured([sys.executable, PEER, points])
        peer["wall"], peer["cpu"] = peer["seconds"], peer["cpu_seconds"]
        runs.append(ours(program, points, folder))
    slower = max(runs, key=lambda run: run["wall"])
    row(f"{size}: gmmvae", slower, count, slower["kl_divergence"])
    print(f"<!-- {slower['seconds']} -->")
    if with_peer:
        row(f"{size}: openTSNE", peer, count, peer["kl_divergence"])
        print(f"<!-- {peer['wall'] / slower['wall']:.1f} times -->", flush=True)


def crossover(program, counts, folder):
    for count in counts:
        points, _ = save_points(folder, f"{count}x50x20")
        seconds = {m: ours(program, points, folder, "--method", m)["seconds"]["descent"] for m in ("exact", "fft")}
        print(f"| {count} | {seconds['exact']:.2f} s | {seconds['fft']:.2f} s |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/gmmvae")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--crossover", action="store_true", help="sizes are numbers of points")
    parser.add_argument("sizes", nargs="+")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if arguments.crossover:
            crossover(arguments.program, arguments.sizes, folder)
            return
        for size in arguments.sizes:
            compare(arguments.program, size, not arguments.without_peer, folder)


if __name__ == "__main__":
    main()
