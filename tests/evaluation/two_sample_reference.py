"""Freezes two-sample metrics for two_sample_test.cpp: python3 two_sample_reference.py > two_sample_reference.json

Points are exact in single precision. Precision, recall, density and coverage follow the formulas of the prdc package
(Naeem et al. 2020) on scikit-learn's distances; the energy distance and the discrepancy are direct sums in double; the
Wasserstein distance is SciPy's optimal assignment.
"""

import json

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import pairwise_distances


def points(count, dim, shift, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(shift, 1.0, (count, dim)).astype(np.float32).astype(np.float64)


def prdc(real, fake, k):
    radius = lambda x: np.sort(pairwise_distances(x), axis=1)[:, k]
    real_radius, fake_radius, between = radius(real), radius(fake), pairwise_distances(real, fake)
    inside = between < real_radius[:, None]
    return {
        "precision": inside.any(axis=0).mean(),
        "recall": (between < fake_radius[None, :]).any(axis=1).mean(),
        "density": inside.sum(axis=0).mean() / k,
        "coverage": (between.min(axis=1) < real_radius).mean(),
    }


def mmd2(x, y, base):
    total = 0.0
    for scale in (1, 1 / 4, 1 / 16, 1 / 64):
        kernel = lambda a, b: np.exp(-pairwise_distances(a, b, "sqeuclidean") / (2 * base * scale))
        off = lambda m: (m.sum() - np.trace(m)) / (len(m) * (len(m) - 1))
        total += off(kernel(x, x)) + off(kernel(y, y)) - 2 * kernel(x, y).mean()
    return total / 4


def energy(x, y):
    return 2 * pairwise_distances(x, y).mean() - pairwise_distances(x).mean() - pairwise_distances(y).mean()


def wasserstein(x, y):
    cost = pairwise_distances(x, y, "sqeuclidean")
    return float(np.sqrt(cost[linear_sum_assignment(cost)].mean()))


cases = []
for dim, real_count, fake_count, shift in ((1, 40, 40, 0.5), (2, 61, 37, 0.3), (3, 50, 50, 0.0), (7, 33, 45, 0.4)):
    x, y = points(real_count, dim, 0.0, dim), points(fake_count, dim, shift, 100 + dim)
    case = {"dim": dim, "real": x.ravel().tolist(), "generated": y.ravel().tolist(), "k": 5, "base": 2.0 * dim}
    case |= prdc(x, y, 5) | {"mmd2": mmd2(x, y, 2.0 * dim), "energy": energy(x, y)}
    if real_count == fake_count:
        case["wasserstein"] = wasserstein(x, y)
    cases.append(case)
print(json.dumps(cases))
