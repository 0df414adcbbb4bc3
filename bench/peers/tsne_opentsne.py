"""openTSNE on the points of a .npy file; tsne_compare.py runs it in turn with `gmmvae tsne`.

    python3 bench/peers/tsne_opentsne.py points.npy [perplexity] [threads]

Its FFT method and its own choice of neighbours; 250 iterations of early exaggeration and 500 without. One line of JSON:
`seconds`, `cpu_seconds` and `kl_divergence`.
"""

import json
import sys
import time

import numpy as np
from openTSNE import TSNE

x = np.load(sys.argv[1])
perplexity, threads = (int(a) for a in (sys.argv[2:] + ["30", "2"][len(sys.argv) - 2 :]))
begin, cpu = time.perf_counter(), time.process_time()
fit = TSNE(perplexity=perplexity, n_jobs=threads, negative_gradient_method="fft", random_state=1).fit(x)
seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "kl_divergence": float(fit.kl_divergence)}))
