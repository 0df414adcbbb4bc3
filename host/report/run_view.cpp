#include "host/report/run_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/evaluation/chi_square.hpp"
#include "host/vae/sampling.hpp"

namespace gmmvae {
namespace {

/// Decoder means behind a picture of the density: a mean over them is within a percent where it matters.
constexpr std::size_t kDensityDraws = 16384;
/// As many as study_model judges.
constexpr std::size_t kJudged = 5000;
/// Dots on one page, at some 13 bytes each.
constexpr std::size_t kDotsOfPage = 60000;
/// Of the data's range, at both ends of an axis.
constexpr double kMargin = 0.08;
/// Distances that colouring a cloud may cost, in multiplications: some tens of milliseconds.
constexpr double kMostColouring = 1e8;

Matrix<float> first_rows(const Matrix<float>& points, std::size_t count) {
  const std::size_t rows = std::min(count, points.rows());
  return {rows, points.cols(),
          std::vector<float>(points.values().begin(),
                             points.values().begin() + static_cast<std::ptrdiff_t>(rows * points.cols()))};
}

std::vector<std::int32_t> labels_if_cheap(MatrixView<float> points, const std::optional<Mixture>& mixture) {
  if (!mixture) return {};
  const double dim = static_cast<double>(mixture->dim());
  const double cost = static_cast<double>(points.rows * mixture->components()) * dim * dim;
  return cost <= kMostColouring ? component_labels(points, *mixture) : std::vector<std::int32_t>();
}

ModelView view_of(const ModelRecord& model, const RunRecord& run, Backend& backend) {
  ModelView view;
  view.record = &model;
  const std::size_t samples = model.samples.rows();
  view.means = sample_model(backend, model.vae, 0, kDensityDraws, false, run.seed);
  view.noisy = sample_model(backend, model.vae, 0, samples, true, run.seed);
  view.rescaled = rescale_to_range(model.samples, run.data.x);
  const std::vector<double> variance = model.vae.decoder_variance(0);
  for (std::size_t d = 0; d < run.data.x.cols(); ++d)
    view.noise.push_back(std::sqrt(variance[variance.size() == 1 ? 0 : d]) * model.vae.scaler.scale[d]);
  view.mean_labels = labels_if_cheap(model.samples, run.data.mixture);
  view.noisy_labels = labels_if_cheap(view.noisy, run.data.mixture);
  view.rescaled_labels = labels_if_cheap(view.rescaled, run.data.mixture);
  if (run.data.mixture)
    view.rescaled_modes =
        mode_coverage(rescale_to_range(first_rows(view.means, kJudged), run.data.x), *run.data.mixture);
  return view;
}

/// Two columns make three pictures a model (pairs, latents, t-SNE), more columns eight and more.
std::size_t dots_per_picture(std::size_t models, std::size_t columns) {
  const std::size_t pairs = columns < 2 ? 0 : columns == 2 ? 1 : columns == 3 ? 3 : 6;
  const std::size_t pictures = (models + 1) * (pairs + 1) + 3 * models;
  return std::clamp<std::size_t>(kDotsOfPage / pictures, 100, 2000);
}

}  // namespace

std::vector<std::int32_t> component_labels(MatrixView<float> points, const Mixture& mixture) {
  const double radius = chi_square_quantile(kHighQualityMass, static_cast<double>(mixture.dim()));
  std::vector<std::int32_t> labels;
  std::vector<double> x(points.cols);
  for (std::size_t r = 0; r < points.rows; ++r) {
    std::copy(points.row(r).begin(), points.row(r).end(), x.begin());
    double least = std::numeric_limits<double>::infinity();
    std::int32_t nearest = -1;
    for (std::size_t k = 0; k < mixture.components(); ++k) {
      const double distance = mixture.squared_mahalanobis(k, x);
      if (distance >= least) continue;
      least = distance;
      nearest = static_cast<std::int32_t>(k);
    }
    labels.push_back(least <= radius ? nearest : -1);
  }
  return labels;
}

RunView prepare_view(const RunRecord& run, Backend& backend) {
  RunView view;
  view.run = &run;
  const std::size_t dim = run.data.x.cols();
  for (std::size_t d = 0; d < dim; ++d)
    view.names.push_back(run.data.column_names.size() == dim ? run.data.column_names[d]
                                                             : fmt::format("x{}", d + 1));
  view.ranges.take(run.data.x);
  for (const ModelRecord& model : run.models) {
    if (view.models.size() == kMostPictured) break;
    view.models.push_back(view_of(model, run, backend));
  }
  for (std::size_t d = 0; d < dim; ++d) {
    const double extent = view.ranges.high[d] - view.ranges.low[d];
    const double reach = extent > 0.0 ? kMargin * extent : std::max(0.5, 1e-3 * std::abs(view.ranges.low[d]));
    view.ranges.low[d] -= reach;
    view.ranges.high[d] += reach;
  }
  view.dots = dots_per_picture(view.models.size(), dim);
  return view;
}

}  // namespace gmmvae
