#include "host/config/option_rows.hpp"

namespace gmmvae {
namespace {

using enum OptionKind;

constexpr Option kRows[] = {
    {.name = "resume",
     .group = "Stopping",
     .verbs = "train tsne",
     .kind = flag,
     .default_value = "false",
     .help = "go on from OUT.checkpoint if it is there; nothing to do if OUT is finished",
     .effect = Effect::none},
    {.name = "checkpoint-every",
     .group = "Stopping",
     .verbs = "train run tsne",
     .kind = duration,
     .default_value = "30s",
     .metavar = "TIME",
     .help = "how often OUT.checkpoint is written; 0: only when stopped",
     .range = {.lowest = 0},
     .effect = Effect::none},
    {.name = "max-seconds",
     .group = "Stopping",
     .verbs = "train run sweep tsne",
     .kind = duration,
     .metavar = "S",
     .help = "stop after this time with everything saved and exit code 75",
     .unset = "no limit",
     .range = kAboveZero,
     .effect = Effect::none},
};

}  // namespace

std::span<const Option> stopping_options() {
  return kRows;
}

}  // namespace gmmvae
