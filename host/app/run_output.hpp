#pragma once

#include <nlohmann/json.hpp>

#include "gmmvae/backend.hpp"
#include "host/app/console.hpp"
#include "host/app/run_training.hpp"
#include "host/report/run_report.hpp"
#include "host/study/run_directory.hpp"

namespace gmmvae {

/// Everything that was found out, into the run's folder: for each model samples.npy, latents.npz,
/// metrics.json and clusters.json; then report.html and, last, run.json.
void write_run(const RunDirectory& folder, const RunReport& report, const RunTraining& training,
               const Backend& backend);

/// The same for a person, as text.
void print_run(const Console& console, const RunReport& report);

/// What `run --json` prints.
nlohmann::ordered_json run_json(const RunDirectory& folder, const RunReport& report,
                                const RunTraining& training, const Backend& backend);

}  // namespace gmmvae
