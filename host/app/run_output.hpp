#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "host/app/console.hpp"
#include "host/app/run_training.hpp"
#include "host/study/run_directory.hpp"

namespace gmmvae {

/// What a run found out, for a person and for --json.
struct RunResults {
  const Dataset* data = nullptr;
  std::span<const ModelStudy> models;
  std::span<const ModelFailure> failures;
  bool course = false;  ///< the shipped experiment: its published table belongs to the model `course`
  std::vector<std::string> course_changes;  ///< see there
};

/// Everything that was found out, into the run's folder: for each model samples.npy, latents.npz,
/// metrics.json, clusters.json and the embedding; then run.json and, of all these, report.html.
void write_run(const RunDirectory& folder, const RunResults& results, const RunTraining& training,
               const Backend& backend);

/// The same for a person, as text.
void print_run(const Console& console, const RunResults& results);

/// What `run --json` prints.
nlohmann::ordered_json run_json(const RunDirectory& folder, const RunResults& results,
                                const RunTraining& training, const Backend& backend);

}  // namespace gmmvae
