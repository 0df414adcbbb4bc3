#include <cmath>
#include <nlohmann/json.hpp>

#include "gmmvae/evaluation.hpp"
#include "host/io/json_file.hpp"

namespace gmmvae {

namespace {

using Json = nlohmann::ordered_json;

const char* const kNoModel = "there is no model, only two sets of points";

Json number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json numbers(const std::vector<std::optional<double>>& values) {
  Json out = Json::array();
  for (const auto& value : values) out.push_back(number(value));
  return out;
}

/// The object under construction with the two that go beside it.
struct Report {
  Json values = Json::object();
  Json errors = Json::object();
  Json absent = Json::object();

  void add(const std::string& key, const Figure& figure) {
    values[key] = number(figure.value);
    if (!values[key].is_null() && figure.error) errors[key] = number(figure.error);
    if (values[key].is_null())
      absent[key] = figure.absent.empty() ? "the figure is not a finite number" : figure.absent;
  }
  void add_absent(const std::string& key, const std::string& why) {
    values[key] = nullptr;
    absent[key] = why;
  }
};

Json modes_json(const ModeCoverage& modes) {
  Json out;
  out["total"] = modes.total;
  out["hit"] = modes.hit;
  out["captured"] = modes.captured;
  out["high_quality"] = modes.high_quality;
  out["reverse_kl"] = number(modes.reverse_kl);
  out["forward_kl"] = number(modes.forward_kl);
  out["total_variation"] = number(modes.total_variation);
  out["mass"] = modes.mass;
  out["high_quality_error"] = modes.high_quality_error;
  out["reverse_kl_error"] = number(modes.reverse_kl_error);
  out["forward_kl_error"] = number(modes.forward_kl_error);
  out["total_variation_error"] = number(modes.total_variation_error);
  out["high_quality_ceiling"] = modes.high_quality_ceiling;
  out["reverse_kl_floor"] = number(modes.reverse_kl_floor);
  out["jensen_shannon"] = number(modes.jensen_shannon);
  out["jensen_shannon_error"] = number(modes.jensen_shannon_error);
  out["recall_mass"] = modes.recall_mass;
  out["recall_mass_error"] = modes.recall_mass_error;
  out["bridge_mass"] = modes.bridge_mass;
  out["mean_error"] = numbers(modes.mean_error);
  out["covariance_error"] = numbers(modes.covariance_error);
  return out;
}

void add_modes(const SampleMetrics& metrics, Report& report) {
  if (!metrics.modes) {
    report.add_absent("modes", metrics.modes_absent);
    return;
  }
  report.values["modes"] = modes_json(*metrics.modes);
  if (!metrics.modes->reverse_kl)
    report.absent["modes.reverse_kl"] = "no sample is of high quality, so the modes have no shares";
  if (!metrics.modes->forward_kl)
    report.absent["modes.forward_kl"] =
        "a mode has no high-quality sample, which makes the divergence infinite";
}

void add_samples(const SampleMetrics& metrics, Report& report) {
  report.add("precision", metrics.precision);
  report.add("recall", metrics.recall);
  report.add("density", metrics.density);
  report.add("coverage", metrics.coverage);
  report.add("mmd2", metrics.mmd2);
  report.add("sliced_wasserstein", metrics.sliced_wasserstein);
  report.add("wasserstein", metrics.wasserstein);
  report.add("energy_distance", metrics.energy_distance);
}

void add_likelihood(const std::optional<LikelihoodMetrics>& likelihood, Report& report) {
  if (!likelihood) {
    for (const char* key : {"elbo", "elbo_train", "log_likelihood", "log_likelihood_method",
                            "true_log_likelihood", "kl_data_model"})
      report.add_absent(key, kNoModel);
    return;
  }
  report.add("elbo", likelihood->elbo);
  report.add("elbo_train", likelihood->elbo_train);
  report.add("log_likelihood", likelihood->log_likelihood);
  report.values["log_likelihood_method"] = likelihood->method;
  report.add("true_log_likelihood", likelihood->true_log_likelihood);
  report.add("kl_data_model", likelihood->kl_data_model);
}

void add_latent(const std::optional<LatentMetrics>& latent, Report& report) {
  if (!latent) {
    report.add_absent("kl_per_dimension", kNoModel);
    report.add_absent("active_units", kNoModel);
    return;
  }
  report.values["kl_per_dimension"] = latent->kl_per_dimension;
  report.errors["kl_per_dimension"] = latent->kl_errors;
  report.values["active_units"] = latent->active;
}

Json latent_json(const LatentMetrics& latent) {
  Json out;
  out["posterior_mean_variance"] = latent.posterior_mean_variance;
  out["mutual_information"] = latent.mutual_information.value;
  out["mutual_information_error"] = latent.mutual_information.standard_error;
  out["mutual_information_ceiling"] = latent.mutual_information_ceiling;
  out["collapse_epsilon"] = latent.collapse_epsilon;
  out["aggregate_kl"] = latent.aggregate_kl.value;
  out["aggregate_kl_error"] = latent.aggregate_kl.standard_error;
  if (latent.aggregate_mmd2) {
    out["aggregate_mmd2"] = latent.aggregate_mmd2->value;
    out["aggregate_mmd2_error"] = latent.aggregate_mmd2->standard_error;
  }
  return out;
}

// What only this program reports about likelihoods; the contract's keys stand above.
Json likelihood_json(const LikelihoodMetrics& likelihood) {
  Json out;
  out["points"] = likelihood.points;
  out["method_error"] = number(likelihood.method_error);
  out["latent_points"] = likelihood.latent_points;
  out["one_gaussian"] = number(likelihood.one_gaussian.value);
  out["one_gaussian_error"] = number(likelihood.one_gaussian.error);
  out["entropy_lower_bound"] = number(likelihood.entropy_lower.value);
  out["entropy_upper_bound"] = number(likelihood.entropy_upper.value);
  return out;
}

Json samples_json(const SampleMetrics& metrics) {
  Report report;
  report.add("sample_variance_ratio", metrics.sample_variance_ratio);
  add_modes(metrics, report);
  add_samples(metrics, report);
  report.values["errors"] = report.errors;
  if (!report.absent.empty()) report.values["absent"] = report.absent;
  return report.values;
}

// What two samples of one law give on average: the measure where there is no truth to draw from.
Json equal_laws_json(const SampleMetrics& metrics) {
  Json out;
  out["density"] = 1.0;
  out["coverage"] = number(metrics.coverage_of_equal_laws);
  out["mmd2"] = 0.0;
  out["energy_distance"] = number(metrics.energy_distance_of_equal_laws);
  return out;
}

// What the truth itself would score: the sample metrics of fresh points, and no model's likelihood can pass
// the mixture's own.
Json ceiling_json(const Evaluation& evaluation) {
  if (!evaluation.truth) return nullptr;
  Json out = samples_json(*evaluation.truth);
  if (evaluation.likelihood)
    for (const char* key : {"elbo", "log_likelihood"})
      out[key] = number(evaluation.likelihood->true_log_likelihood.value);
  if (evaluation.latent) out["mutual_information"] = evaluation.latent->mutual_information_ceiling;
  return out;
}

}  // namespace

std::string metrics_json(const Evaluation& evaluation) {
  Report report;
  add_likelihood(evaluation.likelihood, report);
  add_latent(evaluation.latent, report);
  report.add("sample_variance_ratio", evaluation.samples.sample_variance_ratio);
  add_modes(evaluation.samples, report);
  add_samples(evaluation.samples, report);
  if (evaluation.verdict) {
    report.values["verdict"] = evaluation.verdict->verdict;
    report.values["why"] = evaluation.verdict->why;
  } else {
    const std::string why = evaluation.likelihood
                                ? "a single point cannot show whether the posterior depends on the data"
                                : kNoModel;
    report.add_absent("verdict", why);
    report.values["why"] = "There is no verdict on collapse: " + why + ".";
  }
  if (evaluation.noise_free) {
    report.values["noise_free"] = samples_json(*evaluation.noise_free);
  } else {
    report.add_absent("noise_free", kNoModel);
  }
  report.values["ceiling"] = ceiling_json(evaluation);
  if (!evaluation.truth) report.absent["ceiling"] = "the mixture that the data come from is not known";
  report.values["equal_laws"] = equal_laws_json(evaluation.samples);
  if (evaluation.likelihood) report.values["likelihood"] = likelihood_json(*evaluation.likelihood);
  if (evaluation.latent) report.values["latent"] = latent_json(*evaluation.latent);
  if (evaluation.lipschitz)
    report.values["decoder_lipschitz"] = {{"largest", number(evaluation.lipschitz->largest)},
                                          {"mean", number(evaluation.lipschitz->mean.value)},
                                          {"mean_error", number(evaluation.lipschitz->mean.standard_error)}};
  report.values["test_points"] = evaluation.test_points;
  report.values["count"] = evaluation.count;
  report.values["test"] = evaluation.test;
  report.values["errors"] = report.errors;
  report.values["absent"] = report.absent;
  return json_text(report.values);
}

}  // namespace gmmvae
