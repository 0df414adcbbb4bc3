#include "host/cpu/loss_terms.hpp"

#include <cmath>
#include <numbers>
#include <numeric>

namespace gmmvae::cpu {

LossTerms::LossTerms(const Objective& objective, const Architecture& architecture, double log_jacobian)
    : objective_(objective),
      data_dim_(architecture.data_dim),
      latent_(architecture.latent),
      log_jacobian_(log_jacobian),
      variance_(data_dim_, implied_decoder_variance(objective, data_dim_, latent_)),
      weight_(data_dim_),
      squared_error_(data_dim_),
      kl_(latent_) {
  const LossWeights weights = loss_weights(objective, data_dim_, latent_, variance_, log_jacobian);
  weight_ = weights.squared_error;
  constant_ = weights.constant;
  kl_weight_ = weights.kl_weight;
}

template <class T>
void LossTerms::read_variance(const ModelPlan<T>& plan) {
  if (!plan.loss.variance_learned) return;
  for (std::size_t d = 0; d < data_dim_; ++d) {
    const T raw = plan.parameters[plan.loss.log_variance +
                                  (plan.loss.variance_per_dim ? static_cast<std::ptrdiff_t>(d) : 0)];
    variance_[d] = objective_.variance_floor + std::exp(static_cast<double>(raw));
  }
}

template <class T>
void LossTerms::prepare(ModelPlan<T>& plan) {
  read_variance(plan);
  gaussian_constant_ = log_jacobian_;
  for (const double v : variance_) gaussian_constant_ += 0.5 * std::log(2.0 * std::numbers::pi * v);
  if (plan.loss.variance_learned) {
    for (std::size_t d = 0; d < data_dim_; ++d) weight_[d] = 0.5 / variance_[d];
    constant_ = gaussian_constant_;
  }
  for (std::size_t d = 0; d < data_dim_; ++d) plan.loss.squared_error_weight[d] = static_cast<T>(weight_[d]);
  plan.loss.kl_weight = kl_weight_;
}

LossTerms::Means LossTerms::means(const BatchSums& sums, double count) const {
  Means means;
  double scaled_error = 0.0;
  means.reconstruction = constant_;
  for (std::size_t d = 0; d < data_dim_; ++d) {
    const double mean_error = sums.squared_error[d] / count;
    means.reconstruction += weight_[d] * mean_error;
    scaled_error += 0.5 * mean_error / variance_[d];
  }
  for (std::size_t j = 0; j < latent_; ++j) means.kl += sums.kl[j] / count;
  means.loss = means.reconstruction + kl_weight_ * means.kl;
  means.elbo = -(scaled_error + gaussian_constant_ + means.kl);
  return means;
}

template <class T>
double LossTerms::mean_variance(const ModelPlan<T>& plan) {
  read_variance(plan);
  return std::accumulate(variance_.begin(), variance_.end(), 0.0) / static_cast<double>(data_dim_);
}

template void LossTerms::prepare(ModelPlan<float>&);
template void LossTerms::prepare(ModelPlan<double>&);
template double LossTerms::mean_variance(const ModelPlan<float>&);
template double LossTerms::mean_variance(const ModelPlan<double>&);

}  // namespace gmmvae::cpu
