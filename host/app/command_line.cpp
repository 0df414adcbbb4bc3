#include "host/app/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <string_view>

#include "gmmvae/error.hpp"
#include "host/config/options.hpp"
#include "host/config/verbs.hpp"
#include "host/io/nearest_name.hpp"

namespace gmmvae {
namespace {

bool takes_value(const Option& option) {
  return option.kind != OptionKind::flag && option.kind != OptionKind::level;
}

std::string cli_name(const Option& option) {
  const std::string long_name = fmt::format("--{}", option.name);
  return option.short_name == 0 ? long_name : fmt::format("-{},{}", option.short_name, long_name);
}

/// The CLI11 twin of a row. Values arrive as text: what they mean is decided in one place for flags, files
/// and the environment alike.
CLI::Option* add_twin(CLI::App& app, const Option& option) {
  CLI::Option* twin = takes_value(option)
                          ? app.add_option(cli_name(option), [](const CLI::results_t&) { return true; })
                          : app.add_flag(cli_name(option));
  if (takes_value(option)) twin->type_name("VALUE")->type_size(1)->expected(1)->allow_extra_args(false);
  return twin->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// The one parser: options of the verb and those of everywhere, before or after the verb.
class Parser {
 public:
  Parser() {
    app_.set_help_flag("");
    app_.allow_extras();
    app_.allow_windows_style_options(false);
    app_.require_subcommand(0, 1);  // behind the verb its name is an argument, such as a folder
    for (const Option& option : option_table()) {
      if (option.verbs.empty()) twins_.emplace_back(&option, add_twin(app_, option));
    }
  }

  void add_verb(std::string_view name) {
    CLI::App* verb = app_.add_subcommand(std::string(name));
    verb->set_help_flag("");
    verb->allow_extras();
    verb->fallthrough();
    for (const Option* option : options_of(name)) {
      if (!option->verbs.empty()) twins_.emplace_back(option, add_twin(*verb, *option));
    }
  }

  void parse(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());
    app_.parse(std::move(arguments));
  }

  [[nodiscard]] std::vector<std::string> extras() const { return app_.remaining(true); }
  [[nodiscard]] const std::vector<std::pair<const Option*, CLI::Option*>>& twins() const { return twins_; }

 private:
  CLI::App app_;
  std::vector<std::pair<const Option*, CLI::Option*>> twins_;
};

/// The first argument that is a verb's name and not the value of an option of everywhere.
std::string find_verb_argument(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with('-')) return argument;
    if (!argument.starts_with("--")) continue;
    const std::string_view name = std::string_view(argument).substr(2);
    const Option* own = find_option("", name);
    const Option* option = own != nullptr ? own : find_key(name);
    if (option != nullptr && takes_value(*option)) ++i;
  }
  return "";
}

[[noreturn]] void unknown_verb(const std::string& name) {
  const std::string nearest = nearest_name(name, verb_names());
  throw UsageError(fmt::format(
      "there is no verb '{}'{}", name,
      nearest.empty() ? "; 'gmmvae --help' lists them" : fmt::format("; did you mean {}?", nearest)));
}

/// An option without a verb that only verbs could have.
[[noreturn]] void unknown_option_alone(const std::string& argument) {
  std::vector<std::string> names;
  for (const Option* option : options_of("")) names.push_back(fmt::format("--{}", option->name));
  const std::string nearest = nearest_name(argument.substr(0, argument.find('=')), names);
  throw UsageError(fmt::format(
      "there is no option {} before the verb; {}", argument,
      nearest.empty() ? "'gmmvae --help' shows what there is" : fmt::format("did you mean {}?", nearest)));
}

[[noreturn]] void unknown_option(const std::string& verb, const std::string& argument) {
  const std::string name = argument.substr(0, argument.find('='));
  const std::string bare = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  std::vector<std::string> names;
  for (const Option* option : options_of(verb)) names.emplace_back(option->name);
  std::string hint = fmt::format("; 'gmmvae {} --help' lists them", verb);
  if (find_option(verb, bare) != nullptr) {
    hint = fmt::format(" before the verb: write it after '{}'", verb);
  } else if (const Option* elsewhere = find_key(bare); elsewhere != nullptr) {
    hint = fmt::format(": it belongs to {}", elsewhere->verbs.substr(0, elsewhere->verbs.find(' ')));
  } else if (const std::string nearest = nearest_name(bare, names); !nearest.empty()) {
    hint = fmt::format("; did you mean --{}?", nearest);
  }
  throw UsageError(fmt::format("{} has no option {}{}", verb, name, hint));
}

void check_extras(const std::string& verb, const std::vector<std::string>& extras, CommandLine& line) {
  const bool takes_arguments = !find_verb(verb)->arguments.empty();
  for (const std::string& extra : extras) {
    if (extra == "--") continue;
    if (extra.starts_with('-') && extra.size() > 1) unknown_option(verb, extra);
    if (!takes_arguments) {
      throw UsageError(
          fmt::format("{} takes no argument '{}': every value belongs to an option, and a list is one "
                      "argument, as in 64,64",
                      verb, extra));
    }
    line.arguments.push_back(extra);
  }
}

/// CLI11 takes whatever follows as the value, another option included, and for `--x=` the next argument.
void check_values(const std::string& verb, const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") return;
    if (!argument.starts_with("--")) continue;
    const std::size_t equals = argument.find('=');
    const Option* option =
        find_option(verb, argument.substr(2, equals == argument.npos ? equals : equals - 2));
    if (option == nullptr || !takes_value(*option)) continue;
    const bool joined = equals != argument.npos;
    const bool missing = joined ? equals + 1 == argument.size()
                                : i + 1 == arguments.size() || arguments[i + 1].starts_with("--");
    if (missing) throw UsageError(fmt::format("--{} needs a value: {}", option->name, option->metavar));
    if (!joined) ++i;
  }
}

void take(const Option& option, const CLI::Option& twin, CommandLine& line) {
  if (twin.count() == 0) return;
  const std::vector<std::string>& results = twin.results();
  if (option.name == "config") {
    line.configs = results;
  } else if (option.name == "set") {
    line.sets = results;
  } else if (option.name == "help") {
    line.help = true;
  } else if (option.name == "version") {
    line.version = true;
  } else if (option.name == "print-config") {
    line.print_config = true;
  } else if (option.kind == OptionKind::level) {
    line.flags.emplace_back(option.name, std::to_string(twin.count()));
  } else {
    line.flags.emplace_back(option.name, results.back());
  }
}

}  // namespace

CommandLine parse_command_line(int count, const char* const* arguments) {
  std::vector<std::string> words(arguments + 1, arguments + count);
  // "gmmvae help train" is what some programs take for "gmmvae train --help".
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  CommandLine line;
  line.verb = find_verb_argument(words);
  if (!line.verb.empty() && find_verb(line.verb) == nullptr) unknown_verb(line.verb);
  check_values(line.verb, words);
  Parser parser;
  if (!line.verb.empty()) parser.add_verb(line.verb);
  try {
    parser.parse(words);
  } catch (const CLI::ParseError& error) {
    throw UsageError(fmt::format("the command line cannot be read: {}", error.what()));
  }
  for (const auto& [option, twin] : parser.twins()) take(*option, *twin, line);
  if (line.verb.empty()) {
    const std::vector<std::string> extras = parser.extras();
    if (!extras.empty()) unknown_option_alone(extras.front());
  } else {
    check_extras(line.verb, parser.extras(), line);
  }
  return line;
}

Settings load_settings(const CommandLine& line, const char* const* environment) {
  Settings settings(line.verb);
  for (const std::string& file : line.configs) settings.add_file(file);
  settings.add_environment(environment);
  for (const std::string& assignment : line.sets) settings.add_set(assignment);
  for (const auto& [name, value] : line.flags) settings.add_flag(name, value);
  for (const std::string& argument : line.arguments) settings.add_argument(argument);
  return settings;
}

}  // namespace gmmvae
