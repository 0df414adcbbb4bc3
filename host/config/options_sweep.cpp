#include "host/config/option_rows.hpp"

namespace gmmvae {
namespace {

using enum OptionKind;

constexpr Option kRows[] = {
    {.name = "method",
     .group = "Sweep",
     .verbs = "sweep",
     .kind = choice,
     .default_value = "grid",
     .metavar = "grid|random",
     .help = "every combination of the axes' values, or --points combinations drawn at random",
     .words =
         [] {
           return Words{"grid", "random"};
         }},
    {.name = "points",
     .group = "Sweep",
     .verbs = "sweep",
     .kind = integer,
     .default_value = "100",
     .metavar = "N",
     .help = "trials of --method random",
     .range = kPositiveCount},
    {.name = "where",
     .group = "Sweep",
     .verbs = "sweep",
     .kind = names,
     .metavar = "A<=B,...",
     .help = "leave out trials where this does not hold: KEY <= KEY or number; also <, >=, >, == and !=",
     .unset = "all trials"},
    {.name = "paired",
     .group = "Sweep",
     .verbs = "sweep",
     .kind = names,
     .metavar = "A:B,...",
     .help = "axes that move together, value by value, instead of being crossed",
     .unset = "none"},
    {.name = "shard",
     .group = "Sweep",
     .verbs = "sweep",
     .kind = text,
     .metavar = "I/N",
     .help = "run part I, from 0, of N",
     .unset = "as mpirun, Slurm or Kubernetes say, else 0/1",
     .effect = Effect::none},
    {.name = "dry-run",
     .group = "Sweep",
     .verbs = "sweep",
     .kind = flag,
     .default_value = "false",
     .help = "say how many trials there are and what the first ones look like, and do nothing",
     .effect = Effect::none},
    {.name = "timings",
     .group = "Sweep",
     .verbs = "sweep",
     .kind = flag,
     .default_value = "false",
     .help = "collect what differs from run to run too: seconds and device",
     .effect = Effect::none},
};

}  // namespace

std::span<const Option> sweep_options() {
  return kRows;
}

}  // namespace gmmvae
