#include "host/report/run_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "host/report/axes.hpp"
#include "host/report/run_answer.hpp"
#include "host/report/run_pictures.hpp"
#include "host/report/run_view.hpp"
#include "host/report/svg.hpp"
#include "host/study/commands.hpp"
#include "host/study/course.hpp"

namespace gmmvae {
namespace {

/// Four digits; where there is a standard error, as many as it leaves certain, and one of its own.
std::string figure(const JsonRecord& metrics, const std::string& key) {
  const std::optional<double> value = metrics.number(key), error = metrics.number("errors/" + key);
  if (!value) return "–";
  if (!error || !(*error > 0.0)) return number_text(*value, 4);
  const int places = std::clamp(-static_cast<int>(std::floor(std::log10(*error))), 0, 6);
  // What rounds to nothing has no sign.
  const double kept = std::abs(*value) < 0.5 * std::pow(10.0, -places) ? 0.0 : *value;
  return true_minus(fmt::format("{:.{}f} ± {:.{}f}", kept, places, *error, places));
}

std::string kept_modes(const JsonRecord& record) {
  const auto captured = record.count("modes/captured"), total = record.count("modes/total");
  return captured && total ? fmt::format("{} of {}", *captured, *total) : "–";
}

void add_course(Page& page, const RunRecord& run) {
  for (const ModelRecord& model : run.models) {
    if (!run.course || model.name != "course") continue;
    HtmlTable table({"epoch", "published loss", "this run", "difference"});
    for (const CourseRow& row : course_table(model.history))
      table.row({fmt::format("{}", row.epoch), fmt::format("{:.6f}", row.published),
                 fmt::format("{:.6f}", row.found),
                 true_minus(fmt::format("{:+.2f} %", 100.0 * row.difference))});
    page.section(
        "published", "Published losses",
        run.course_changes.empty() ? "The published losses, reproduced"
                                   : "The published losses and this run's",
        side_by_side("<div>" + table.str() + "</div>" + course_picture(page, model)) +
            paragraph(run.course_changes.empty()
                          ? "The seed, and with it the data, was chosen so that the five losses match; the "
                            "report's own data are not known. What the table shows does not depend on that "
                            "choice: the loss falls to the variance of the scaled data within a few epochs "
                            "and stays there, because the decoder has stopped listening to the latent "
                            "variables."
                          : fmt::format("Here {}: this is another experiment than the published one, and "
                                        "its losses need not match.",
                                        fmt::join(run.course_changes, ", ")),
                      "note"));
  }
}

void add_prediction(Page& page, const RunView& view) {
  HtmlTable table({"model", "effective decoder variance", "largest eigenvalue", "active, predicted",
                   "active, found", "KL predicted, nats", "KL found, nats", "predicted", "found"});
  std::string reasons;
  for (const ModelRecord& model : view.run->models) {
    const Prediction& p = model.prediction;
    table.row({model.name, number_text(p.effective_variance, 4) + (p.variance_learned ? " (learned)" : ""),
               p.eigenvalues.empty() ? "–" : number_text(p.eigenvalues.front(), 4),
               fmt::format("{} of {}", p.active, model.latent()),
               fmt::format("{} of {}", model.metrics.count("active_units").value_or(0), model.latent()),
               number_text(sum_of(p.kl_per_dimension), 3),
               number_text(sum_of(model.metrics.numbers("kl_per_dimension")), 3), p.verdict,
               model.metrics.text("verdict")},
              !model.prediction_held());
    reasons += paragraph(fmt::format("{}: {}", model.name, raised_powers(p.why)), "note");
  }
  page.section(
      "prediction", "Prediction", "What the data's covariance said before any training",
      table.str() + spectrum_pictures(page, view) + reasons +
          paragraph("Predictions are those of a linear model; a deep decoder may use its latent dimensions "
                    "for more, so the KL it finds is usually larger.",
                    "note"));
}

void add_modes(Page& page, const RunView& view) {
  if (!view.run->data.mixture) return;
  HtmlTable table(
      {"samples", "modes kept", "modes hit", "within a mode", "reverse KL, nats", "total variation"});
  const auto add = [&](const std::string& name, const JsonRecord& record) {
    const auto hit = record.count("modes/hit");
    const auto quality = record.number("modes/high_quality");
    table.row({name, kept_modes(record), hit ? fmt::format("{}", *hit) : "–",
               quality ? percent_text(*quality) : "–", figure(record, "modes/reverse_kl"),
               figure(record, "modes/total_variation")});
  };
  for (const ModelRecord& model : view.run->models) {
    if (&model == view.run->models.data()) add("the true mixture", model.metrics.record("ceiling"));
    add(model.name + ", with decoder noise", model.metrics);
    add(model.name + ", decoder mean", model.metrics.record("noise_free"));
  }
  for (const ModelView& model : view.models) {
    const ModeCoverage& modes = *model.rescaled_modes;
    table.row({model.record->name + ", decoder mean RESCALED to the data's range: not the model's samples",
               fmt::format("{} of {}", modes.captured, modes.total), fmt::format("{}", modes.hit),
               percent_text(modes.high_quality), modes.reverse_kl ? number_text(*modes.reverse_kl, 4) : "–",
               modes.total_variation ? number_text(*modes.total_variation, 4) : "–"},
              true);
  }
  page.section("modes", "Modes", "Which modes survived",
               table.str() + mode_pictures(page, view) +
                   paragraph("A mode is kept when its share of samples that lie well within it is at least a "
                             "fifth of its weight; it "
                             "is hit when a single sample does, which noise alone can do. Stretching samples "
                             "onto the range of the "
                             "data spreads even a single point's jitter over all the modes: those rows say "
                             "nothing about the model "
                             "and stand here because the published pictures were made that way.",
                             "note"));
}

void add_likelihood(Page& page, const RunRecord& run) {
  HtmlTable table({"model", "ELBO", "ELBO, training points", "log-likelihood", "of the truth",
                   "KL(data || model)", "one Gaussian", "mutual information"});
  for (const ModelRecord& model : run.models) {
    const JsonRecord& m = model.metrics;
    const auto gaussian = m.number("likelihood/one_gaussian"),
               information = m.number("latent/mutual_information");
    table.row({model.name, figure(m, "elbo"), figure(m, "elbo_train"), figure(m, "log_likelihood"),
               figure(m, "true_log_likelihood"), figure(m, "kl_data_model"),
               gaussian ? number_text(*gaussian, 4) : "–", information ? number_text(*information, 4) : "–"});
  }
  page.section(
      "nats", "Nats", "Nats per point",
      table.str() +
          paragraph(
              fmt::format("On {}; after ± the standard error. The gap between ELBO and log-likelihood is "
                          "what the encoder loses, that to the truth what the model loses.",
                          run.models.front().metrics.text("test_points")),
              "note"));
}

void add_samples_table(Page& page, const RunRecord& run) {
  HtmlTable table({"samples", "precision", "recall", "density", "coverage", "MMD²", "sliced Wasserstein",
                   "energy distance"});
  const auto add = [&](const std::string& name, const JsonRecord& m) {
    std::vector<std::string> cells = {name};
    for (const char* key :
         {"precision", "recall", "density", "coverage", "mmd2", "sliced_wasserstein", "energy_distance"})
      cells.push_back(figure(m, key));
    table.row(cells);
  };
  for (const ModelRecord& model : run.models) {
    if (&model == run.models.data() && model.metrics.has("ceiling"))
      add("the true mixture", model.metrics.record("ceiling"));
    add(model.name, model.metrics);
    add(model.name + ", decoder mean", model.metrics.record("noise_free"));
  }
  page.section(
      "distances", "Distances", "Samples and data as two sets of points",
      table.str() +
          paragraph("Precision, recall, density and coverage look at the 5 nearest neighbours; equal laws "
                    "have a density of 1 and a coverage of 0.97. The other three are 0 between equal laws: "
                    "MMD² is unbiased, so that it may fall a little below, the others are in the data's "
                    "units. After ± the standard error, where there is one.",
                    "note"));
}

std::string chosen(const JsonRecord& clusters, const std::string& rule) {
  const auto k = clusters.count("chosen/" + rule);
  return k ? fmt::format("{}", *k) : "–";
}

void add_clusters(Page& page, const RunView& view) {
  HtmlTable table({"points", "elbow", "silhouette", "Calinski-Harabasz", "gap", "BIC"});
  const auto add = [&](const std::string& name, const JsonRecord& c) {
    table.row({name, chosen(c, "elbow"), chosen(c, "silhouette"), chosen(c, "calinski_harabasz"),
               chosen(c, "gap"), chosen(c, "bic")});
  };
  for (const ModelRecord& model : view.run->models) {
    add(model.name + ", samples", model.sample_clusters);
    add(model.name + ", posterior means", model.latent_clusters);
  }
  page.section(
      "clusters", "Clusters", "How many clusters each rule sees",
      table.str() + cluster_pictures(page, view) +
          paragraph("The elbow finds four or five clusters in a single blob, too: it is shown because the "
                    "published count rests on it. Of these rules only gap and BIC can say that there is one. "
                    "Gap takes the first k that is within a standard error of the next one's (Tibshirani et "
                    "al. 2001); BIC counts Gaussians, of which a bent cloud takes several.",
                    "note"));
}

void add_settings(Page& page, const RunRecord& run) {
  std::string commands =
      "# the whole run again, in a new folder\ngmmvae run --config config.toml --out DIR\n"
      "# this page again\ngmmvae report .\n";
  for (const ModelRecord& model : run.models)
    commands += fmt::format("# {} alone\n{}\n", model.name, model.training_command);
  page.section(
      "settings", "Settings", "Every command and setting that made this",
      fmt::format("<pre>{}</pre>\n", escape_markup(commands)) +
          paragraph(
              "Commands are for the folder of this page. Below is its config.toml, the whole configuration.",
              "note") +
          fmt::format("<pre>{}</pre>\n", escape_markup(run.config)));
}

void add_section(Page& page, const char* id, const char* label, const char* heading,
                 const std::string& body) {
  if (!body.empty()) page.section(id, label, heading, body);
}

void add_pictures_of_space(Page& page, const RunView& view) {
  add_section(page, "space", "Samples", "Data and samples on the same axes", space_pictures(page, view));
}

void add_pictures(Page& page, const RunView& view) {
  add_section(page, "marginals", "Marginals", "Each column alone", marginal_pictures(page, view));
  add_section(page, "pairs", "Pairs", "Pairs of columns", pair_pictures(page, view));
  add_section(page, "density", "Density", "What the models think the data look like",
              density_pictures(page, view));
}

void add_latents(Page& page, const RunView& view) {
  add_section(page, "training", "Training", "The course of training", training_pictures(page, view));
  add_section(page, "latents", "Latent space", "Latent space", latent_pictures(page, view));
  const std::string embeddings = embedding_pictures(page, view);
  if (embeddings.empty()) return;
  page.section(
      "tsne", "t-SNE", "t-SNE of the latent space",
      embeddings +
          paragraph("t-SNE keeps neighbours together. Sizes of clusters and distances between them mean "
                    "nothing, another perplexity gives another picture, and even pure noise falls into "
                    "clumps: a collapsed model's picture shows noise that was stretched to fill the frame.",
                    "note"));
}

std::string about(const RunRecord& run) {
  const Dataset& data = run.data;
  return fmt::format(
      "{} points in {} dimension{}{}, seed {}{}", data.x.rows(), data.x.cols(), data.x.cols() == 1 ? "" : "s",
      data.mixture
          ? fmt::format(" from a mixture of {} Gaussians that is known exactly", data.mixture->components())
          : "",
      run.seed, run.version.empty() ? "" : fmt::format("; made by gmmvae {}", run.version));
}

}  // namespace

Page run_report(const RunRecord& run, Backend& backend) {
  const bool truth = run.data.mixture.has_value();
  Page page(run.course ? "gmmvae: the course experiment" : "gmmvae: run",
            run.course ? "The course experiment: which modes survived?"
            : truth    ? "Which modes did the models keep?"
                       : "What did the models learn?",
            about(run));
  page.introduce(run_answer(run));
  add_course(page, run);
  if (!run.models.empty()) {
    const RunView view = prepare_view(run, backend);
    if (run.models.size() > view.models.size())
      page.introduce(
          paragraph(fmt::format("Pictures, and the rows of rescaled samples, are of the first {} of {} "
                                "models; all else in the tables is of all of them.",
                                view.models.size(), run.models.size()),
                    "note"));
    add_prediction(page, view);
    add_pictures_of_space(page, view);
    add_modes(page, view);
    add_pictures(page, view);
    add_likelihood(page, run);
    add_samples_table(page, run);
    add_latents(page, view);
    add_clusters(page, view);
  }
  add_settings(page, run);
  return page;
}

}  // namespace gmmvae
