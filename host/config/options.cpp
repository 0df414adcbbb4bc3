#include "host/config/options.hpp"

#include <algorithm>
#include <cctype>
#include <initializer_list>

#include "host/config/option_rows.hpp"

namespace gmmvae {
namespace {

std::vector<Option> join(std::initializer_list<std::span<const Option>> groups) {
  std::vector<Option> table;
  for (const std::span<const Option> rows : groups) table.insert(table.end(), rows.begin(), rows.end());
  return table;
}

}  // namespace

std::span<const Option> option_table() {
  static const std::vector<Option> table =
      join({mixture_options(), data_options(), model_options(), training_options(), evaluation_options(),
            clustering_options(), embedding_options(), sweep_options(), bench_options(), stopping_options(),
            output_options(), everywhere_options()});
  return table;
}

bool reads(std::string_view verb, const Option& option) {
  if (option.verbs.empty()) return true;
  std::string_view rest = option.verbs;
  while (!rest.empty()) {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, blank) == verb) return true;
    rest.remove_prefix(std::min(blank + 1, rest.size()));
  }
  return false;
}

const Option* find_option(std::string_view verb, std::string_view name) {
  for (const Option& option : option_table()) {
    if (option.name == name && reads(verb, option)) return &option;
  }
  return nullptr;
}

std::vector<const Option*> options_of(std::string_view verb) {
  std::vector<const Option*> found;
  for (const Option& option : option_table()) {
    if (reads(verb, option)) found.push_back(&option);
  }
  return found;
}

const Option* find_key(std::string_view name) {
  for (const Option& option : option_table()) {
    if (option.name == name && !option.command_only) return &option;
  }
  return nullptr;
}

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const Option& option : option_table()) {
    const bool known = std::find(keys.begin(), keys.end(), option.name) != keys.end();
    if (!option.command_only && !known) keys.emplace_back(option.name);
  }
  return keys;
}

std::string environment_name(std::string_view option) {
  std::string name = "GMMVAE_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace gmmvae
