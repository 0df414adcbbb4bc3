#include "host/config/help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "host/config/options.hpp"

namespace gmmvae {
namespace {

constexpr std::size_t kColumn = 30;
constexpr std::size_t kWidth = 100;

/// Breaks text into lines of kWidth - indent columns, the later ones indented.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    if (column > indent && column + 1 + word.size() > kWidth) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return out;
}

}  // namespace

std::string option_remarks(const Option& option) {
  std::string text(option.help);
  if (option.kind == OptionKind::choice && option.name != "progress" &&
      option.metavar.find('|') == option.metavar.npos) {
    text += fmt::format(": {}", fmt::join(option.words(), ", "));
  }
  std::vector<std::string> notes;
  const bool valued = option.kind != OptionKind::flag && option.kind != OptionKind::level;
  if (!option.unit.empty()) notes.push_back(fmt::format("in {}", option.unit));
  if (valued && !option.default_value.empty())
    notes.push_back(fmt::format("default {}", option.default_value));
  if (!option.unset.empty()) notes.push_back(fmt::format("default: {}", option.unset));
  if (!notes.empty()) text += fmt::format(" ({})", fmt::join(notes, "; "));
  return text;
}

namespace {

std::string option_text(const Option& option) {
  std::string flag = "  ";
  if (option.short_name != 0) flag += fmt::format("-{}, ", option.short_name);
  flag += fmt::format("--{}", option.name);
  if (!option.metavar.empty()) flag += fmt::format(" {}", option.metavar);
  if (flag.size() + 2 > kColumn) {
    flag += "\n" + std::string(kColumn, ' ');
  } else {
    flag.resize(kColumn, ' ');
  }
  return flag + wrapped(option_remarks(option), kColumn) + "\n";
}

}  // namespace

std::string program_help() {
  std::string out =
      "gmmvae: variational autoencoders on Gaussian mixtures, where the truth is known\n\nExamples:\n";
  for (const VerbInfo& verb : verbs()) out += fmt::format("  {}\n", verb.examples.front());
  out += "\nUsage: gmmvae VERB [options]\n\nVerbs:\n";
  for (const VerbInfo& verb : verbs()) out += fmt::format("  {:<14}{}\n", verb.name, verb.summary);
  out +=
      "\n'gmmvae VERB --help' shows a verb's options. Each can also be given in a TOML file (--config), "
      "with\n"
      "--set, or in the environment (GMMVAE_LR for --lr). A flag wins over --set, --set over the "
      "environment,\n"
      "the environment over files, files over defaults; --print-config shows what is in force and why.\n"
      "\nEverywhere:\n";
  for (const Option& option : option_table()) {
    if (option.verbs.empty()) out += option_text(option);
  }
  out +=
      "\nExit codes: 0 done, 1 failed, 2 usage or configuration, 3 no usable device, 4 data or file, 5 "
      "diverged,\n"
      "6 sweep with failed trials or missing shards, 75 stopped with everything saved: run again to go on.\n";
  return out;
}

std::string verb_help(const VerbInfo& verb) {
  std::string out = fmt::format("gmmvae {}: {}\n\nExamples:\n", verb.name, verb.summary);
  for (const std::string_view example : verb.examples) out += fmt::format("  {}\n", example);
  out += fmt::format("\nUsage: gmmvae {}{}{}\n", verb.name, verb.usage.empty() ? "" : " ", verb.usage);
  if (!verb.notes.empty()) out += fmt::format("\n{}\n", wrapped(verb.notes, 0));
  std::string_view group;
  for (const Option* option : options_of(verb.name)) {
    if (option->group != group) out += fmt::format("\n{}:\n", option->group);
    group = option->group;
    out += option_text(*option);
  }
  return out;
}

}  // namespace gmmvae
