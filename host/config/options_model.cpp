#include "host/config/option_rows.hpp"
#include "host/vae/names.hpp"

namespace gmmvae {
namespace {

using enum OptionKind;

constexpr Option kRows[] = {
    // Model
    {.name = "hidden",
     .group = "Model",
     .verbs = kTrains,
     .kind = widths,
     .default_value = "64,64",
     .metavar = "W,W,...",
     .help = "hidden widths of the encoder, mirrored by the decoder; none: a linear model",
     .words = [] { return Words{"none"}; }},
    {.name = "encoder-hidden",
     .group = "Model",
     .verbs = kTrains,
     .kind = widths,
     .metavar = "W,W,...",
     .help = "hidden widths of the encoder alone",
     .unset = "as --hidden",
     .words = [] { return Words{"none"}; }},
    {.name = "decoder-hidden",
     .group = "Model",
     .verbs = kTrains,
     .kind = widths,
     .metavar = "W,W,...",
     .help = "hidden widths of the decoder alone",
     .unset = "--hidden mirrored",
     .words = [] { return Words{"none"}; }},
    {.name = "latent",
     .group = "Model",
     .verbs = kHasObjective,
     .kind = integer,
     .default_value = "2",
     .metavar = "Z",
     .help = "number of latent dimensions",
     .range = kPositiveCount},
    {.name = "activation",
     .group = "Model",
     .verbs = kTrains,
     .kind = choice,
     .default_value = "relu",
     .metavar = "NAME",
     .help = "activation of the hidden layers",
     .words = choices<Activation>},
    {.name = "posterior-variance",
     .group = "Model",
     .verbs = kTrains,
     .kind = choice,
     .default_value = "exp",
     .metavar = "NAME",
     .help = "how the encoder's output becomes a variance",
     .words = choices<PosteriorVariance>},
    {.name = "init",
     .group = "Model",
     .verbs = kTrains,
     .kind = choice,
     .default_value = "linear",
     .metavar = "NAME",
     .help = "initial weights, named as in PyTorch; linear is nn.Linear's default",
     .words = choices<Initialization>},

    // Objective
    {.name = "objective",
     .group = "Objective",
     .verbs = kHasObjective,
     .kind = choice,
     .default_value = "elbo",
     .metavar = "NAME",
     .help = "what is minimised",
     .words = choices<ObjectiveKind>},
    {.name = "beta",
     .group = "Objective",
     .verbs = kHasObjective,
     .kind = real,
     .default_value = "1",
     .metavar = "B",
     .help = "weight of the KL divergence",
     .range = {.lowest = 0}},
    {.name = "decoder-variance",
     .group = "Objective",
     .verbs = kHasObjective,
     .kind = real,
     .metavar = "V|learned|learned-per-dim",
     .help = "variance of the decoder's Gaussian for elbo",
     .unset = "learned",
     .words =
         [] {
           return Words{"learned", "learned-per-dim"};
         },
     .range = kAboveZero,
     .unit = "scaled units"},
};

}  // namespace

std::span<const Option> model_options() {
  return kRows;
}

}  // namespace gmmvae
