#include "host/sweep/metrics.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <stdexcept>

namespace gmmvae {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double value(const Figure& figure) {
  return figure.value.value_or(kNone);
}

template <Figure SampleMetrics::*figure>
double of_samples(const Evaluation& e) {
  return value(e.samples.*figure);
}

template <Figure LikelihoodMetrics::*figure>
double of_likelihood(const Evaluation& e) {
  return e.likelihood ? value((*e.likelihood).*figure) : kNone;
}

template <std::optional<double> ModeCoverage::*figure>
double of_modes(const Evaluation& e) {
  return e.samples.modes ? ((*e.samples.modes).*figure).value_or(kNone) : kNone;
}

double noise_free_captured(const Evaluation& e) {
  if (!e.noise_free || !e.noise_free->modes) return kNone;
  return static_cast<double>(e.noise_free->modes->captured);
}

double noise_free_high_quality(const Evaluation& e) {
  return e.noise_free && e.noise_free->modes ? e.noise_free->modes->high_quality : kNone;
}

double mutual_information(const Evaluation& e) {
  return e.latent ? e.latent->mutual_information.value : kNone;
}

struct Metric {
  std::string_view name, title;
  bool share;  ///< of a whole
  double (*of)(const Evaluation&);
};

constexpr Metric kMetrics[] = {
    {"elbo_test", "ELBO on fresh points, nats", false, of_likelihood<&LikelihoodMetrics::elbo>},
    {"log_likelihood", "log-likelihood of fresh points, nats", false,
     of_likelihood<&LikelihoodMetrics::log_likelihood>},
    {"true_log_likelihood", "log-likelihood of the truth, nats", false,
     of_likelihood<&LikelihoodMetrics::true_log_likelihood>},
    {"kl_data_model", "KL(data || model), nats per point", false,
     of_likelihood<&LikelihoodMetrics::kl_data_model>},
    {"mutual_information", "mutual information, nats", false, mutual_information},
    {"sample_variance_ratio", "variance of samples over the data's", false,
     of_samples<&SampleMetrics::sample_variance_ratio>},
    {"reverse_kl", "reverse KL of the mode masses, nats", false, of_modes<&ModeCoverage::reverse_kl>},
    {"forward_kl", "forward KL of the mode masses, nats", false, of_modes<&ModeCoverage::forward_kl>},
    {"total_variation", "total variation of the mode masses", true, of_modes<&ModeCoverage::total_variation>},
    {"noise_free_modes_captured", "modes kept by decoder means", false, noise_free_captured},
    {"noise_free_high_quality", "share of decoder means within a mode", true, noise_free_high_quality},
    {"precision", "precision", true, of_samples<&SampleMetrics::precision>},
    {"recall", "recall", true, of_samples<&SampleMetrics::recall>},
    {"density", "density", false, of_samples<&SampleMetrics::density>},
    {"coverage", "coverage", true, of_samples<&SampleMetrics::coverage>},
    {"mmd2", "MMD²", false, of_samples<&SampleMetrics::mmd2>},
    {"sliced_wasserstein", "sliced Wasserstein distance", false,
     of_samples<&SampleMetrics::sliced_wasserstein>},
    {"energy_distance", "energy distance", false, of_samples<&SampleMetrics::energy_distance>},
};

const Metric& metric_named(std::string_view name) {
  for (const Metric& metric : kMetrics)
    if (metric.name == name) return metric;
  throw std::logic_error(fmt::format("there is no metric {}", name));
}

constexpr std::string_view kLowerIsBetter[] = {
    "loss", "reconstruction",     "kl_data_model",   "reverse_kl", "forward_kl", "seconds", "total_variation",
    "mmd2", "sliced_wasserstein", "energy_distance", "epochs"};

}  // namespace

std::vector<std::string> extra_metric_names() {
  std::vector<std::string> names;
  std::transform(std::begin(kMetrics), std::end(kMetrics), std::back_inserter(names),
                 [](const Metric& metric) { return std::string(metric.name); });
  return names;
}

std::string_view extra_metric_title(std::string_view name) {
  return metric_named(name).title;
}

bool extra_metric_is_share(std::string_view name) {
  return metric_named(name).share;
}

double extra_metric(const Evaluation& evaluation, std::string_view name) {
  return metric_named(name).of(evaluation);
}

bool higher_is_better(std::string_view figure) {
  return std::find(std::begin(kLowerIsBetter), std::end(kLowerIsBetter), figure) == std::end(kLowerIsBetter);
}

}  // namespace gmmvae
