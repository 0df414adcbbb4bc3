#include "host/config/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "gmmvae/error.hpp"
#include "host/config/options.hpp"
#include "host/config/verbs.hpp"
#include "host/io/nearest_name.hpp"

namespace gmmvae {
namespace {

bool takes_value(const Option& option) {
  return option.kind != OptionKind::flag && option.kind != OptionKind::level;
}

/// The words that may stand for an option's value; none where it is a number, a text or a file.
std::vector<std::string> value_words(const Option& option) {
  if (option.kind == OptionKind::device) return {"auto", "cpu", "cuda"};
  return option.words == nullptr ? std::vector<std::string>() : option.words();
}

bool takes_file(const Option& option) {
  return option.kind == OptionKind::path;
}

std::vector<std::string> flags_of(std::string_view verb) {
  std::vector<std::string> flags;
  for (const Option* option : options_of(verb)) flags.push_back(fmt::format("--{}", option->name));
  return flags;
}

/// `text` between single quotes, as sh, bash and zsh read them.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

/// The lines of a `case` that answer to VERB:--option with the words that the option takes, or, for any other
/// value that is no file, with nothing. Rows of everywhere answer for each verb.
std::string bash_values() {
  std::string out;
  for (const Option& option : option_table()) {
    if (!takes_value(option) || takes_file(option)) continue;
    std::string pattern = fmt::format("*:--{}", option.name);
    if (!option.verbs.empty()) {
      pattern.clear();
      for (const std::string& name : verb_names()) {
        if (reads(name, option))
          pattern += fmt::format("{}{}:--{}", pattern.empty() ? "" : "|", name, option.name);
      }
    }
    out += fmt::format("        {}) _gmmvae_words '{}'; return ;;\n", pattern,
                       fmt::join(value_words(option), " "));
  }
  return out;
}

std::string bash_script() {
  std::string out =
      "# bash completion for gmmvae; made by 'gmmvae completion bash'\n"
      "_gmmvae_words() {\n"
      "    compopt +o default +o bashdefault 2>/dev/null\n"
      "    COMPREPLY=($(compgen -W \"$1\" -- \"$cur\"))\n"
      "}\n"
      "_gmmvae() {\n"
      "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= word\n"
      "    COMPREPLY=()\n"
      "    if [[ $cur == '=' ]]; then cur=\n"
      "    elif [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
      "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n";
  out += fmt::format("        case $word in {}) verb=$word; break ;; esac\n    done\n",
                     fmt::join(verb_names(), "|"));
  out += "    case $verb:$prev in\n" + bash_values();
  std::vector<std::string> files;
  for (const Option& option : option_table()) {
    const std::string name = fmt::format("*:--{}", option.name);
    if (takes_file(option) && std::find(files.begin(), files.end(), name) == files.end())
      files.push_back(name);
  }
  out += fmt::format("        {}) return ;;\n    esac\n", fmt::join(files, "|"));
  out += "    if [[ $cur == -* ]]; then\n        case $verb in\n";
  for (const std::string& name : verb_names())
    out += fmt::format("            {}) _gmmvae_words '{}' ;;\n", name, fmt::join(flags_of(name), " "));
  out += fmt::format("            *) _gmmvae_words '{}' ;;\n        esac\n        return\n    fi\n",
                     fmt::join(flags_of(""), " "));
  out += fmt::format("    if [[ -z $verb ]]; then _gmmvae_words '{}'; return; fi\n",
                     fmt::join(verb_names(), " "));
  out += "    case $verb:$prev in\n";
  for (const VerbInfo& verb : verbs()) {
    if (!verb.actions.empty())
      out +=
          fmt::format("        {0}:{0}) _gmmvae_words '{1}' ;;\n", verb.name, fmt::join(verb.actions, " "));
  }
  return out + "    esac\n}\ncomplete -o bashdefault -o default -F _gmmvae gmmvae\n";
}

/// A description inside brackets of zsh's _arguments.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == '\\' || c == ':') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_option(const Option& option) {
  std::string spec = fmt::format("*--{}", option.name);
  if (!takes_value(option)) return quoted(fmt::format("{}[{}]", spec, zsh_text(option.help)));
  std::string action = " ";
  if (takes_file(option)) {
    action = "_files";
  } else if (const std::vector<std::string> words = value_words(option); !words.empty()) {
    action = fmt::format("({})", fmt::join(words, " "));
  }
  return quoted(fmt::format("{}=[{}]:{}:{}", spec, zsh_text(option.help), zsh_text(option.metavar), action));
}

std::string zsh_script() {
  std::string out =
      "#compdef gmmvae\n# zsh completion for gmmvae; made by 'gmmvae completion zsh'\n"
      "_gmmvae() {\n  local -a verbs options\n  verbs=(\n";
  for (const VerbInfo& verb : verbs())
    out += fmt::format("    {}\n", quoted(fmt::format("{}:{}", verb.name, zsh_text(verb.summary))));
  out +=
      "  )\n  if (( CURRENT == 2 )); then\n    _describe verb verbs\n    return\n  fi\n"
      "  shift words\n  (( CURRENT-- ))\n  case $words[1] in\n";
  for (const VerbInfo& verb : verbs()) {
    out += fmt::format("    {})\n      options=(\n", verb.name);
    for (const Option* option : options_of(verb.name))
      out += fmt::format("        {}\n", zsh_option(*option));
    if (!verb.actions.empty()) out += fmt::format("        '1:action:({})'\n", fmt::join(verb.actions, " "));
    out += verb.arguments.empty() ? "      ) ;;\n" : "        '*:file:_files'\n      ) ;;\n";
  }
  return out +
         "  esac\n  _arguments -S $options\n}\nif [[ $funcstack[1] == _gmmvae ]]; then\n  _gmmvae \"$@\"\n"
         "else\n  compdef _gmmvae gmmvae\nfi\n";
}

std::string fish_option(const Option& option, std::string_view condition) {
  std::string out = fmt::format("complete -c gmmvae{} -l {}", condition, option.name);
  if (option.short_name != 0) out += fmt::format(" -s {}", option.short_name);
  if (takes_file(option)) {
    out += " -r -F";
  } else if (takes_value(option)) {
    out += " -x";
    if (const std::vector<std::string> words = value_words(option); !words.empty())
      out += fmt::format(" -a '{}'", fmt::join(words, " "));
  }
  std::string help;
  for (const char c : option.help)
    help += c == '\'' || c == '\\' ? fmt::format("\\{}", c) : std::string(1, c);
  return out + fmt::format(" -d '{}'\n", help);
}

std::string fish_script() {
  std::string out = "# fish completion for gmmvae; made by 'gmmvae completion fish'\ncomplete -c gmmvae -f\n";
  for (const VerbInfo& verb : verbs()) {
    out += fmt::format("complete -c gmmvae -n __fish_use_subcommand -a {} -d {}\n", verb.name,
                       quoted(verb.summary));
    const std::string condition = fmt::format(" -n '__fish_seen_subcommand_from {}'", verb.name);
    if (!verb.actions.empty())
      out += fmt::format("complete -c gmmvae{} -a '{}'\n", condition, fmt::join(verb.actions, " "));
    if (!verb.arguments.empty()) out += fmt::format("complete -c gmmvae{} -F\n", condition);
    for (const Option* option : options_of(verb.name)) {
      if (!option->verbs.empty()) out += fish_option(*option, condition);
    }
  }
  for (const Option* option : options_of("")) out += fish_option(*option, "");
  return out;
}

}  // namespace

std::vector<std::string> shells() {
  return {"bash", "zsh", "fish"};
}

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script();
  if (shell == "zsh") return zsh_script();
  if (shell == "fish") return fish_script();
  const std::string nearest = nearest_name(shell, shells());
  throw UsageError(fmt::format("completion is there for {}, not for '{}'{}", fmt::join(shells(), ", "), shell,
                               nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

}  // namespace gmmvae
