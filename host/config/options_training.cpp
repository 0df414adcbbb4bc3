#include "host/config/option_rows.hpp"
#include "host/vae/names.hpp"

namespace gmmvae {
namespace {

using enum OptionKind;

constexpr Option kRows[] = {
    {.name = "batch",
     .group = "Training",
     .verbs = kTrains,
     .kind = integer,
     .default_value = "96",
     .metavar = "B",
     .help = "points a step; the last batch of an epoch may be shorter",
     .range = kPositiveCount},
    {.name = "epochs",
     .group = "Training",
     .verbs = kTrains,
     .kind = integer,
     .default_value = "100",
     .metavar = "E",
     .help = "passes over the data",
     .range = kPositiveCount},
    {.name = "lr",
     .group = "Training",
     .verbs = kTrains,
     .kind = real,
     .default_value = "0.001",
     .metavar = "RATE",
     .help = "Adam's learning rate",
     .range = kAboveZero},
    {.name = "lr-schedule",
     .group = "Training",
     .verbs = kTrains,
     .kind = choice,
     .default_value = "constant",
     .metavar = "NAME",
     .help = "how the learning rate falls to 0 at the last step",
     .words = choices<LearningRateSchedule>},
    {.name = "precision",
     .group = "Training",
     .verbs = kTrains,
     .kind = choice,
     .default_value = "fp32",
     .metavar = "NAME",
     .help = "arithmetic of the products; tf32x3 takes a GPU's tensor cores at nearly the same accuracy",
     .words = choices<Arithmetic>,
     .came_later = true},
    {.name = "patience",
     .group = "Training",
     .verbs = kTrains,
     .kind = integer,
     .default_value = "0",
     .metavar = "E",
     .help = "stop after so many epochs without a better validation ELBO; 0: never",
     .range = kCount},
    {.name = "models",
     .group = "Training",
     .verbs = "train",
     .kind = integer,
     .default_value = "1",
     .metavar = "M",
     .help = "train so many models, alike but for their random numbers, into one file",
     .range = kPositiveCount},
};

}  // namespace

std::span<const Option> training_options() {
  return kRows;
}

}  // namespace gmmvae
