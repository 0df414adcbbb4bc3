#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "host/app/console.hpp"

namespace gmmvae {

/// How far a long piece of work is: on a terminal one line that is drawn over, with rate and time to go;
/// elsewhere, where asked for, a plain line every 30 seconds. `advance` may be called from any thread.
class ProgressLine {
 public:
  /// `done` of `total` units are done already, by an earlier run.
  ProgressLine(const Console& console, std::string unit, std::uint64_t done, std::uint64_t total);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  /// Wipes the line.
  ~ProgressLine();

  void advance(std::uint64_t units);
  /// What the line says behind its figures from now on.
  void note(std::string text);

 private:
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] std::string text(Clock::time_point now) const;

  const Console& console_;
  std::string unit_;
  std::uint64_t already_;
  std::uint64_t total_;
  Clock::time_point start_ = Clock::now();
  std::atomic<std::uint64_t> done_;
  std::mutex drawing_;
  Clock::time_point next_;
  bool drawn_ = false;
  std::string note_;
};

}  // namespace gmmvae
