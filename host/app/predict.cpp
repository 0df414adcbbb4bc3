#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmmvae/dataset.hpp"
#include "gmmvae/objective.hpp"
#include "host/app/files.hpp"
#include "host/app/short_list.hpp"
#include "host/app/verbs.hpp"
#include "host/config/builders.hpp"
#include "host/vae/names.hpp"

namespace gmmvae {
namespace {

using nlohmann::ordered_json;

/// What was asked, and the answer.
struct Forecast {
  Objective objective;
  ScaleKind scale = ScaleKind::standard;
  std::size_t points = 0, dim = 0, latent = 0;
  Prediction prediction;
};

Forecast forecast(const Settings& settings) {
  Forecast out;
  out.objective = objective(settings);
  out.scale = parse<ScaleKind>(settings.text("scale"));
  out.latent = settings.count("latent");
  const Dataset data = read_data(settings);
  out.points = data.x.rows();
  out.dim = data.x.cols();
  const Scaler scaler = Scaler::fit(out.scale, data.x);
  out.prediction =
      predict(out.objective, moments(scaler.apply(data.x)).covariance, out.latent, scaler.log_jacobian());
  return out;
}

ordered_json forecast_json(const Forecast& f) {
  const Prediction& p = f.prediction;
  ordered_json object;
  object["objective"] = to_string(f.objective.kind);
  object["beta"] = f.objective.beta;
  object["scale"] = to_string(f.scale);
  object["points"] = f.points;
  object["dim"] = f.dim;
  object["latent"] = f.latent;
  object["effective_decoder_variance"] = p.effective_variance;
  object["decoder_variance_learned"] = p.variance_learned;
  object["learned_decoder_variance"] =
      p.variance_learned ? ordered_json(p.learned_variance) : ordered_json(nullptr);
  object["eigenvalues"] = p.eigenvalues;
  object["active"] = p.active;
  object["kl_per_dimension"] = p.kl_per_dimension;
  object["loss_floor"] = p.loss_floor;
  object["collapsed_loss"] = p.collapsed_loss;
  object["elbo"] = p.elbo;
  object["verdict"] = p.verdict;
  object["why"] = p.why;
  return object;
}

void print_forecast(const Console& console, const Forecast& f) {
  const Prediction& p = f.prediction;
  const auto line = [&](const char* name, const std::string& value) {
    console.print(fmt::format("  {:<44}{}", name, value));
  };
  console.print(fmt::format("{}: {}", p.verdict, p.why));
  line("effective decoder variance",
       fmt::format("{:.4g}{}", p.effective_variance,
                   p.variance_learned ? " (learned: the best one for a linear decoder)" : ""));
  line("eigenvalues of the data's covariance", short_list(p.eigenvalues));
  line("latent dimensions that stay active", fmt::format("{} of {}", p.active, f.latent));
  line("KL of each latent dimension, nats", short_list(p.kl_per_dimension));
  line("plateau of the loss (linear model)", fmt::format("{:.6g}", p.loss_floor));
  line("plateau of the loss when all have collapsed", fmt::format("{:.6g}", p.collapsed_loss));
  line("ELBO (linear model), nats per point", fmt::format("{:.6g}", p.elbo));
  console.print(
      fmt::format("objective {}, beta {:g}, {} latent dimensions, scale {}: variances and eigenvalues are in "
                  "scaled units; a nonlinear decoder can do better than a linear one",
                  to_string(f.objective.kind), f.objective.beta, f.latent, to_string(f.scale)));
}

}  // namespace

int run_predict(const Settings& settings, Console& console) {
  const Forecast made = forecast(settings);
  print_forecast(console, made);
  console.result(forecast_json(made));
  return 0;
}

}  // namespace gmmvae
