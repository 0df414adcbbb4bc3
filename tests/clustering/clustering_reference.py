"""Freezes scikit-learn's figures for clustering_test.cpp: python3 clustering_reference.py > clustering_reference.json"""

import json

import numpy as np
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

cases = []
for dim, k, per in ((1, 2, 40), (2, 3, 50), (3, 4, 45), (6, 3, 60)):
    rng = np.random.default_rng(dim)
    shapes = rng.normal(0, 0.6, (k, dim, dim)) + np.eye(dim)
    x = np.concatenate([rng.normal(0, 1, (per + 7 * c, dim)) @ shapes[c] + 9.0 * rng.normal(0, 1, dim) for c in range(k)])
    x = x.astype(np.float32).astype(np.float64)
    truth = np.concatenate([np.full(per + 7 * c, c) for c in range(k)])
    kmeans = KMeans(k, n_init=50, tol=0, random_state=0).fit(x)
    labels = rng.permutation(truth)  # figures of a bad labelling too
    case = {
        "dim": dim, "k": k, "x": x.ravel().tolist(), "truth": truth.tolist(), "shuffled": labels.tolist(),
        "inertia": kmeans.inertia_, "kmeans": kmeans.labels_.tolist(),
        "silhouette": metrics.silhouette_score(x, kmeans.labels_),
        "silhouette_shuffled": metrics.silhouette_score(x, labels),
        "calinski_harabasz": metrics.calinski_harabasz_score(x, kmeans.labels_),
        "adjusted_rand": metrics.adjusted_rand_score(truth, kmeans.labels_),
        "adjusted_rand_shuffled": metrics.adjusted_rand_score(truth, labels),
        "information": metrics.normalized_mutual_info_score(truth, kmeans.labels_),
        "information_shuffled": metrics.normalized_mutual_info_score(truth, labels),
    }
    for name, kind in (("spherical", "spherical"), ("diagonal", "diag"), ("full", "full")):
        # Started from the true labels, as the test does, and run until nothing moves.
        start = GaussianMixture(k, covariance_type=kind, tol=1e-12, max_iter=5000, reg_covar=1e-9)
        start._initialize_parameters = lambda x, random_state, xp=None, g=start: g._initialize(x, np.eye(k)[truth])
        fit = start.fit(x)
        case[name] = {"log_likelihood": fit.score(x) * len(x), "bic": fit.bic(x), "weights": sorted(fit.weights_.tolist())}
    cases.append(case)
print(json.dumps(cases))
