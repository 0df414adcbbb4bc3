"""openTSNE on the points of a .npy file, to be run in turn with `gmmvae tsne --data FILE --iterations 750 --json`.

    python3 bench/peers/tsne_opentsne.py points.npy [perplexity] [threads]

Its FFT method and its own choice of neighbours; 250 iterations of early exaggeration and 500 without.
"""

import sys
import time

import numpy as np
from openTSNE import TSNE

x = np.load(sys.argv[1])
perplexity, threads = (int(a) for a in (sys.argv[2:] + ["30", "2"][len(sys.argv) - 2 :]))
begin = time.perf_counter()
fit = TSNE(perplexity=perplexity, n_jobs=threads, negative_gradient_method="fft", random_state=1).fit(x)
print(f"{time.perf_counter() - begin:.2f} s, KL {fit.kl_divergence:.4f}")
