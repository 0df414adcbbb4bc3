#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "gmmvae/error.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

/// Where words go: data to standard output, messages to standard error. Under --json standard output carries
/// one JSON object and nothing else.
class Console {
 public:
  enum class Progress { automatic, always, never };

  Console();
  /// Before the settings are known: whether errors are to be JSON.
  void set_json(bool json) { json_ = json; }
  /// Takes --json, --progress, -q and -v.
  void configure(const Settings& settings);

  [[nodiscard]] bool json() const { return json_; }
  /// Whether a progress line that is drawn over and over makes sense: a terminal that can do it.
  [[nodiscard]] bool draws_progress() const;
  /// Whether plain progress lines are wanted instead.
  [[nodiscard]] bool prints_progress() const;

  /// A line of the result for people, on standard output; nothing under --json.
  void print(std::string_view line) const;
  /// The result under --json; nothing otherwise.
  void result(const nlohmann::ordered_json& object) const;
  /// A message on standard error; nothing under -q.
  void say(std::string_view line) const;
  /// The same, with -v only.
  void detail(std::string_view line) const;
  void warn(std::string_view line) const;
  /// The one sentence of an error, and under --json {error, exit_code} on standard output.
  void error(std::string_view sentence, ExitCode code) const;
  /// The sentence of work that was stopped with everything saved, as error() prints one; returns exit
  /// code 75.
  [[nodiscard]] int stopped(std::string_view sentence) const;
  /// Raw text on standard error, for the progress line.
  void draw(std::string_view text) const;

 private:
  [[nodiscard]] std::string painted(std::string_view text, std::string_view colour) const;

  bool json_ = false;
  bool quiet_ = false;
  bool verbose_ = false;
  bool colour_ = false;
  bool terminal_ = false;
  Progress progress_ = Progress::automatic;
};

/// Writes to standard output. Throws DataError where it cannot be written; a reader that has gone away (a
/// closed pipe) ends the process quietly instead.
void write_standard_output(std::string_view text);

}  // namespace gmmvae
