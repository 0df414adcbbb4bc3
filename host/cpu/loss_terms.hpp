#pragma once

#include <vector>

#include "gmmvae/objective.hpp"
#include "gmmvae/vae.hpp"
#include "host/cpu/plan.hpp"

namespace gmmvae::cpu {

/// Turns the sums of a batch into the figures of a history row, in double, without allocating.
class LossTerms {
 public:
  struct Means {
    double loss = 0.0;
    double reconstruction = 0.0;
    double kl = 0.0;    ///< nats per sample, summed over latent dimensions
    double elbo = 0.0;  ///< nats per sample, raw units
  };

  LossTerms(const Objective& objective, const Architecture& architecture, double log_jacobian);

  /// Sets the loss weights of the plan from the decoder variance as its parameters have it now.
  template <class T>
  void prepare(ModelPlan<T>& plan);

  /// Room for the sums of one batch, owned by this object.
  BatchSums sums() { return {squared_error_.data(), kl_.data(), 0.0}; }

  /// Means over the `count` samples of the sums, with the weights last prepared.
  [[nodiscard]] Means means(const BatchSums& sums, double count) const;

  /// Mean over dimensions of the decoder variance, in scaled units.
  template <class T>
  [[nodiscard]] double mean_variance(const ModelPlan<T>& plan);

 private:
  template <class T>
  void read_variance(const ModelPlan<T>& plan);

  Objective objective_;
  std::size_t data_dim_;
  std::size_t latent_;
  double log_jacobian_;
  std::vector<double> variance_;  ///< [D], of the Gaussian that the loss means
  std::vector<double> weight_;    ///< [D], of the squared error
  double constant_ = 0.0;
  double kl_weight_ = 1.0;
  double gaussian_constant_ = 0.0;  ///< of the ELBO
  std::vector<double> squared_error_;
  std::vector<double> kl_;
};

}  // namespace gmmvae::cpu
