#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/config/options.hpp"

namespace gmmvae {

/// One value with where it comes from.
struct Setting {
  std::string value;   ///< canonical, see values.hpp; "" where it is not set
  std::string source;  ///< default, flag, --set, an environment variable, or FILE:LINE:COLUMN
};

/// A key of a configuration as it was read; `scope` is "", a verb, or model.NAME.
struct ConfigEntry {
  std::string scope;
  std::string key;
  std::string value;
  std::string source;
};

/// The effective options of one verb. Precedence: flag, --set, environment, files (later ones win), defaults;
/// inside one file, a [model.NAME] table over the verb's own table over the top level. Every value is checked
/// when it is added, so that a Settings holds good ones only.
class Settings {
 public:
  explicit Settings(std::string verb);

  /// Reads a TOML file. Throws UsageError with file:line:column for a key that does not exist, naming the
  /// nearest.
  void add_file(const std::filesystem::path& file);
  /// The keys of a file that was read already, as add_file adds them.
  void add_file_entries(const std::vector<ConfigEntry>& entries);
  /// "NAME=VALUE" strings as in environ; those that start with GMMVAE_ and name an option are used.
  void add_environment(const char* const* environment);
  /// KEY=VALUE, VERB.KEY=VALUE or model.NAME.KEY=VALUE.
  void add_set(std::string_view assignment);
  /// A flag of the command line. Throws UsageError for one that the verb does not read.
  void add_flag(std::string_view name, std::string_view value);
  /// A default of the verb's own, for itself (scope ""), one of its models (model.NAME) or a step (a verb's
  /// name).
  void add_default(std::string_view scope, std::string_view key, std::string_view value);
  void add_argument(std::string argument) { arguments_.push_back(std::move(argument)); }

  [[nodiscard]] const std::string& verb() const { return verb_; }
  [[nodiscard]] const std::vector<std::string>& arguments() const { return arguments_; }
  /// The value and its source. Throws std::logic_error for an option that the verb does not read.
  [[nodiscard]] Setting get(std::string_view name) const;

  [[nodiscard]] bool is_set(std::string_view name) const { return !get(name).value.empty(); }
  /// Whether somebody asked for this value: it is not a default.
  [[nodiscard]] bool is_given(std::string_view name) const { return get(name).source != "default"; }
  [[nodiscard]] std::string text(std::string_view name) const { return get(name).value; }
  [[nodiscard]] bool flag(std::string_view name) const { return get(name).value == "true"; }
  [[nodiscard]] std::uint64_t count(std::string_view name) const;
  [[nodiscard]] double real(std::string_view name) const;
  /// Widths of hidden layers; none is an empty list.
  [[nodiscard]] std::vector<std::size_t> widths(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names(std::string_view name) const;
  [[nodiscard]] double seconds(std::string_view name) const;
  /// A path that must be there. Throws UsageError that names the option.
  [[nodiscard]] std::filesystem::path required_path(std::string_view name) const;
  /// How an error calls the option: --lr for a flag, GMMVAE_LR or study.toml:3:6: lr else.
  [[nodiscard]] std::string label(std::string_view name) const;

  /// Names of the [model.NAME] tables, in the order in which they first appear.
  [[nodiscard]] std::vector<std::string> model_names() const;
  /// The settings as the model of that name sees them.
  [[nodiscard]] Settings for_model(std::string_view name) const;
  /// The settings of another verb whose work is a step of this one's: its own table, [tsne] for one, and
  /// those keys of the top level that mean nothing else to this verb.
  [[nodiscard]] Settings step(std::string_view verb) const;

  /// The effective configuration as TOML that gives the same when read back.
  [[nodiscard]] std::string to_toml(bool with_sources) const;
  /// The part of it that `wanted` chooses.
  [[nodiscard]] std::string to_toml(bool with_sources,
                                    const std::function<bool(const Option&)>& wanted) const;
  /// What deserves a word but is no error, such as an environment variable that no option reads.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Entry {
    int layer = 0;
    std::string scope;
    std::string key;
    Setting setting;
  };
  void add_config_entry(int layer, const ConfigEntry& entry);
  [[nodiscard]] std::string mistaken_key(std::string_view key) const;
  [[nodiscard]] int specificity(const std::string& scope) const;
  [[nodiscard]] std::string toml_line(const Option& option, bool with_source) const;

  std::string verb_;
  std::vector<std::string> scopes_;  ///< tables that apply, the stronger later
  std::vector<Entry> entries_;
  std::vector<std::string> arguments_;
  std::vector<std::string> warnings_;
  int files_ = 0;
};

/// The flattened keys of a TOML file, in its order. Throws UsageError with file:line:column for what is not
/// TOML, and for a value that is neither a text, a number, true or false, nor a list of those.
std::vector<ConfigEntry> read_config_file(const std::filesystem::path& file);

}  // namespace gmmvae
