#pragma once

#include <span>
#include <string>
#include <string_view>

#include "gmmvae/dataset.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

/// The configuration of a training as model files and checkpoints keep it: TOML with every option of `train`
/// that the result depends on, one a line, headed by a comment that identifies the points. Where files lie,
/// how many threads work and what is printed do not belong to it, so that the same training gives the same
/// bytes everywhere. `settings` are those of train, or of a verb that trains.
std::string training_identity(const Settings& settings, const Dataset& data);

/// The same for another verb. Options in `compared` name what is compared by itself and are left out.
std::string configuration_identity(const Settings& settings, std::string_view verb, MatrixView<float> x,
                                   std::span<const std::string_view> compared = {});

/// Whether two such texts say the same, whatever version wrote them.
bool same_training(const std::string& before, const std::string& now);

/// Throws UsageError that names the first option in which two such texts differ, with both values: `before`
/// is what `file` was made with, `now` what is asked for, and `work` what the making of it is called.
void require_same_training(const std::string& before, const std::string& now, const std::string& file,
                           std::string_view work = "training");

/// 64 bits that follow from the shape and the bits of x [N,D] (FNV-1a, a value at a time).
std::uint64_t fingerprint(MatrixView<float> x);

}  // namespace gmmvae
