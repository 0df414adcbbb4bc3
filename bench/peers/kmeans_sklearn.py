"""k-means on 1e6 x 3, k = 10, 3 starts, in scikit-learn: the same work as kmeans_bench, to be run in turn with it.

    python3 bench/peers/kmeans_sklearn.py [points] [clusters] [starts]
"""

import sys
import time

import numpy as np
from sklearn.cluster import KMeans

points, clusters, starts = (int(a) for a in (sys.argv[1:] + ["1000000", "10", "3"][len(sys.argv) - 1 :]))
rng = np.random.default_rng(1)
means = rng.uniform(-10, 10, (10, 3))
x = (means[rng.integers(10, size=points)] + rng.normal(size=(points, 3))).astype(np.float32)
for repeat in range(3):
    begin = time.perf_counter()
    fit = KMeans(clusters, n_init=starts, random_state=repeat).fit(x)
    print(f"{time.perf_counter() - begin:.3f} s, inertia {fit.inertia_:.6g}, {fit.n_iter_} iterations")
