#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gmmvae/dataset.hpp"
#include "gmmvae/evaluation.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/training.hpp"
#include "gmmvae/vae.hpp"
#include "host/study/json_record.hpp"
#include "host/study/model_study.hpp"
#include "host/study/run_directory.hpp"

namespace gmmvae {

/// A model of a run as its folder holds it, with what follows from that.
struct ModelRecord {
  std::string name;
  Vae vae;
  History history;
  Prediction prediction;
  JsonRecord metrics;          ///< metrics.json
  JsonRecord sample_clusters;  ///< of clusters.json
  JsonRecord latent_clusters;
  JsonRecord tsne;               ///< tsne.json
  Matrix<float> samples;         ///< [N,D] decoder means, raw units
  Posterior latents;             ///< of the data
  Matrix<float> embedding;       ///< of the rows even_rows(N) of the data
  std::string training_command;  ///< gmmvae train that makes the same model from data.npz

  [[nodiscard]] std::size_t latent() const { return vae.architecture.latent; }
  [[nodiscard]] bool prediction_held() const { return prediction.verdict == metrics.text("verdict"); }
};

/// A run as its folder holds it: what `run` finds out about models is written there first, and a report is
/// made of what was written.
struct RunRecord {
  std::string config;  ///< the text of config.toml
  std::uint64_t seed = 0;
  bool course = false;  ///< the shipped experiment: its published table belongs to the model `course`
  std::vector<std::string> course_changes;  ///< what of it was changed
  std::string version;                      ///< of the program that made it
  Dataset data;
  std::vector<ModelRecord> models;
  std::vector<ModelFailure> failures;  ///< models that diverged, or are not finished
};

/// Whether the folder looks like a run's.
bool is_run_folder(const RunDirectory& folder);

/// Throws DataError for a folder that holds no run or a damaged one, naming the file.
RunRecord read_run(const RunDirectory& folder);

}  // namespace gmmvae
