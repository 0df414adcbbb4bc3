#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/vae.hpp"
#include "host/sweep/record.hpp"

namespace gmmvae {

/// Points that a trial's model is judged by; the standard error of a fraction is then at most 1.1 %.
inline constexpr std::size_t kJudgedPoints = 2000;
/// Fresh points of the mixture that the metrics asked for compare with.
inline constexpr std::size_t kJudgedTestPoints = 1000;

/// Encodes the data and samples the model: fills in modes, high quality, KL, active units, verdict and the
/// `metrics` asked for, which are what `gmmvae evaluate --count 2000 --test 1000` says with the same seed.
void judge_model(Backend& backend, const Vae& vae, const Dataset& data, std::uint64_t seed,
                 const std::vector<std::string>& metrics, TrialRecord& record);

}  // namespace gmmvae
