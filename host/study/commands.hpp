#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/config/settings.hpp"

namespace gmmvae {

/// A text as a shell takes it for one word.
std::string shell_word(std::string_view text);

/// Options left out of a command, and what stands in their place.
struct CommandGap {
  std::vector<std::string> keys;
  std::string text;
};

/// "gmmvae train --data data.npz ... --out NAME.safetensors" with the options of these settings that are not
/// the defaults of `train`.
std::string train_command(const Settings& settings, const std::string& name, const CommandGap& gap = {});

/// "gmmvae generate ... --out data.npz" likewise, for settings that draw their data.
std::string generate_command(const Settings& settings, const CommandGap& gap = {});

}  // namespace gmmvae
