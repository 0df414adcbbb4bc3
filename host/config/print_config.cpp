#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "host/config/settings.hpp"
#include "host/config/values.hpp"
#include "host/config/verbs.hpp"

namespace gmmvae {
namespace {

/// What a run says of the embedding of its latent points; the rest of tsne's options name files.
constexpr std::string_view kEmbeddingOfRun[] = {
    "perplexity",   "iterations",        "method",       "neighbors", "dim", "init",
    "exaggeration", "late-exaggeration", "learning-rate"};

/// A table's name as TOML writes it: bare where it may be.
std::string toml_key(std::string_view name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  });
  if (bare) return std::string(name);
  constexpr Option text{.name = "", .group = "", .verbs = "", .kind = OptionKind::text};
  return toml_value(text, name);
}

}  // namespace

std::string Settings::toml_line(const Option& option, bool with_source) const {
  const Setting setting = get(option.name);
  if (setting.value.empty()) {
    if (!with_source) return "";
    return fmt::format("# {} is not set{}\n", option.name,
                       option.unset.empty() ? "" : fmt::format(": {}", option.unset));
  }
  std::string line = fmt::format("{} = {}", option.name, toml_value(option, setting.value));
  if (with_source) line = fmt::format("{:<40} # {}", line, setting.source);
  return line + "\n";
}

std::string Settings::to_toml(bool with_sources) const {
  return to_toml(with_sources, [](const Option&) { return true; });
}

std::string Settings::to_toml(bool with_sources, const std::function<bool(const Option&)>& wanted) const {
  std::vector<const Option*> options = options_of(verb_);
  std::erase_if(options, [&](const Option* option) { return option->command_only || !wanted(*option); });
  std::string out;
  for (const Option* option : options) out += toml_line(*option, with_sources);
  const VerbInfo* verb = find_verb(verb_);
  if (verb == nullptr || !verb->reads_models) return out;
  for (const std::string& name : model_names()) {
    const Settings model = for_model(name);
    out += fmt::format("\n[model.{}]\n", toml_key(name));
    for (const Option* option : options) {
      if (model.get(option->name).value != get(option->name).value)
        out += model.toml_line(*option, with_sources);
    }
  }
  const Settings embedding = step("tsne");
  out += "\n[tsne]\n";
  for (const std::string_view name : kEmbeddingOfRun)
    out += embedding.toml_line(*find_option("tsne", name), with_sources);
  return out;
}

}  // namespace gmmvae
