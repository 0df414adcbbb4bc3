#include <fmt/format.h>
#include <toml++/toml.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"
#include "host/app/device.hpp"
#include "host/app/files.hpp"
#include "host/app/verbs.hpp"
#include "host/config/builders.hpp"
#include "host/io/atomic_file.hpp"

namespace gmmvae {
namespace {

EvaluationOptions evaluation_options(const Settings& settings) {
  EvaluationOptions options;
  options.count = settings.count("count");
  options.test = settings.count("test");
  options.seed = settings.count("seed");
  return options;
}

/// The rows that the model's training held out, if it did: --validation, or what the model file says of its
/// training. They follow from the number of rows, so DATA must be what the model was trained on.
std::vector<std::uint32_t> held_out_rows(const Settings& settings, const Vae& vae, const Dataset& data) {
  const toml::parse_result trained = toml::parse(vae.config);
  const double fraction =
      settings.is_set("validation") ? settings.real("validation") : trained["validation"].value_or(0.0);
  if (!(fraction > 0.0)) return {};
  const auto seed = static_cast<std::uint64_t>(trained["seed"].value_or<std::int64_t>(1));
  return validation_split(data.x.rows(), fraction, seed).validation;
}

Evaluation evaluation_of(const Settings& settings, Console& console) {
  const EvaluationOptions options = evaluation_options(settings);
  const Dataset data = read_data(settings);
  if (settings.is_set("samples")) {
    if (settings.is_set("model"))
      throw UsageError("--samples are judged without a model: give either --samples or --model");
    const Dataset generated = read_data(settings, "samples");
    return evaluate(*chosen_backend(settings, console), data, generated.x, options);
  }
  if (!settings.is_set("model"))
    throw UsageError("evaluate needs --model FILE, or --samples FILE with the generated points");
  const ChosenModel model = read_model(settings);
  const std::unique_ptr<Backend> backend = chosen_backend(settings, console);
  return evaluate(*backend, model.vae, model.index, data, held_out_rows(settings, model.vae, data), options);
}

std::string cell(const std::optional<double>& value) {
  return value ? fmt::format("{:.4g}", *value) : "-";
}

std::string cell(const Figure& figure) {
  return figure.value && figure.error ? fmt::format("{:.4g} ± {:.1g}", *figure.value, *figure.error)
                                      : cell(figure.value);
}

/// One line of the table: the figure with decoder noise, without, and of the truth itself.
struct Line {
  const char* name;
  Figure SampleMetrics::*figure;
};

constexpr Line kLines[] = {
    {"variance / data's", &SampleMetrics::sample_variance_ratio},
    {"precision", &SampleMetrics::precision},
    {"recall", &SampleMetrics::recall},
    {"density", &SampleMetrics::density},
    {"coverage", &SampleMetrics::coverage},
    {"MMD^2", &SampleMetrics::mmd2},
    {"sliced Wasserstein", &SampleMetrics::sliced_wasserstein},
    {"Wasserstein", &SampleMetrics::wasserstein},
    {"energy distance", &SampleMetrics::energy_distance},
};

template <class Value>
void print_line(const Console& console, const char* name, const Evaluation& e, const Value& value) {
  const auto of = [&](const std::optional<SampleMetrics>& metrics) {
    return metrics ? value(*metrics) : "-";
  };
  console.print(
      fmt::format("{:<22}{:>20}{:>20}{:>20}", name, value(e.samples), of(e.noise_free), of(e.truth)));
}

void print_modes(const Console& console, const Evaluation& e) {
  if (!e.samples.modes) return;
  print_line(console, "modes captured", e, [](const SampleMetrics& m) {
    return fmt::format("{} of {}", m.modes->captured, m.modes->total);
  });
  print_line(console, "modes hit", e, [](const SampleMetrics& m) { return fmt::format("{}", m.modes->hit); });
  print_line(console, "high quality", e,
             [](const SampleMetrics& m) { return fmt::format("{:.1f} %", 100.0 * m.modes->high_quality); });
  print_line(console, "reverse KL", e, [](const SampleMetrics& m) { return cell(m.modes->reverse_kl); });
}

void print_likelihood(const Console& console, const LikelihoodMetrics& likelihood,
                      const std::string& points) {
  console.print(fmt::format("nats per point on {}:", points));
  const auto line = [&](const char* name, const Figure& figure) {
    console.print(fmt::format("  {:<40}{}", name, cell(figure)));
  };
  line("ELBO", likelihood.elbo);
  line("ELBO on the training points", likelihood.elbo_train);
  line(likelihood.method == "quadrature" ? "log-likelihood (quadrature)"
                                         : "log-likelihood (importance weighting)",
       likelihood.log_likelihood);
  line("log-likelihood of the truth", likelihood.true_log_likelihood);
  line("KL(data || model)", likelihood.kl_data_model);
  line("log-likelihood of one Gaussian", likelihood.one_gaussian);
}

void print_evaluation(const Console& console, const Evaluation& e) {
  if (e.verdict) console.print(fmt::format("{}: {}", e.verdict->verdict, e.verdict->why));
  if (e.likelihood && !e.verdict)
    console.print("no verdict: a single point cannot show whether the posterior depends on the data");
  if (e.likelihood) print_likelihood(console, *e.likelihood, e.test_points);
  if (e.latent) {
    for (std::size_t j = 0; j < e.latent->kl_per_dimension.size(); ++j)
      console.print(fmt::format("  KL of latent dimension {:<17}{:.4g} ± {:.1g}", j + 1,
                                e.latent->kl_per_dimension[j], e.latent->kl_errors[j]));
    const Estimate& information = e.latent->mutual_information;
    console.print(fmt::format("  {:<40}{}, at most {:.4g}", "mutual information",
                              information.standard_error > 0.0
                                  ? cell({information.value, information.standard_error, ""})
                                  : fmt::format("{:.4g}", information.value),
                              e.latent->mutual_information_ceiling));
  }
  console.print(fmt::format("{:<22}{:>20}{:>20}{:>20}", fmt::format("{} samples", e.count),
                            e.noise_free ? "with noise" : "given", "decoder mean", "the truth"));
  print_modes(console, e);
  for (const Line& line : kLines)
    print_line(console, line.name, e, [&](const SampleMetrics& m) { return cell(m.*line.figure); });
}

}  // namespace

int run_evaluate(const Settings& settings, Console& console) {
  std::string out;
  if (settings.is_set("out")) out = writable_path(settings, "out", ".json");
  const Evaluation evaluation = evaluation_of(settings, console);
  const std::string text = metrics_json(evaluation);
  if (!out.empty()) {
    write_file(out, text);
    console.say(fmt::format("wrote {}", out));
  }
  if (console.json()) {
    write_standard_output(text);
  } else {
    print_evaluation(console, evaluation);
  }
  return 0;
}

}  // namespace gmmvae
