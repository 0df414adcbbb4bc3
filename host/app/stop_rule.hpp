#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "host/app/console.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

/// When a verb that saves what it has done shall stop: at a signal (see install_stop_handlers), or after
/// --max-seconds, but not before something was gained that running again need not repeat; so that even a
/// limit that is too short for anything gets to an end when the command is repeated. Safe to use from any
/// thread.
class StopRule {
 public:
  using Clock = std::chrono::steady_clock;

  /// The time counts from `start`. `settings` are those of a verb with --max-seconds.
  explicit StopRule(const Settings& settings, Clock::time_point start = Clock::now());

  /// Something was gained: an epoch, an iteration, a chunk.
  void gained() { gained_ = true; }
  [[nodiscard]] bool should_stop() const;

 private:
  Clock::time_point start_;
  double limit_;  ///< seconds
  std::atomic<bool> gained_{false};
};

/// Ends a verb that was stopped after `done` ("12 of 100 epochs") with all of it in `checkpoint`: says so and
/// gives exit code 75. Throws Error where that is "", because nothing could be saved, as `reason` says.
int end_stopped(const Console& console, const std::string& done, const std::string& checkpoint,
                const std::string& reason);

}  // namespace gmmvae
