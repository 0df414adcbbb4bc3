#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/clustering.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/evaluation.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/training.hpp"
#include "gmmvae/tsne.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

/// A trained model of a run with everything that was found out about it.
struct ModelStudy {
  std::string name;
  Vae vae;
  History history;
  Prediction prediction;  ///< made before the training
  Evaluation evaluation;
  Matrix<float> samples;  ///< [N,D] decoder means in raw units, as many as there are data
  Posterior latents;      ///< of the data, [N,Z]
  /// Modes that the decoder means reach when they are stretched onto the data's range, where the mixture is
  /// known.
  std::optional<ModeCoverage> rescaled_modes;
  ClusterAnalysis sample_clusters;
  ClusterAnalysis latent_clusters;
  Embedding embedding;                        ///< t-SNE of the posterior means of these rows of the data
  std::vector<std::uint32_t> embedding_rows;  ///< all of them, or as many as a picture can use

  /// Whether the verdict after the training is the one that was predicted.
  [[nodiscard]] bool prediction_held() const { return prediction.verdict == evaluation.verdict->verdict; }
};

/// A model of a run whose training diverged: there is nothing to study.
struct ModelFailure {
  std::string model;
  std::string why;  ///< a sentence
};

/// The rows of `count` that clustering and embedding see: at most 5000, evenly spread.
std::vector<std::uint32_t> even_rows(std::size_t count);

/// What the covariance of the data says of this objective before any training. The scaler is the model's own.
Prediction predict_model(const Objective& objective, const Scaler& scaler, std::size_t latent,
                         const Dataset& data);

/// Judges, samples, encodes and clusters a trained model; fills everything but name, history and prediction.
/// `data` is what it was trained on, of which the rows `held_out` were not shown to it; `embedding` is for
/// t-SNE of its latent points.
void study_model(Backend& backend, const Dataset& data, std::span<const std::uint32_t> held_out,
                 std::uint64_t seed, const TsneOptions& embedding, ModelStudy& study);

}  // namespace gmmvae
