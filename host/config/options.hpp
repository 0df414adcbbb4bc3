#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gmmvae {

enum class OptionKind {
  flag,       ///< no value on the command line; true or false elsewhere
  level,      ///< a flag that may be repeated; a whole number elsewhere
  text,       ///< any text
  path,       ///< a file
  choice,     ///< one of `words`
  integer,    ///< a whole number in `range`, or one of `words`
  real,       ///< a number in `range`, or one of `words`
  widths,     ///< positive whole numbers, comma-separated or a TOML array, or one of `words`
  names,      ///< texts, comma-separated or a TOML array
  duration,   ///< seconds, or a number followed by s, m or h
  weights,    ///< equal, dirichlet:A or positive numbers, comma-separated or a TOML array
  device,     ///< auto, cpu, cuda, cuda:N or cuda:N,N
  character,  ///< a single character, or the word tab
};

/// The numbers an option takes.
struct Range {
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
  bool above_lowest = false;   ///< the lowest itself is not allowed
  bool below_highest = false;  ///< the highest itself is not allowed
};

/// What depends on an option.
enum class Effect {
  result,  ///< the result
  input,   ///< which points or model are read, and how; where those are compared themselves, not the result
  none,    ///< nothing of the result: where it goes, how fast it is there, what is said meanwhile
};

/// One row of the option table: the only place where an option is described. Flags, configuration keys, names
/// of environment variables, --print-config and help are made from it. A name may have several rows for
/// different verbs.
struct Option {
  std::string_view name;   ///< the long flag without its dashes, and the key in configurations
  std::string_view group;  ///< the heading in help
  std::string_view verbs;  ///< the verbs that read it, separated by blanks; "" for all
  OptionKind kind = OptionKind::text;
  std::string_view default_value = "";  ///< as a person would write it; "" where there is none
  std::string_view metavar = "";        ///< what stands for the value in help
  std::string_view help = "";
  std::string_view unset = "";                    ///< what happens without a value, where there is no default
  std::vector<std::string> (*words)() = nullptr;  ///< the choices, or words taken beside numbers
  Range range = {};
  std::string_view unit = "";
  char short_name = 0;
  bool command_only = false;  ///< makes no sense in a configuration: no key, no environment variable
  Effect effect = Effect::result;
  /// It came after configurations were first stored: one that does not name it means its default, see
  /// implied.hpp. Every option of that kind needs it, and a default that never changes.
  bool came_later = false;
};

/// The whole table, in the order of help.
std::span<const Option> option_table();

/// Whether `verb` reads the option.
bool reads(std::string_view verb, const Option& option);

/// The row that `verb` reads under this name, or nullptr.
const Option* find_option(std::string_view verb, std::string_view name);

/// The rows that `verb` reads, in the order of help.
std::vector<const Option*> options_of(std::string_view verb);

/// The first row of that name whatever the verb, if a configuration may hold it; else nullptr.
const Option* find_key(std::string_view name);

/// Every name that a configuration may hold, each once.
std::vector<std::string> all_keys();

/// GMMVAE_DECODER_VARIANCE for decoder-variance.
std::string environment_name(std::string_view option);

}  // namespace gmmvae
