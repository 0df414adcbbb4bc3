#pragma once

#include <string>

#include "host/report/page.hpp"
#include "host/report/run_view.hpp"

namespace gmmvae {

// Sections of a run's report that are pictures; each returns the HTML of its body, "" where there is nothing
// to show.

std::string space_pictures(Page& page, const RunView& view);
std::string mode_pictures(Page& page, const RunView& view);
std::string marginal_pictures(Page& page, const RunView& view);
std::string pair_pictures(Page& page, const RunView& view);
std::string density_pictures(Page& page, const RunView& view);
std::string training_pictures(Page& page, const RunView& view);
std::string latent_pictures(Page& page, const RunView& view);
std::string embedding_pictures(Page& page, const RunView& view);
std::string cluster_pictures(Page& page, const RunView& view);
/// The eigenvalues of each model's scaled data beside its effective decoder variance.
std::string spectrum_pictures(Page& page, const RunView& view);
/// The published losses and the run's.
std::string course_picture(Page& page, const ModelRecord& model);

/// "1000 points", or "2000 of 1000000 points" where a picture shows fewer.
std::string shown_points(std::size_t points, std::size_t most);

}  // namespace gmmvae
