#pragma once

#include <span>
#include <string>

#include "gmmvae/dataset.hpp"
#include "host/study/model_study.hpp"

namespace gmmvae {

/// What a run's report is made of; whatever changes from one run to the next of the same configuration, such
/// as times or the device, is no part of it.
struct RunReport {
  const Dataset* data = nullptr;
  std::span<const ModelStudy> models;
  std::span<const ModelFailure> failures;
  bool course = false;  ///< the shipped experiment: its published table belongs to the model `course`
  std::string config;   ///< TOML
  std::string version;
};

/// The text of report.html: the answer in words first, then tables and pictures.
std::string run_report_html(const RunReport& report);

}  // namespace gmmvae
