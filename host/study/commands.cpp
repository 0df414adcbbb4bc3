#include "host/study/commands.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gmmvae {
namespace {

/// The flags of `verb` that these settings of another verb set to something else than its defaults.
std::string flags(const Settings& settings, std::string_view verb, const CommandGap& gap) {
  std::string out;
  for (const Option* option : options_of(verb)) {
    const bool counts = option->effect == Effect::result && option->name != "models";
    if (!counts || find_option(settings.verb(), option->name) == nullptr) continue;
    if (std::find(gap.keys.begin(), gap.keys.end(), option->name) != gap.keys.end()) continue;
    const std::string value = settings.text(option->name);
    if (value.empty() || value == option->default_value) continue;
    out += fmt::format(" --{}", option->name);
    if (option->kind != OptionKind::flag) out += fmt::format(" {}", shell_word(value));
  }
  return out + gap.text;
}

}  // namespace

std::string shell_word(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.,:/=+").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string train_command(const Settings& settings, const std::string& name, const CommandGap& gap) {
  return fmt::format("gmmvae train --data data.npz{} --out {}", flags(settings, "train", gap),
                     shell_word(name + ".safetensors"));
}

std::string generate_command(const Settings& settings, const CommandGap& gap) {
  return fmt::format("gmmvae generate{} --out data.npz", flags(settings, "generate", gap));
}

}  // namespace gmmvae
