#include "host/app/stop_rule.hpp"

#include <fmt/format.h>

#include <limits>

#include "gmmvae/error.hpp"
#include "host/app/signals.hpp"

namespace gmmvae {

StopRule::StopRule(const Settings& settings, Clock::time_point start)
    : start_(start),
      limit_(settings.is_set("max-seconds") ? settings.seconds("max-seconds")
                                            : std::numeric_limits<double>::infinity()) {}

bool StopRule::should_stop() const {
  return stop_requested() ||
         (gained_ && std::chrono::duration<double>(Clock::now() - start_).count() >= limit_);
}

int end_stopped(const Console& console, const std::string& done, const std::string& checkpoint,
                const std::string& reason) {
  const std::string by = stop_requested() ? "a signal" : "--max-seconds";
  if (checkpoint.empty())
    throw Error(ExitCode::failed, fmt::format("stopped by {}; nothing was saved, as {}", by, reason));
  return console.stopped(fmt::format(
      "stopped by {} after {} with everything saved in {}: run the same command with --resume to go on", by,
      done, checkpoint));
}

}  // namespace gmmvae
