#include "host/report/run_answer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "host/report/axes.hpp"
#include "host/report/page.hpp"
#include "host/report/svg.hpp"

namespace gmmvae {
namespace {

std::string headline(std::string_view number, std::string_view small, std::string_view what) {
  return fmt::format("<div><b>{}<small>{}</small></b>{}</div>\n", escape_markup(number), escape_markup(small),
                     escape_markup(what));
}

std::string model_card(const ModelRecord& model) {
  const JsonRecord& m = model.metrics;
  const std::string verdict = m.text("verdict");
  std::string figures;
  if (m.has("modes/captured"))
    figures += headline(fmt::format("{}", *m.count("modes/captured")),
                        fmt::format(" of {}", m.count("modes/total").value_or(0)), "modes kept");
  if (const auto distance = m.number("kl_data_model"))
    figures += headline(fmt::format("{:.2f}", *distance), " nats", "from the truth, per point");
  const double kl = sum_of(m.numbers("kl_per_dimension"));
  figures += headline(fmt::format("{}", m.count("active_units").value_or(0)),
                      fmt::format(" of {}", model.latent()), "latent dimensions active");
  figures += headline(kl < 0.001 ? "< 0.001" : fmt::format("{:.2g}", kl), " nats", "KL to the prior");
  std::string why = raised_powers(m.text("why"));
  if (const auto quality = m.number("modes/high_quality"))
    why += fmt::format(" {} of its samples lie within a mode.", percent_text(*quality));
  return fmt::format(
      "<div class=\"card\">\n<h3>{}<span class=\"badge {}\">{}</span></h3>\n<div "
      "class=\"figures\">\n{}</div>\n{}</div>\n",
      escape_markup(model.name), escape_markup(verdict), escape_markup(verdict), figures, paragraph(why));
}

std::string failure_card(const ModelFailure& failure) {
  const bool diverged = failure.why.find("not finished") == std::string::npos;
  const char* what = diverged ? "diverged" : "unfinished";
  return fmt::format("<div class=\"card\">\n<h3>{}<span class=\"badge diverged\">{}</span></h3>\n{}</div>\n",
                     escape_markup(failure.model), what, paragraph(failure.why));
}

/// "elbo kept all (0.70 nats from the truth)"; only the first model says out of how many.
std::string answer_of(const ModelRecord& model, bool first) {
  if (!model.metrics.has("modes/captured"))
    return fmt::format("{} is {}", model.name, model.metrics.text("verdict"));
  const std::size_t kept = *model.metrics.count("modes/captured");
  const std::size_t all = model.metrics.count("modes/total").value_or(0);
  const auto distance = model.metrics.number("kl_data_model");
  return fmt::format("{} kept {}{}{}", model.name,
                     kept == 0     ? "none"
                     : kept == all ? "all"
                                   : fmt::format("{}", kept),
                     first ? fmt::format(" of the {} modes", all) : "",
                     distance ? fmt::format(" ({:.2f} nats from the truth)", *distance) : "");
}

/// Of more models than a sentence can name: from the worst to the best.
std::string answer_of_many(const std::vector<ModelRecord>& models) {
  const auto range = [&](const char* key, const char* format) {
    Extent extent;
    for (const ModelRecord& model : models)
      if (const auto value = model.metrics.number(key)) extent.take(*value);
    if (extent.empty()) return std::string();
    const std::string low = fmt::format(fmt::runtime(format), extent.low()),
                      high = fmt::format(fmt::runtime(format), extent.high());
    return low == high ? low : fmt::format("{} to {}", low, high);
  };
  const std::string modes = range("modes/captured", "{:.0f}"), nats = range("kl_data_model", "{:.2f}");
  std::string text = fmt::format("The {} models", models.size());
  if (modes.empty()) {
    std::map<std::string, std::size_t> verdicts;
    for (const ModelRecord& model : models) ++verdicts[model.metrics.text("verdict")];
    std::vector<std::string> parts;
    parts.reserve(verdicts.size());
    for (const auto& [verdict, count] : verdicts) parts.push_back(fmt::format("{} {}", count, verdict));
    return fmt::format("{}: {}", text, fmt::join(parts, ", "));
  }
  text +=
      fmt::format(" kept {} of the {} modes", modes, models.front().metrics.count("modes/total").value_or(0));
  if (nats.empty()) return text;
  const auto nearest = std::min_element(models.begin(), models.end(), [](const auto& a, const auto& b) {
    const auto far = [](const ModelRecord& m) {
      return m.metrics.number("kl_data_model").value_or(INFINITY);
    };
    return far(a) < far(b);
  });
  return fmt::format("{} and are {} nats from the truth, {} the nearest", text, nats, nearest->name);
}

/// The answer in one or two sentences, before any figure.
std::string answer(const RunRecord& run) {
  constexpr std::size_t most_named = 4;
  std::string text = "No model came to its end.";
  if (run.models.size() > most_named) {
    text = answer_of_many(run.models) + ".";
  } else if (!run.models.empty()) {
    std::vector<std::string> said;
    for (const ModelRecord& model : run.models) said.push_back(answer_of(model, said.empty()));
    text = fmt::format("{}.", fmt::join(said, "; "));
  }
  if (!run.models.empty() && !run.failures.empty())
    text += fmt::format(" {} of {} models did not come to {} end.", run.failures.size(),
                        run.models.size() + run.failures.size(), run.failures.size() == 1 ? "its" : "their");
  const bool missed = std::any_of(run.models.begin(), run.models.end(),
                                  [](const ModelRecord& model) { return !model.prediction_held(); });
  if (!run.models.empty())
    text += missed ? " Not every verdict was the one that the data's covariance predicted before training."
                   : " Each verdict is the one that the data's covariance predicted before any training.";
  return paragraph(text, "lead");
}

std::string cards(const RunRecord& run) {
  std::string text;
  for (const ModelRecord& model : run.models) text += model_card(model);
  for (const ModelFailure& failure : run.failures) text += failure_card(failure);
  return fmt::format("<div class=\"cards\">\n{}</div>\n", text);
}

}  // namespace

std::string run_answer(const RunRecord& run) {
  return answer(run) + cards(run);
}

}  // namespace gmmvae
