#include "host/config/option_rows.hpp"
#include "host/vae/names.hpp"

namespace gmmvae {
namespace {

using enum OptionKind;

constexpr Option kRows[] = {
    {.name = "k",
     .group = "Clustering",
     .verbs = "cluster",
     .kind = text,
     .default_value = "1..16",
     .metavar = "K",
     .help = "numbers of clusters: 5, 2,4,8 or 1..16"},
    {.name = "method",
     .group = "Clustering",
     .verbs = "cluster",
     .kind = choice,
     .default_value = "kmeans",
     .metavar = "kmeans|gmm",
     .help = "whose clusters: k-means, or Gaussian mixtures fitted by expectation maximisation",
     .words =
         [] {
           return Words{"kmeans", "gmm"};
         }},
    {.name = "covariance",
     .group = "Clustering",
     .verbs = "cluster",
     .kind = choice,
     .default_value = "spherical",
     .metavar = "KIND",
     .help = "shape of the mixtures' components, for BIC and --method gmm",
     .words = choices<CovarianceKind>},
    {.name = "references",
     .group = "Clustering",
     .verbs = "cluster",
     .kind = integer,
     .default_value = "10",
     .metavar = "B",
     .help = "reference sets of the gap statistic; 0: no gap statistic",
     .range = kCount},
};

}  // namespace

std::span<const Option> clustering_options() {
  return kRows;
}

}  // namespace gmmvae
