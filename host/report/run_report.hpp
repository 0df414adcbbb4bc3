#pragma once

#include "gmmvae/backend.hpp"
#include "host/report/page.hpp"
#include "host/study/run_record.hpp"

namespace gmmvae {

/// The report of a run: the answer in words first, then tables and pictures. It follows from the files of the
/// run alone; whatever changes from one run to the next of the same configuration, such as times or the
/// device, is no part of it. The backend draws the samples that pictures of densities need: the CPU's, so
/// that the page is the same wherever the models were trained.
Page run_report(const RunRecord& run, Backend& backend);

}  // namespace gmmvae
