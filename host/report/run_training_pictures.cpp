#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "host/report/chart.hpp"
#include "host/report/run_pictures.hpp"
#include "host/study/course.hpp"

namespace gmmvae {
namespace {

/// Latent dimensions whose KL gets a curve of its own.
constexpr std::size_t kMostCurves = 6;

template <class Value>
Curve by_epoch(const History& history, const std::string& name, const Value& value) {
  Curve curve{name, {}, {}};
  for (std::size_t epoch = 0; epoch < history.epochs(); ++epoch) {
    curve.x.push_back(static_cast<double>(epoch + 1));
    curve.y.push_back(value(epoch));
  }
  return curve;
}

/// A loss in nats may be negative, where a logarithm has nothing to show; one that falls over decades needs
/// it.
bool falls_far(const Curve& curve) {
  const auto [low, high] = std::minmax_element(curve.y.begin(), curve.y.end());
  return low != curve.y.end() && *low > 0.0 && *high > 20.0 * *low;
}

std::string loss_figure(Page& page, const ModelRecord& model) {
  const History& h = model.history;
  const std::vector<Curve> curves = {
      by_epoch(h, "loss", [&](std::size_t e) { return h.loss(e); }),
      by_epoch(h, "reconstruction", [&](std::size_t e) { return h.reconstruction(e); }),
      by_epoch(h, "KL part", [&](std::size_t e) { return h.loss(e) - h.reconstruction(e); })};
  ChartOptions options;
  options.logarithmic = falls_far(curves[1]);
  const bool nats = model.vae.objective.kind != ObjectiveKind::course;
  return page.figure(
      "loss-" + model.name,
      line_chart(curves, {"Loss of " + model.name + " by epoch", "epoch", nats ? "nats per point" : "loss"},
                 options),
      fmt::format("{}: the loss and the two parts that it is the sum of", model.name));
}

std::string kl_figure(Page& page, const ModelRecord& model) {
  const History& h = model.history;
  std::vector<Curve> curves;
  const std::size_t shown = std::min(h.latent(), kMostCurves);
  for (std::size_t j = 0; j < shown; ++j)
    curves.push_back(
        by_epoch(h, fmt::format("z{}", j + 1), [&](std::size_t e) { return h.kl_per_dimension(e)[j]; }));
  ChartOptions options;
  options.logarithmic = true;
  return page.figure(
      "kl-" + model.name,
      line_chart(curves, {"KL of each latent dimension of " + model.name, "epoch", "nats per point"},
                 options),
      fmt::format("{}: KL of {} latent dimension{} to the prior", model.name,
                  shown == h.latent() ? "each" : fmt::format("the first {} of {}", shown, h.latent()),
                  shown == h.latent() ? "" : "s"));
}

std::string elbo_figure(Page& page, const ModelRecord& model) {
  const History& h = model.history;
  std::vector<Curve> curves = {by_epoch(h, "training points", [&](std::size_t e) { return h.elbo(e); })};
  curves.push_back(by_epoch(h, "held-out points", [&](std::size_t e) { return h.elbo_validation(e); }));
  if (std::none_of(curves[1].y.begin(), curves[1].y.end(), [](double v) { return std::isfinite(v); }))
    curves.pop_back();
  // The first epochs of an untrained model would flatten all that follows.
  double highest = -std::numeric_limits<double>::infinity(), last = 0.0;
  for (const double value : curves[0].y) highest = std::max(highest, value), last = value;
  const double floor = std::min(highest, last) - 12.0 * (1.0 + std::abs(highest - last));
  for (Curve& curve : curves)
    for (double& value : curve.y)
      if (value < floor) value = std::nan("");
  const std::optional<double> truth = model.metrics.number("true_log_likelihood");
  if (truth && h.epochs() > 1)
    curves.push_back(
        {"log-likelihood of the truth", {1.0, static_cast<double>(h.epochs())}, {*truth, *truth}, "truth"});
  return page.figure("elbo-" + model.name,
                     line_chart(curves, {"ELBO of " + model.name + " by epoch", "epoch", "nats per point"}),
                     fmt::format("{}: the evidence lower bound, whatever was minimised", model.name));
}

}  // namespace

std::string training_pictures(Page& page, const RunView& view) {
  std::string text;
  for (const ModelView& model : view.models) {
    if (model.record->history.epochs() == 0) continue;
    text += side_by_side(loss_figure(page, *model.record) + kl_figure(page, *model.record) +
                         elbo_figure(page, *model.record));
  }
  return text;
}

std::string course_picture(Page& page, const ModelRecord& model) {
  const History& h = model.history;
  const std::vector<CourseRow> table = course_table(h);
  if (table.empty()) return "";
  Curve published{"published", {}, {}, "dots big series-1"};
  for (const CourseRow& row : table) {
    published.x.push_back(static_cast<double>(row.epoch));
    published.y.push_back(row.published);
  }
  Curve found = by_epoch(h, "this run", [&](std::size_t e) { return h.loss(e); });
  found.style = "series-0";
  ChartOptions options;
  options.logarithmic = true;
  options.width = 460, options.height = 250;
  std::string svg =
      line_chart({found, published}, {"Published losses and this run's", "epoch", "loss"}, options);
  return page.figure("course-losses", svg, "The five published losses and all of this run's, logarithmic");
}

std::string spectrum_pictures(Page& page, const RunView& view) {
  std::string figures;
  for (std::size_t m = 0; m < view.models.size(); ++m) {
    const ModelRecord& model = *view.models[m].record;
    const Prediction& p = model.prediction;
    if (p.eigenvalues.empty() || !(p.effective_variance > 0.0)) continue;
    Extent up;
    up.take(p.effective_variance);
    const std::size_t shown = std::min<std::size_t>(p.eigenvalues.size(), 20);
    for (std::size_t i = 0; i < shown; ++i)
      if (p.eigenvalues[i] > p.eigenvalues.front() * 1e-9) up.take(p.eigenvalues[i]);
    const double width = 340, height = 230;
    Svg svg(width, height, "Eigenvalues of the data's covariance and the decoder variance of " + model.name);
    AxisSpec x{0.4, static_cast<double>(shown) + 0.6, "principal direction of the scaled data", false,
               std::min<std::size_t>(shown + 1, 11)};
    const Axes axes(x, {up.low() / 1.6, up.high() * 1.6, "variance, scaled units", true},
                    {62, 26, width - 14, height - 44});
    axes.draw(svg);
    for (std::size_t i = 0; i < shown; ++i) {
      const double at = static_cast<double>(i + 1);
      svg.begin_curve();
      if (p.eigenvalues[i] > 0.0) svg.dot(axes.x(at), axes.y(p.eigenvalues[i]));
      svg.end_dots(fmt::format("dots big {}", series_class(m)));
    }
    svg.line(axes.box().left, axes.y(p.effective_variance), axes.box().right, axes.y(p.effective_variance),
             "mark");
    figures +=
        page.figure("spectrum-" + model.name, svg.str(),
                    fmt::format("{}: eigenvalues as dots; the line is the effective decoder variance{}. "
                                "Directions below it are not worth their KL.",
                                model.name, p.variance_learned ? " that a linear decoder would learn" : ""));
  }
  return figures.empty() ? "" : side_by_side(figures);
}

}  // namespace gmmvae
