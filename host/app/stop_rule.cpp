#include "host/app/stop_rule.hpp"

#include <limits>

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

}  // namespace gmmvae
