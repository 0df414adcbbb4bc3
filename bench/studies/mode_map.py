"""Draws the map of bench/studies/mode_map.toml from the table that `gmmvae sweep collect` writes.

    python3 mode_map.py TABLE.csv FIGURE.png

Needs matplotlib and numpy.
"""

import csv
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np


def main(table, figure):
    with open(table, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "done"]
    ratio = np.array([float(r["effective_variance"]) / float(r["largest_eigenvalue"]) for r in rows])
    latent = np.array([int(r["latent"]) for r in rows])
    panels = [
        ("modes kept, of 10", np.array([float(r["modes_captured"]) for r in rows]), "viridis", 10),
        ("active latent dimensions", np.array([float(r["active_units"]) for r in rows]), "magma", 5),
    ]
    edges = np.logspace(-3, np.log10(3), 24)
    sizes = np.arange(latent.min(), latent.max() + 1)
    fig, axes = plt.subplots(1, 2, figsize=(10.5, 3.6), constrained_layout=True, sharey=True)
    for axis, (title, values, colors, top) in zip(axes, panels):
        mean = np.full((len(sizes), len(edges) - 1), np.nan)
        for y, size in enumerate(sizes):
            place = np.digitize(ratio, edges) - 1
            for x in range(len(edges) - 1):
                here = values[(latent == size) & (place == x)]
                if here.size:
                    mean[y, x] = here.mean()
        mesh = axis.pcolormesh(edges, np.append(sizes, sizes[-1] + 1) - 0.5, mean, cmap=colors, vmin=0, vmax=top)
        axis.axvline(1.0, color="red", linewidth=1.5)
        axis.set(xscale="log", xlabel="effective decoder variance / largest eigenvalue of the data", yticks=sizes)
        axis.set_title(f"{title}, mean of {len(set(r['seed'] for r in rows))} mixtures", fontsize=10)
        fig.colorbar(mesh, ax=axis)
    axes[0].set_ylabel("latent dimensions")
    axes[0].text(0.92, sizes[-1] + 0.4, "from here on\ncollapse is stable", color="white", va="top", ha="right", fontsize=8)
    fig.savefig(figure, dpi=110)
    above = ratio > 1.05
    active = panels[1][1]
    print(f"{len(rows)} trials; above 1.05 times the threshold {np.mean(active[above] == 0):.1%} have no active")
    print(f"dimension; from 0.5 to 0.95 times, {np.mean(active[(ratio < 0.95) & (ratio > 0.5)] > 0):.1%} have one or more")


if __name__ == "__main__":
    main(*sys.argv[1:])
