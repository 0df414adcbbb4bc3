#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "host/report/chart.hpp"
#include "host/report/density.hpp"
#include "host/report/run_pictures.hpp"

namespace gmmvae {
namespace {

/// Posteriors that are drawn as ellipses: more hide each other.
constexpr std::size_t kMostEllipses = 120;

/// The class of a component's colour; nothing for a point of none.
std::string mode_class(std::int32_t label) {
  return label < 0 ? "" : fmt::format(" mode-{}", label % std::int32_t{kModeColours});
}

std::string stated(const JsonRecord& record, const char* key) {
  const std::optional<double> value = record.number(key);
  return value ? number_text(*value, 4) : "–";
}

/// The two latent dimensions that say most, by KL; in their order.
ColumnPair busiest_pair(const ModelRecord& model) {
  const std::vector<double> kl = model.metrics.numbers("kl_per_dimension");
  if (kl.size() != model.latent()) return {0, 1};
  std::vector<std::size_t> order(kl.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return kl[a] > kl[b]; });
  return std::minmax(order[0], order[1]);
}

/// One latent dimension: the mean of all posteriors beside the prior.
std::string aggregate_figure(Page& page, const ModelRecord& model, std::size_t colour) {
  constexpr std::size_t cells = 160;
  const Posterior& q = model.latents;
  const Ranges ranges = ranges_of({q.mean});
  const double low = std::min(-4.0, ranges.low[0] - 1.0), high = std::max(4.0, ranges.high[0] + 1.0);
  Curve prior{"prior", {}, {}, "truth"}, aggregate{"mean of the posteriors", {}, {}, series_class(colour)};
  for (std::size_t i = 0; i < cells; ++i) {
    const double z = low + (static_cast<double>(i) + 0.5) * (high - low) / cells;
    double sum = 0.0;
    const std::size_t stride = thinning(q.mean.rows(), 2000);
    std::size_t used = 0;
    for (std::size_t r = 0; r < q.mean.rows(); r += stride, ++used) {
      const double variance = q.variance(r, 0), off = z - q.mean(r, 0);
      sum += std::exp(-0.5 * off * off / variance) / std::sqrt(2.0 * M_PI * variance);
    }
    prior.x.push_back(z), prior.y.push_back(std::exp(-0.5 * z * z) / std::sqrt(2.0 * M_PI));
    aggregate.x.push_back(z), aggregate.y.push_back(sum / static_cast<double>(used));
  }
  ChartOptions options;
  options.from_zero = true;
  return page.figure(
      "latents-" + model.name,
      line_chart({prior, aggregate}, {"Latent dimension of " + model.name, "z", "density"}, options),
      fmt::format("{}: the mean of the posteriors of the data beside the prior", model.name));
}

std::string plane_figure(Page& page, const RunView& view, const ModelRecord& model) {
  const auto [a, b] = busiest_pair(model);
  const Posterior& q = model.latents;
  double reach = 3.2;
  for (std::size_t r = 0; r < q.mean.rows(); ++r)
    reach = std::max({reach, 1.04 * std::abs(q.mean(r, a)), 1.04 * std::abs(q.mean(r, b))});
  const double side = 400;
  Svg svg(side, side, "Latent space of " + model.name);
  const Axes axes({-reach, reach, fmt::format("z{}", a + 1)}, {-reach, reach, fmt::format("z{}", b + 1)},
                  {50, 26, side - 14, side - 38});
  axes.draw(svg);
  const std::vector<std::int32_t>& labels = view.run->data.labels;
  draw_points(svg, axes, {q.mean, labels, view.dots}, a, b);
  const std::size_t stride = thinning(q.mean.rows(), kMostEllipses);
  const double unit = axes.x(1.0) - axes.x(0.0);
  for (std::size_t r = 0; r < q.mean.rows(); r += stride)
    svg.ellipse(axes.x(q.mean(r, a)), axes.y(q.mean(r, b)), unit * std::sqrt(q.variance(r, a)),
                unit * std::sqrt(q.variance(r, b)), 0.0,
                "posterior" + mode_class(labels.empty() ? 0 : labels[r]));
  for (const double radius : {1.0, 2.0, 3.0})
    svg.ellipse(axes.x(0.0), axes.y(0.0), unit * radius, unit * radius, 0.0, "prior");
  const std::size_t ellipses = (q.mean.rows() + stride - 1) / stride;
  return page.figure(
      "latents-" + model.name, svg.str(),
      fmt::format(
          "{}: posterior means of {}{}; ellipses are one standard deviation of {} of the posteriors, dashed "
          "circles one, two and three of the prior{}",
          model.name, shown_points(q.mean.rows(), view.dots),
          labels.empty()           ? ""
          : view.run->data.mixture ? " by component"
                                   : " by label",
          ellipses,
          model.latent() > 2 ? fmt::format("; the two of {} dimensions with the largest KL", model.latent())
                             : ""));
}

struct ClusterPanel {
  const char* key;
  const char* title;
  const char* chosen;
  const char* error;
};
constexpr ClusterPanel kPanels[] = {{"inertia", "inertia (elbow)", "elbow", ""},
                                    {"silhouette", "silhouette", "silhouette", "silhouette_se"},
                                    {"gap", "gap, nats", "gap", "gap_se"},
                                    {"bic", "BIC (least: best)", "bic", ""}};

void draw_cluster_panel(Svg& svg, const Box& box, const JsonRecord& clusters, const ClusterPanel& panel,
                        std::size_t colour) {
  Extent up, across;
  std::vector<std::array<double, 3>> points;
  for (const JsonRecord& row : clusters.records("k")) {
    const auto k = row.number("k"), value = row.number(panel.key);
    if (k) across.take(*k);
    if (!k || !value) continue;
    const double error = panel.error[0] == 0 ? 0.0 : row.number(panel.error).value_or(0.0);
    points.push_back({*k, *value, error});
    up.take(*value - error), up.take(*value + error);
  }
  if (points.empty()) {
    svg.text(box.left, box.top - 9, Anchor::start, fmt::format("{}: not defined here", panel.title), "label");
    return;
  }
  AxisSpec x = across.axis("k", 0.04), y = up.axis(panel.title, 0.06);
  x.marks = 6, y.marks = 4;
  const Axes axes(x, y, box);
  axes.draw(svg);
  svg.begin_curve();
  for (const auto& [k, value, error] : points) svg.curve_to(axes.x(k), axes.y(value));
  svg.end_curve(series_class(colour));
  for (const auto& [k, value, error] : points)
    if (error > 0.0)
      svg.line(axes.x(k), axes.y(value - error), axes.x(k), axes.y(value + error),
               "error " + series_class(colour));
  const auto chosen = clusters.number(std::string("chosen/") + panel.chosen);
  if (!chosen) return;
  svg.text(box.right, box.top - 9, Anchor::end, fmt::format("k = {:g}", *chosen), "strong");
  for (const auto& [k, value, error] : points) {
    if (k != *chosen) continue;
    svg.begin_curve();
    svg.dot(axes.x(k), axes.y(value));
    svg.end_dots("dots big " + series_class(colour));
  }
}

std::string cluster_figure(Page& page, const std::string& name, const std::string& what,
                           const JsonRecord& clusters, std::size_t colour) {
  if (clusters.records("k").empty()) return "";
  Svg svg(1060, 220, "Number of clusters in the " + what);
  for (std::size_t p = 0; p < std::size(kPanels); ++p) {
    const double left = 265.0 * static_cast<double>(p);
    draw_cluster_panel(svg, {left + 50, 30, left + 250, 176}, clusters, kPanels[p], colour);
  }
  return page.figure("clusters-" + name, svg.str(),
                     fmt::format("{}: each rule's curve, and the k that it chooses", what));
}

}  // namespace

std::string latent_pictures(Page& page, const RunView& view) {
  std::string figures;
  for (std::size_t m = 0; m < view.models.size(); ++m) {
    const ModelRecord& model = *view.models[m].record;
    figures += model.latent() == 1 ? aggregate_figure(page, model, m) : plane_figure(page, view, model);
  }
  return figures.empty() ? "" : side_by_side(figures);
}

std::string mode_pictures(Page& page, const RunView& view) {
  const Dataset& data = view.run->data;
  if (!data.mixture) return "";
  std::vector<double> expected = data.mixture->weights();
  for (double& weight : expected) weight *= kHighQualityMass;
  std::string figures;
  for (std::size_t m = 0; m < view.models.size(); ++m) {
    const ModelRecord& model = *view.models[m].record;
    const std::vector<double> mass = model.metrics.numbers("modes/mass");
    if (mass.size() != expected.size()) continue;
    figures += page.figure(
        "modes-" + model.name,
        bar_chart(mass, expected,
                  {"Mass of each mode in samples of " + model.name, "mode", "share of samples"}, m),
        fmt::format("{}: share of samples, decoder noise included, that lie within each mode; lines mark "
                    "what the mixture gives",
                    model.name));
  }
  return figures.empty() ? "" : side_by_side(figures);
}

std::string embedding_pictures(Page& page, const RunView& view) {
  std::string figures;
  for (const ModelView& viewed : view.models) {
    const ModelRecord& model = *viewed.record;
    if (model.embedding.empty()) continue;
    std::vector<std::int32_t> labels;
    if (!view.run->data.labels.empty())
      for (const std::uint32_t row : even_rows(view.run->data.x.rows()))
        labels.push_back(view.run->data.labels[row]);
    figures += page.figure(
        "tsne-" + model.name,
        plane_chart({model.embedding, labels, view.dots}, ranges_of({model.embedding}),
                    "t-SNE of " + model.name),
        fmt::format("{}: {} posterior means of {}; KL {} nats after {} iterations, perplexity {}", model.name,
                    model.embedding.rows(), view.run->data.x.rows(), stated(model.tsne, "kl_divergence"),
                    model.tsne.count("iterations").value_or(0), stated(model.tsne, "perplexity")));
  }
  return figures.empty() ? "" : side_by_side(figures);
}

std::string cluster_pictures(Page& page, const RunView& view) {
  std::string text;
  for (std::size_t m = 0; m < view.models.size(); ++m) {
    const ModelRecord& model = *view.models[m].record;
    text +=
        cluster_figure(page, model.name + "-samples", "samples of " + model.name, model.sample_clusters, m);
    text += cluster_figure(page, model.name + "-latents", "posterior means of " + model.name,
                           model.latent_clusters, m);
  }
  return text;
}

}  // namespace gmmvae
