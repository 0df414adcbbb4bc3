#include "host/config/option_rows.hpp"

namespace gmmvae {
namespace {

using enum OptionKind;

constexpr Option kRows[] = {
    {.name = "perplexity",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = real,
     .default_value = "30",
     .metavar = "P",
     .help = "how many neighbours count; lowered to (N-1)/3 for few points",
     .range = kAboveZero},
    {.name = "iterations",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = integer,
     .default_value = "1000",
     .metavar = "N",
     .help = "most steps of the descent; 0: none",
     .range = kCount},
    {.name = "method",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = choice,
     .default_value = "auto",
     .metavar = "auto|exact|fft",
     .help = "the gradient: all pairs, or interpolation and Fourier transforms",
     .words =
         [] {
           return Words{"auto", "exact", "fft"};
         }},
    {.name = "neighbors",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = choice,
     .default_value = "auto",
     .metavar = "KIND",
     .help = "auto takes approximate ones only where exact ones would take longer than the rest",
     .words =
         [] {
           return Words{"auto", "exact", "approximate"};
         }},
    {.name = "dim",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = integer,
     .default_value = "2",
     .metavar = "D",
     .help = "dimensions of the embedding: 1, 2 or 3",
     .range = {.lowest = 1, .highest = 3}},
    {.name = "init",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = text,
     .default_value = "pca",
     .metavar = "pca|random|FILE.npy",
     .help = "where points start"},
    {.name = "exaggeration",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = real,
     .default_value = "12",
     .metavar = "E",
     .help = "of the attraction in the first phase, which ends by itself",
     .range = kAboveZero},
    {.name = "late-exaggeration",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = real,
     .default_value = "1",
     .metavar = "E",
     .help = "of the attraction from then on",
     .range = kAboveZero},
    {.name = "learning-rate",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = real,
     .default_value = "auto",
     .metavar = "RATE",
     .help = "auto: number of points / exaggeration, but at least 50",
     .words = [] { return Words{"auto"}; },
     .range = kAboveZero},
    {.name = "transform",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = path,
     .metavar = "FILE.npz",
     .help = "place the points in this finished embedding instead",
     .unset = "a new embedding",
     .effect = Effect::input},
    {.name = "snapshots",
     .group = "Embedding",
     .verbs = "tsne",
     .kind = integer,
     .default_value = "0",
     .metavar = "N",
     .help = "keep the positions of every N-th iteration; 0: none",
     .range = kCount},
};

}  // namespace

std::span<const Option> embedding_options() {
  return kRows;
}

}  // namespace gmmvae
