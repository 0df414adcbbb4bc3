#pragma once

#include <stdexcept>
#include <string>

namespace gmmvae {

/// What the process returns; every Error carries one.
enum class ExitCode : int {
  done = 0,
  failed = 1,
  usage = 2,          ///< command line or configuration, bad option values included
  no_device = 3,      ///< the device asked for is not usable here
  data = 4,           ///< a file, or what is in it
  diverged = 5,       ///< training ran into NaN, Inf or an exploding loss
  sweep_partial = 6,  ///< a sweep ended with failed trials or missing shards
  interrupted = 75,   ///< stopped by a signal or time limit with everything saved: run again to go on
};

/// The base of every error the library throws: one plain sentence and the exit code it stands for.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// A bad option value, configuration key or argument of a library call.
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(ExitCode::usage, message) {}
};

/// A file that is missing, unreadable, unwritable or holds something unusable.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(ExitCode::data, message) {}
};

/// The requested device is missing or cannot do the work.
class DeviceError : public Error {
 public:
  explicit DeviceError(const std::string& message) : Error(ExitCode::no_device, message) {}
};

}  // namespace gmmvae
