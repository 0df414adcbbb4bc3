#include "host/report/run_report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "host/report/chart.hpp"
#include "host/report/page.hpp"
#include "host/report/svg.hpp"
#include "host/study/course.hpp"

namespace gmmvae {
namespace {

std::string figure(const Figure& value, const char* unit = "") {
  if (!value.value) return "-";
  if (value.error) return fmt::format("{:.4g} ± {:.1g}{}", *value.value, *value.error, unit);
  return fmt::format("{:.4g}{}", *value.value, unit);
}

std::string modes_text(const std::optional<ModeCoverage>& modes) {
  return modes ? fmt::format("{} of {}", modes->captured, modes->total) : "-";
}

std::string percent(double fraction) {
  return fmt::format("{:.1f} %", 100.0 * fraction);
}

std::string section(std::string_view title, std::string_view body) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", escape_markup(title), body);
}

std::string paragraph(std::string_view text, std::string_view css_class = "") {
  return fmt::format("<p{}>{}</p>\n", css_class.empty() ? "" : fmt::format(" class=\"{}\"", css_class),
                     escape_markup(text));
}

std::string picture(std::string_view svg, std::string_view caption) {
  return fmt::format("<figure>\n{}<figcaption>{}</figcaption>\n</figure>\n", svg, escape_markup(caption));
}

std::string row_of_pictures(std::string_view pictures) {
  return fmt::format("<div class=\"row\">\n{}</div>\n", pictures);
}

/// What a reader wants to know of one model, in sentences.
std::string answer(const ModelStudy& model) {
  const Evaluation& e = model.evaluation;
  std::string text;
  if (e.samples.modes)
    text += fmt::format("Its samples hold {} modes and {} of them lie within a mode; ",
                        modes_text(e.samples.modes), percent(e.samples.modes->high_quality));
  if (e.likelihood && e.likelihood->kl_data_model.value)
    text += fmt::format("it is {} nats per point from the truth. ", figure(e.likelihood->kl_data_model));
  text += e.verdict->why;
  return fmt::format("<div class=\"card\">\n<h3>{}: <span class=\"badge {}\">{}</span></h3>\n{}</div>\n",
                     escape_markup(model.name), e.verdict->verdict, e.verdict->verdict, paragraph(text));
}

std::string answers(const RunReport& report) {
  std::string cards;
  for (const ModelStudy& model : report.models) cards += answer(model);
  for (const ModelFailure& failure : report.failures)
    cards += fmt::format(
        "<div class=\"card\">\n<h3>{}: <span class=\"badge collapsed\">diverged</span></h3>\n{}</div>\n",
        escape_markup(failure.model), paragraph(failure.why));
  return fmt::format("<div class=\"cards\">\n{}</div>\n", cards);
}

std::string course_section(const RunReport& report) {
  for (const ModelStudy& model : report.models) {
    if (model.name != "course") continue;
    HtmlTable table({"epoch", "published loss", "this run", "difference"});
    for (const CourseRow& row : course_table(model.history))
      table.row({fmt::format("{}", row.epoch), fmt::format("{:.6f}", row.published),
                 fmt::format("{:.6f}", row.found), fmt::format("{:+.2f} %", 100.0 * row.difference)});
    return section(
        "The published losses, reproduced",
        table.str() +
            paragraph(
                "The seed, and with it the data, was chosen so that the five losses match; the report's own "
                "data "
                "are not known. What the table shows does not depend on that choice: the loss falls to the "
                "variance of the scaled data within a few epochs and stays there, because the decoder has "
                "stopped listening to the latent variables.",
                "note"));
  }
  return "";
}

std::string prediction_section(const RunReport& report) {
  HtmlTable table({"model", "effective decoder variance", "largest eigenvalue", "active, predicted",
                   "active, found", "predicted", "found"});
  for (const ModelStudy& model : report.models) {
    const Prediction& p = model.prediction;
    const std::size_t latent = model.vae.architecture.latent;
    table.row(
        {model.name, fmt::format("{:.4g}{}", p.effective_variance, p.variance_learned ? " (learned)" : ""),
         p.eigenvalues.empty() ? "-" : fmt::format("{:.4g}", p.eigenvalues.front()),
         fmt::format("{} of {}", p.active, latent),
         fmt::format("{} of {}", model.evaluation.latent->active, latent), p.verdict,
         model.evaluation.verdict->verdict},
        !model.prediction_held());
  }
  std::string text = table.str();
  for (const ModelStudy& model : report.models)
    text += paragraph(fmt::format("{}: {}", model.name, model.prediction.why), "note");
  return section("What the data's covariance said before any training", text);
}

std::string course_of_training(const ModelStudy& model) {
  const History& history = model.history;
  Curve loss{"loss", {}, {}}, reconstruction{"reconstruction", {}, {}};
  std::vector<Curve> kl(history.latent());
  for (std::size_t j = 0; j < kl.size(); ++j) kl[j].name = fmt::format("z{}", j + 1);
  for (std::size_t epoch = 0; epoch < history.epochs(); ++epoch) {
    const auto at = static_cast<double>(epoch + 1);
    loss.x.push_back(at);
    loss.y.push_back(history.loss(epoch));
    reconstruction.x.push_back(at);
    reconstruction.y.push_back(history.reconstruction(epoch));
    for (std::size_t j = 0; j < kl.size(); ++j) {
      kl[j].x.push_back(at);
      kl[j].y.push_back(history.kl_per_dimension(epoch)[j]);
    }
  }
  const std::string of = fmt::format(" of {} by epoch", model.name);
  const bool shows_all = kl.size() <= 5;
  if (!shows_all) kl.resize(5);
  return row_of_pictures(
      picture(line_chart({loss, reconstruction}, {"Loss and reconstruction" + of, "epoch", ""}, false),
              fmt::format("{}: loss and its reconstruction part", model.name)) +
      picture(line_chart(kl, {"KL of each latent dimension" + of, "epoch", "nats"}, true),
              fmt::format("{}: KL of {} latent dimension{}, nats per point, logarithmic", model.name,
                          shows_all ? "each" : "the first five", shows_all ? "" : "s")));
}

std::string training_section(const RunReport& report) {
  std::string text;
  for (const ModelStudy& model : report.models) text += course_of_training(model);
  return section("Training", text);
}

std::string samples_section(const RunReport& report) {
  const Dataset& data = *report.data;
  Ranges ranges = ranges_of({data.x});
  for (const ModelStudy& model : report.models) {
    const Ranges own = ranges_of({model.samples});
    for (std::size_t c = 0; c < ranges.low.size(); ++c) {
      ranges.low[c] = std::min(ranges.low[c], own.low[c]);
      ranges.high[c] = std::max(ranges.high[c], own.high[c]);
    }
  }
  const std::string what = data.x.cols() > 3 ? "the first three columns" : "all columns";
  std::string pictures = picture(
      scatter_chart(data.x, data.labels, ranges, "The data"),
      fmt::format("data, {} points{}", data.x.rows(), data.labels.empty() ? "" : ", coloured by component"));
  for (const ModelStudy& model : report.models)
    pictures += picture(scatter_chart(model.samples, {}, ranges, fmt::format("Samples of {}", model.name)),
                        fmt::format("{}: {} samples (decoder mean)", model.name, model.samples.rows()));
  return section(
      "Data and samples on the same axes",
      row_of_pictures(pictures) +
          paragraph(fmt::format("{}; more than 2000 points are thinned evenly for the picture.", what),
                    "note"));
}

std::string modes_section(const RunReport& report) {
  if (!report.data->mixture) return "";
  HtmlTable table({"samples", "modes captured", "modes hit", "high quality", "reverse KL"});
  const auto add = [&](const std::string& name, const ModeCoverage& modes, bool loud) {
    table.row(
        {name, fmt::format("{} of {}", modes.captured, modes.total), fmt::format("{}", modes.hit),
         percent(modes.high_quality), modes.reverse_kl ? fmt::format("{:.3f}", *modes.reverse_kl) : "-"},
        loud);
  };
  std::string bars;
  for (const ModelStudy& model : report.models) {
    const Evaluation& e = model.evaluation;
    if (&model == report.models.data() && e.truth && e.truth->modes)
      add("the true mixture", *e.truth->modes, false);
    add(model.name + ", with decoder noise", *e.samples.modes, false);
    add(model.name + ", decoder mean", *e.noise_free->modes, false);
    add(model.name + ", decoder mean RESCALED to the data's range: not the model's samples",
        *model.rescaled_modes, true);
    std::vector<double> expected = report.data->mixture->weights();
    for (double& weight : expected) weight *= kHighQualityMass;
    bars += picture(
        bar_chart(e.samples.modes->mass, expected,
                  {fmt::format("Mass of each mode in samples of {}", model.name), "mode", "share"}),
        fmt::format("{}: share of samples that lie within each mode; the lines mark what the mixture gives",
                    model.name));
  }
  return section(
      "Which modes survived",
      table.str() +
          paragraph(
              "A mode is captured when its share of samples that lie well within it is at least a fifth of "
              "its "
              "weight; it is hit when a single sample does, which noise alone can do. Stretching samples "
              "onto "
              "the range of the data spreads even a single point's jitter over all the modes: those rows say "
              "nothing about the model and stand here because the published pictures were made that way.",
              "note") +
          row_of_pictures(bars));
}

std::string chosen(const std::optional<std::size_t>& k) {
  return k ? fmt::format("{}", *k) : "-";
}

std::string clusters_section(const RunReport& report) {
  HtmlTable table({"points", "elbow", "silhouette", "Calinski-Harabasz", "gap", "BIC"});
  const auto add = [&](const std::string& name, const ClusterAnalysis& a) {
    table.row({name, chosen(a.elbow), chosen(a.silhouette), chosen(a.calinski_harabasz), chosen(a.gap),
               chosen(a.bic)});
  };
  for (const ModelStudy& model : report.models) {
    add(model.name + ", samples", model.sample_clusters);
    add(model.name + ", latents", model.latent_clusters);
  }
  return section(
      "How many clusters each rule sees",
      table.str() + paragraph("The elbow finds four or five clusters in a single blob, too: it is shown "
                              "because the published count rests on it.",
                              "note"));
}

std::string latents_section(const RunReport& report) {
  std::string pictures;
  for (const ModelStudy& model : report.models) {
    if (model.latents.mean.cols() > 3) continue;
    pictures +=
        picture(scatter_chart(model.latents.mean, report.data->labels, ranges_of({model.latents.mean}),
                              fmt::format("Posterior means of {}", model.name)),
                fmt::format("{}: posterior means of the data, each axis over its own range", model.name));
  }
  return pictures.empty() ? "" : section("Latent space", row_of_pictures(pictures));
}

std::string embedding_section(const RunReport& report) {
  std::string pictures;
  for (const ModelStudy& model : report.models) {
    const Embedding& e = model.embedding;
    if (e.points.empty()) continue;
    std::vector<std::int32_t> labels;
    if (!report.data->labels.empty())
      for (const std::uint32_t row : model.embedding_rows) labels.push_back(report.data->labels[row]);
    pictures +=
        picture(scatter_chart(e.points, labels, ranges_of({e.points}), "t-SNE of " + model.name),
                fmt::format("{}: {} posterior means, KL {:.4f} nats after {} iterations, perplexity {:.3g}",
                            model.name, e.points.rows(), e.kl_divergence, e.iterations, e.perplexity));
  }
  if (pictures.empty()) return "";
  return section(
      "t-SNE of the latent space",
      row_of_pictures(pictures) +
          paragraph("t-SNE keeps neighbours together. Sizes of clusters and distances between them mean "
                    "nothing, another perplexity gives another picture, and even pure noise falls into "
                    "clumps: a collapsed model's picture shows noise that was stretched to fill the frame.",
                    "note"));
}

std::string likelihood_section(const RunReport& report) {
  HtmlTable table({"model", "ELBO", "ELBO, training points", "log-likelihood", "of the truth",
                   "KL(data || model)", "one Gaussian"});
  for (const ModelStudy& model : report.models) {
    const LikelihoodMetrics& l = *model.evaluation.likelihood;
    table.row({model.name, figure(l.elbo), figure(l.elbo_train), figure(l.log_likelihood),
               figure(l.true_log_likelihood), figure(l.kl_data_model), figure(l.one_gaussian)});
  }
  return section("Nats per point",
                 table.str() + paragraph(fmt::format("On {}; after ± the standard error.",
                                                     report.models.front().evaluation.test_points),
                                         "note"));
}

std::string settings_section(const RunReport& report) {
  return section("Settings",
                 fmt::format("<pre>{}</pre>\n", escape_markup(report.config)) +
                     paragraph("Saved as config.toml beside this page: gmmvae run --config config.toml --out "
                               "DIR repeats the run.",
                               "note"));
}

}  // namespace

std::string run_report_html(const RunReport& report) {
  const Dataset& data = *report.data;
  std::string body =
      fmt::format("<h1>{}</h1>\n", report.course ? "The course experiment: what did the VAE learn?"
                                                 : "What did the models learn?");
  body += paragraph(
      fmt::format("{} points in {} dimensions{}; gmmvae {}.", data.x.rows(), data.x.cols(),
                  data.mixture ? fmt::format(" from a mixture of {} Gaussians that is known exactly",
                                             data.mixture->components())
                               : "",
                  report.version),
      "note");
  body += answers(report);
  if (report.course) body += course_section(report);
  if (report.models.empty()) return html_page("gmmvae: run", body + settings_section(report));
  body += prediction_section(report) + samples_section(report) + modes_section(report) +
          likelihood_section(report) + training_section(report) + latents_section(report) +
          embedding_section(report) + clusters_section(report);
  body += settings_section(report);
  return html_page(report.course ? "gmmvae: the course experiment" : "gmmvae: run", body);
}

}  // namespace gmmvae
