#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/app/report.hpp"
#include "host/app/sweep_actions.hpp"
#include "host/app/verbs.hpp"
#include "host/io/nearest_name.hpp"

namespace gmmvae {
namespace {

struct Action {
  std::string_view name;
  int (*run)(const Settings&, Console&);
};

int sweep_report_page(const Settings& settings, Console& console) {
  return report_folder(settings, sweep_folder(settings), console);
}

constexpr Action kActions[] = {{"run", sweep_run},         {"status", sweep_status},
                               {"collect", sweep_collect}, {"retry", sweep_retry},
                               {"submit", sweep_submit},   {"report", sweep_report_page}};

}  // namespace

SweepPlan sweep_plan(const Settings& settings) {
  std::string file;
  std::vector<std::string> axes;
  for (std::size_t i = 1; i < settings.arguments().size(); ++i) {
    const std::string& argument = settings.arguments()[i];
    if (argument.find('=') != std::string::npos) {
      axes.push_back(argument);
    } else if (file.empty()) {
      file = argument;
    } else {
      throw UsageError(fmt::format("sweep takes one specification file, not both {} and {}", file, argument));
    }
  }
  if (file.empty() && axes.empty())
    throw UsageError(fmt::format("sweep {} needs a specification file or an axis, as in lr=1e-3,1e-4",
                                 settings.arguments().front()));
  return load_plan(settings, file, axes);
}

std::filesystem::path sweep_folder(const Settings& settings) {
  if (settings.arguments().size() != 2)
    throw UsageError(fmt::format("sweep {} takes one folder, as in: gmmvae sweep {} sweeps/first",
                                 settings.arguments().front(), settings.arguments().front()));
  return settings.arguments()[1];
}

int run_sweep(const Settings& settings, Console& console) {
  const std::string name = settings.arguments().empty() ? "" : settings.arguments().front();
  std::vector<std::string> names;
  for (const Action& action : kActions) {
    if (action.name == name) return action.run(settings, console);
    names.emplace_back(action.name);
  }
  const std::string nearest = nearest_name(name, names);
  throw UsageError(fmt::format("sweep takes one of {}{}", fmt::join(names, ", "),
                               nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

}  // namespace gmmvae
