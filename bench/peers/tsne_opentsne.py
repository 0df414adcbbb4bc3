"""openTSNE on the points of a .npy file; tsne_compare.py runs it in turn with `gmmvae tsne`.

    python3 bench/peers/tsne_opentsne.py points.npy [--iterations 750] [--late embedding.npy]

Its FFT method and its own choice of neighbours, on all cores of 2; a third of the iterations, at most 250, with early
exaggeration. One line of JSON: `seconds` and `cpu_seconds` of all of it, `prepare` (neighbours, affinities and where to
start) and `descent` apart, `kl_divergence`. With --late: `late`, seconds an iteration from that embedding on.
"""

import argparse
import json
import time

import numpy as np
from openTSNE import TSNE

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("points")
parser.add_argument("--iterations", type=int, default=750)
parser.add_argument("--perplexity", type=float, default=30)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--late")
arguments = parser.parse_args()
exaggerated = min(250, arguments.iterations // 3)

x = np.load(arguments.points)
begin, cpu = time.perf_counter(), time.process_time()
tsne = TSNE(
    perplexity=arguments.perplexity, n_jobs=arguments.threads, negative_gradient_method="fft", random_state=1
)
embedding = tsne.prepare_initial(x)
prepared = time.perf_counter()
# What TSNE.fit does, in the same two phases with its own numbers.
embedding.optimize(
    exaggerated, exaggeration=tsne.early_exaggeration, momentum=tsne.initial_momentum, inplace=True
)
embedding.optimize(
    arguments.iterations - exaggerated, exaggeration=tsne.exaggeration, momentum=tsne.final_momentum, inplace=True
)
end = time.perf_counter()
result = {
    "seconds": end - begin,
    "cpu_seconds": time.process_time() - cpu,
    "prepare": prepared - begin,
    "descent": end - prepared,
    "iterations": arguments.iterations,
    "kl_divergence": float(embedding.kl_divergence),
}
if arguments.late:
    steps = 5
    embedding[:] = np.load(arguments.late)
    begin = time.perf_counter()
    embedding.optimize(steps, momentum=tsne.final_momentum, inplace=True)
    result["late"] = (time.perf_counter() - begin) / steps
print(json.dumps(result))
