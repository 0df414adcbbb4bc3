#include "host/config/option_rows.hpp"
#include "host/vae/names.hpp"

namespace gmmvae {
namespace {

using enum OptionKind;

constexpr Option kRows[] = {
    {.name = "layout",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = choice,
     .default_value = "uniform",
     .metavar = "NAME",
     .help = "where the component means lie",
     .words = choices<Layout>},
    {.name = "components",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = integer,
     .default_value = "10",
     .metavar = "K",
     .help = "number of components",
     .range = kPositiveCount},
    {.name = "dim",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = integer,
     .default_value = "3",
     .metavar = "D",
     .help = "number of dimensions",
     .range = kPositiveCount},
    {.name = "samples",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = integer,
     .default_value = "1000",
     .metavar = "N",
     .help = "number of points to draw",
     .range = kPositiveCount},
    {.name = "spread",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = real,
     .default_value = "10",
     .metavar = "R",
     .help = "uniform: means from U(-R,R); normal: R N(0,I); ring: radius; grid: step",
     .range = kLength},
    {.name = "sigma",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = real,
     .default_value = "1",
     .metavar = "S",
     .help = "standard deviation of a component",
     .range = kLength},
    {.name = "covariance",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = choice,
     .default_value = "spherical",
     .metavar = "KIND",
     .help = "shape of the components",
     .words = choices<CovarianceKind>},
    {.name = "weights",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = OptionKind::weights,
     .default_value = "equal",
     .metavar = "W",
     .help = "equal, dirichlet:A, or K comma-separated numbers"},
    {.name = "mixture",
     .group = "Mixture",
     .verbs = kDraws,
     .kind = path,
     .metavar = "FILE.toml",
     .help = "read the mixture from this file instead ([[component]] tables)",
     .unset = "drawn"},
};

}  // namespace

std::span<const Option> mixture_options() {
  return kRows;
}

}  // namespace gmmvae
