"""Trains the same models with gmmvae, PyTorch and JAX in turn and prints how much longer the peers take.

    python3 bench/peers/compare.py --gmmvae build/release/gmmvae [--hidden 64,64] [--models 1] [--cores 0] [--rounds 7]
                                   [--peers jax_scan,pytorch_eager] [--whole] [--out table.md]

Every peer is started once and does one training that is not counted (it compiles); then, round by round, each trains
once, one after the other, on the same cores. A ratio is taken within a round, so that what else the machine does meets
both sides; the table has the median, least and greatest. Times are wall times of the training, --cpu-time makes them the
processor's time of the process (for one core, on a machine that is not idle). The losses over the last ten epochs must
agree before a time counts: a peer's mean over its models within five standard errors of ours, or within one per cent.

With --whole, one more table: the time from starting the command to the written model file, compilation included.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
WORK = HERE / "training.json"


def environment(cores):
    threads = str(len(cores.split(",")))
    flags = "" if threads != "1" else "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return os.environ | {name: threads for name in names} | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


class Peer:
    """A Python peer, kept running: it answers a seed with the seconds and losses of a training."""

    def __init__(self, name, options, data, out=""):
        self.name = name
        self.begin = time.perf_counter()
        self.process = subprocess.Popen(
            ["taskset", "-c", options.cores, sys.executable, str(HERE / f"{name}.py"), "--work", str(WORK)]
            + ["--data", data, "--hidden", options.hidden, "--models", str(options.models), "--out", out],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(options.cores),
        )

    def train(self, seed):
        self.process.stdin.write(f"{seed}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended without an answer; run it by hand to see why")
        return json.loads(line)

    def close(self):
        """Ends the peer; the seconds since its start."""
        self.process.stdin.close()
        self.process.wait()
        return time.perf_counter() - self.begin


class Gmmvae:
    """Our command, started anew for every training; it reports the seconds of the training alone."""

    name = "gmmvae"

    def __init__(self, options, data, folder):
        work = json.loads(WORK.read_text())
        objective, adam = work["objective"], work["adam"]
        self.options = options
        self.history = os.path.join(folder, "history.csv")
        self.command = ["taskset", "-c", options.cores, options.gmmvae, "train", "--data", data, "--device", "cpu"]
        self.command += ["--threads", str(len(options.cores.split(","))), "--models", str(options.models)]
        self.command += ["--hidden", options.hidden, "--latent", str(work["latent"]), "--activation", work["activation"]]
        self.command += ["--objective", objective["name"], "--scale", work["data"]["scale"]]
        self.command += ["--batch", str(work["batch"]), "--epochs", str(work["epochs"]), "--lr", str(adam["rate"])]
        self.command += ["--out", os.path.join(folder, "model.safetensors"), "--history", self.history, "--json"]

    def run(self, seed):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([*self.command, "--seed", str(seed)], capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(self.command)}\nended with {done.returncode}: {done.stderr}")
        answer = json.loads(done.stdout)
        answer["cpu_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return answer

    def train(self, seed):
        return self.run(seed) | {"loss": self.last_losses()}

    def last_losses(self):
        """Mean loss over the last ten epochs, by model."""
        losses = {}
        with open(self.history) as file:
            columns = file.readline().strip().split(",")
            for line in file:
                row = dict(zip(columns, line.strip().split(",")))
                losses.setdefault(row.get("model", "0"), []).append(float(row["loss"]))
        return [statistics.fmean(of_a_model[-10:]) for of_a_model in losses.values()]

    def close(self):
        pass


def draw_data(options, folder):
    data = json.loads(WORK.read_text())["data"]
    path = os.path.join(folder, "data.npz")
    command = [options.gmmvae, "generate", "--layout", data["layout"], "--components", str(data["components"])]
    command += ["--dim", str(data["dim"]), "--samples", str(data["samples"]), "--seed", str(data["seed"])]
    subprocess.run([*command, "--out", path], check=True, capture_output=True)
    return path


def agreement(losses, ours):
    """How far a peer's mean loss is from ours, in standard errors of the difference and as a fraction."""
    difference = statistics.fmean(losses) - statistics.fmean(ours)
    error = sum(statistics.variance(each) / len(each) for each in (losses, ours)) ** 0.5
    return abs(difference) / error, abs(difference) / abs(statistics.fmean(ours))


def in_turn(options, contestants):
    """[peer][round] seconds, [peer][...] losses, after one round that is not counted but returned as the first times."""
    first = {each.name: each.train(1)["seconds"] for each in contestants}
    seconds = {each.name: [] for each in contestants}
    losses = {each.name: [] for each in contestants}
    for round_ in range(options.rounds):
        for each in contestants:
            answer = each.train(2 + round_)
            seconds[each.name].append(answer["cpu_seconds" if options.cpu_time else "seconds"])
            losses[each.name] += answer["loss"]
    return first, seconds, losses


def table(options, first, seconds, losses):
    unit = "CPU seconds" if options.cpu_time else "seconds"
    head = f"hidden {options.hidden}, {options.models} model(s), cores {options.cores}, {options.rounds} rounds"
    lines = [f"{head}", "", f"| | first, s | {unit} | times ours: median | least | greatest | loss, last ten epochs | agrees |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    ours = seconds["gmmvae"]
    agree = True
    for name, times in seconds.items():
        ratios = [theirs / own for theirs, own in zip(times, ours)]
        loss = f"{statistics.fmean(losses[name]):.3f} ± {statistics.stdev(losses[name]) / len(losses[name]) ** 0.5:.3f}"
        verdict = ""
        if name != "gmmvae":
            errors, fraction = agreement(losses[name], losses["gmmvae"])
            same = errors < 5 or fraction < 0.01
            agree = agree and same
            verdict = f"{'yes' if same else 'NO'}: {errors:.1f} se, {100 * fraction:.2f} %"
        lines.append(
            f"| {name} | {first[name]:.2f} | {statistics.median(times):.4f} | {statistics.median(ratios):.2f} "
            f"| {min(ratios):.2f} | {max(ratios):.2f} | {loss} | {verdict} |"
        )
    return lines, agree


def whole_commands(options, data, folder):
    """Start of the command to the written model, once a round each, in turn."""
    names = [name for name in options.peers.split(",") if name]
    seconds = {name: [] for name in ["gmmvae", *names]}
    for round_ in range(options.whole_rounds):
        ours = Gmmvae(options, data, folder)
        begin = time.perf_counter()
        ours.run(1 + round_)
        seconds["gmmvae"].append(time.perf_counter() - begin)
        for name in names:
            peer = Peer(name, options, data, out=os.path.join(folder, f"{name}.npz"))
            peer.train(1 + round_)
            seconds[name].append(peer.close())
    lines = ["", "whole command, from its start to the model file", "", "| | seconds, median | times ours |", "|---|---|---|"]
    for name, times in seconds.items():
        ratio = statistics.median(theirs / own for theirs, own in zip(times, seconds["gmmvae"]))
        lines.append(f"| {name} | {statistics.median(times):.3f} | {ratio:.0f} |")
    return lines


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gmmvae", default="build/release/gmmvae")
    options.add_argument("--peers", default="jax_scan,pytorch_eager")
    options.add_argument("--hidden", default="64,64")
    options.add_argument("--models", type=int, default=1)
    options.add_argument("--cores", default="0", help="as taskset -c takes them, comma-separated")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--cpu-time", action="store_true")
    options.add_argument("--whole", action="store_true")
    options.add_argument("--whole-rounds", type=int, default=3)
    options.add_argument("--out", default="", help="also append the tables to this file")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = draw_data(options, folder)
        peers = [Peer(name, options, data) for name in options.peers.split(",") if name]
        contestants = [Gmmvae(options, data, folder), *peers]
        lines, agree = table(options, *in_turn(options, contestants))
        for peer in peers:
            peer.close()
        if options.whole:
            lines += whole_commands(options, data, folder)
    print("\n".join(lines))
    if options.out:
        with open(options.out, "a") as file:
            file.write("\n".join(lines) + "\n\n")
    return 0 if agree else 1


if __name__ == "__main__":
    raise SystemExit(main())
