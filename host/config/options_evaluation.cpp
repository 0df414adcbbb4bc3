#include "host/config/option_rows.hpp"

namespace gmmvae {
namespace {

using enum OptionKind;

constexpr Option kRows[] = {
    // Sampling
    {.name = "count",
     .group = "Sampling",
     .verbs = "sample",
     .kind = integer,
     .default_value = "1000",
     .metavar = "N",
     .help = "number of samples",
     .range = kPositiveCount},
    {.name = "noise",
     .group = "Sampling",
     .verbs = "sample",
     .kind = choice,
     .default_value = "on",
     .metavar = "on|off",
     .help = "add the decoder's Gaussian noise, as the model says, or give its mean",
     .words =
         [] {
           return Words{"on", "off"};
         }},
    {.name = "rescale-to",
     .group = "Sampling",
     .verbs = "sample",
     .kind = path,
     .metavar = "DATA",
     .help = "stretch each column onto the range of this data, as the course did; hides a collapse",
     .unset = "not rescaled"},

    // Evaluation
    {.name = "count",
     .group = "Evaluation",
     .verbs = "evaluate",
     .kind = integer,
     .default_value = "10000",
     .metavar = "N",
     .help = "points to draw from the model",
     .range = kPositiveCount},
    {.name = "test",
     .group = "Evaluation",
     .verbs = "evaluate",
     .kind = integer,
     .default_value = "10000",
     .metavar = "N",
     .help = "fresh points to draw from a known mixture; else at most so many of the data",
     .range = kPositiveCount},
};

}  // namespace

std::span<const Option> evaluation_options() {
  return kRows;
}

}  // namespace gmmvae
