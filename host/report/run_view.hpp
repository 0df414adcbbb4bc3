#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "host/report/scatter.hpp"
#include "host/study/run_record.hpp"

namespace gmmvae {

/// What the pictures of one model are drawn from, beyond its record: all of it follows from the model file
/// and the run's seed.
struct ModelView {
  const ModelRecord* record = nullptr;
  Matrix<float> means;  ///< [M,D] decoder means for draws of the prior, raw units; the first are the samples
  Matrix<float> noisy;  ///< [N,D] the samples with decoder noise
  Matrix<float> rescaled;     ///< [N,D] the samples stretched onto the data's range
  std::vector<double> noise;  ///< [D] standard deviations of the decoder's noise, raw units
  std::vector<std::int32_t> mean_labels, noisy_labels, rescaled_labels;  ///< see component_labels
  std::optional<ModeCoverage> rescaled_modes;                            ///< where the mixture is known
};

/// A run prepared for its report.
struct RunView {
  const RunRecord* run = nullptr;
  std::vector<ModelView> models;   ///< those that are pictured, at most kMostPictured
  std::vector<std::string> names;  ///< [D] of the columns
  Ranges ranges;            ///< of the data with a margin, none of them without extent; what lies beyond
                            ///< is not drawn, but counted
  std::size_t dots = 2000;  ///< most points of one picture, so that the page stays small
};

/// More models than this are listed in tables, but not pictured.
inline constexpr std::size_t kMostPictured = 8;

/// For each point [N,D] the component of the mixture with the least Mahalanobis distance, or -1 beyond the
/// radius that holds kHighQualityMass of it.
std::vector<std::int32_t> component_labels(MatrixView<float> points, const Mixture& mixture);

RunView prepare_view(const RunRecord& run, Backend& backend);

}  // namespace gmmvae
