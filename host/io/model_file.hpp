#pragma once

#include <string>

#include "gmmvae/vae.hpp"

namespace gmmvae {

/// Writes a safetensors file that torch's load_state_dict takes: tensors F32 named and shaped as PyTorch has
/// them (encoder.0.weight [out,in]), with a leading dimension where there is more than one model.
/// __metadata__ holds `format` = "pt", `gmmvae_version`, `models`, JSON in `architecture`, `objective` and
/// `scaler`, TOML in `config`.
void save_model(const std::string& path, const Vae& vae);

/// Reads it back, bit for bit. Throws DataError for a file that is damaged, made by somebody else, or whose
/// tensors do not fit its architecture or are not finite.
Vae load_model(const std::string& path);

}  // namespace gmmvae
