#include "host/sweep/judging.hpp"

#include <cmath>

#include "gmmvae/evaluation.hpp"
#include "host/sweep/metrics.hpp"
#include "host/vae/sampling.hpp"

namespace gmmvae {
namespace {

/// What the posteriors of the data say: mean KL and variance of the mean, for each latent dimension.
CollapseEvidence evidence_of(const Posterior& posterior) {
  CollapseEvidence evidence;
  const auto count = static_cast<double>(posterior.mean.rows());
  for (std::size_t j = 0; j < posterior.mean.cols(); ++j) {
    double kl = 0.0, sum = 0.0, squares = 0.0;
    for (std::size_t i = 0; i < posterior.mean.rows(); ++i) {
      const double mean = posterior.mean(i, j), variance = posterior.variance(i, j);
      kl += 0.5 * (mean * mean + variance - 1.0 - std::log(variance));
      sum += mean;
    }
    for (std::size_t i = 0; i < posterior.mean.rows(); ++i)
      squares += std::pow(posterior.mean(i, j) - sum / count, 2);
    evidence.kl_per_dimension.push_back(kl / count);
    evidence.posterior_mean_variance.push_back(squares / count);
  }
  return evidence;
}

}  // namespace

void judge_model(Backend& backend, const Vae& vae, const Dataset& data, std::uint64_t seed,
                 const std::vector<std::string>& metrics, TrialRecord& record) {
  const CollapseEvidence evidence = evidence_of(encode_points(backend, vae, 0, data.x));
  record.kl_per_dimension = evidence.kl_per_dimension;
  record.active_units = active_units(evidence.posterior_mean_variance);
  record.found = judge(evidence).verdict;
  const ModeCoverage modes =
      mode_coverage(sample_model(backend, vae, 0, kJudgedPoints, true, seed), *data.mixture);
  record.modes_total = modes.total;
  record.modes_hit = modes.hit;
  record.modes_captured = modes.captured;
  record.high_quality = modes.high_quality;
  if (metrics.empty()) return;
  EvaluationOptions options;
  options.count = kJudgedPoints;
  options.test = kJudgedTestPoints;
  options.seed = seed;
  options.ceiling = false;
  const Evaluation evaluation = evaluate(backend, vae, 0, data, {}, options);
  for (const std::string& name : metrics) record.metrics.push_back(extra_metric(evaluation, name));
}

}  // namespace gmmvae
