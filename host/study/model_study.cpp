#include "host/study/model_study.hpp"

#include <algorithm>
#include <numeric>

#include "gmmvae/error.hpp"
#include "host/data/rows.hpp"
#include "host/vae/sampling.hpp"

namespace gmmvae {
namespace {

/// Enough that a standard error of a fraction is below 0.7 %, little enough that a run stays a matter of a
/// second.
constexpr std::size_t kGenerated = 5000;
constexpr std::size_t kTestPoints = 1000;
/// Above three latent dimensions the likelihood is estimated, a thousand times dearer than an integral there.
constexpr std::size_t kImportanceSamples = 1000;
constexpr std::size_t kImportancePoints = 250;
constexpr std::size_t kSamples = 1000;
/// Clustering and embedding see at most so many of the latent points: more would say and show the same.
constexpr std::size_t kMostLatents = 5000;
constexpr std::size_t kMostClusters = 12;

ClusterAnalysis cluster_points(Backend& backend, MatrixView<float> points,
                               std::span<const std::int32_t> labels, std::uint64_t seed) {
  ClusterOptions options;
  options.k.resize(std::min(kMostClusters, points.rows));
  std::iota(options.k.begin(), options.k.end(), std::size_t{1});
  options.restarts = 3;
  options.seed = seed;
  return cluster(backend, points, labels, options);
}

}  // namespace

std::vector<std::uint32_t> even_rows(std::size_t count) {
  const std::size_t stride = std::max<std::size_t>(1, (count + kMostLatents - 1) / kMostLatents);
  std::vector<std::uint32_t> rows;
  for (std::size_t r = 0; r < count; r += stride) rows.push_back(static_cast<std::uint32_t>(r));
  return rows;
}

Prediction predict_model(const Objective& objective, const Scaler& scaler, std::size_t latent,
                         const Dataset& data) {
  return predict(objective, moments(scaler.apply(data.x)).covariance, latent, scaler.log_jacobian());
}

void study_model(Backend& backend, const Dataset& data, std::span<const std::uint32_t> held_out,
                 std::uint64_t seed, const TsneOptions& embedding, ModelStudy& study) {
  EvaluationOptions options;
  options.count = kGenerated;
  options.test = kTestPoints;
  options.importance_samples = kImportanceSamples;
  options.importance_points = kImportancePoints;
  options.seed = seed;
  study.evaluation = evaluate(backend, study.vae, 0, data, held_out, options);
  if (!study.evaluation.verdict) throw DataError("a run needs data of at least two points");
  study.samples = sample_model(backend, study.vae, 0, kSamples, false, seed);
  study.latents = encode_points(backend, study.vae, 0, data.x);
  if (data.mixture) {
    const Matrix<float> decoded = sample_model(backend, study.vae, 0, kGenerated, false, seed);
    study.rescaled_modes = mode_coverage(backend, rescale_to_range(decoded, data.x), *data.mixture);
  }
  study.sample_clusters = cluster_points(backend, study.samples, {}, seed);
  study.embedding_rows = even_rows(data.x.rows());
  const Matrix<float> means = gather_rows(study.latents.mean, study.embedding_rows);
  std::vector<std::int32_t> labels;
  if (!data.labels.empty())
    for (const std::uint32_t row : study.embedding_rows) labels.push_back(data.labels[row]);
  study.latent_clusters = cluster_points(backend, means, labels, seed);
  // Fewer than three points have none.
  if (means.rows() >= 3) study.embedding = backend.embed(means, embedding);
}

}  // namespace gmmvae
