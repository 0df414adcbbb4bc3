#include "host/report/run_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "host/report/chart.hpp"
#include "host/report/density.hpp"
#include "host/report/heat.hpp"
#include "host/report/png.hpp"
#include "host/study/course.hpp"
#include "report_assets.hpp"

namespace gmmvae {
namespace {

/// Most points of one cloud in the view that turns, at 9 bytes each.
constexpr std::size_t kMostInSpace = 20000;

std::string coloured_by(const RunView& view, std::span<const std::int32_t> labels) {
  if (labels.empty()) return "";
  const bool repeated = std::any_of(labels.begin(), labels.end(),
                                    [](std::int32_t label) { return label >= std::int32_t{kModeColours}; });
  return fmt::format(", coloured by {}{}", view.run->data.mixture ? "component" : "label",
                     repeated ? " (ten colours in turn)" : "");
}

/// ", 41 % of them beyond the frame", or nothing.
std::string beyond_frame(MatrixView<float> points, const Ranges& ranges, std::size_t columns) {
  const double share = share_beyond(points, ranges, columns);
  return share > 0.0 ? fmt::format(", {:.2g} % of them beyond the frame", 100.0 * share) : "";
}

/// Columns that pairs are made of: all, or the first four.
std::vector<ColumnPair> column_pairs(std::size_t columns) {
  std::vector<ColumnPair> pairs;
  const std::size_t used = std::min<std::size_t>(columns, 4);
  for (std::size_t a = 0; a < used; ++a)
    for (std::size_t b = a + 1; b < used; ++b) pairs.emplace_back(a, b);
  return pairs;
}

std::string of_columns(std::size_t used, std::size_t columns) {
  return columns > used ? fmt::format("The first {} of {} columns. ", used, columns) : "";
}

/// A cloud for the view that turns: three 16-bit numbers a point on the common range, then a byte a point for
/// its colour; base64.
std::string packed_cloud(MatrixView<float> points, std::span<const std::int32_t> labels,
                         const Ranges& ranges) {
  const std::size_t stride = thinning(points.rows, kMostInSpace);
  std::string places, colours;
  for (std::size_t r = 0; r < points.rows; r += stride) {
    std::array<double, 3> unit{};
    for (std::size_t c = 0; c < 3; ++c)
      unit[c] = (points(r, c) - ranges.low[c]) / (ranges.high[c] - ranges.low[c]);
    if (std::any_of(unit.begin(), unit.end(), [](double u) { return !(u >= 0.0 && u <= 1.0); })) continue;
    for (const double u : unit) {
      const auto value = static_cast<std::int16_t>(std::lround((u - 0.5) * 32767.0));
      places += static_cast<char>(value & 0xff);
      places += static_cast<char>(value >> 8 & 0xff);
    }
    const int label = labels.empty() ? 0 : labels[r] < 0 ? 11 : labels[r] % int{kModeColours};
    colours += static_cast<char>(label);
  }
  return base64(places + colours);
}

std::string space_attributes(const RunView& view, const std::string& sets) {
  return fmt::format("class=\"space\" data-axes=\"{}&#10;{}&#10;{}\"{}", escape_markup(view.names[0]),
                     escape_markup(view.names[1]), escape_markup(view.names[2]), sets);
}

std::string data_attribute(const char* name, MatrixView<float> points, std::span<const std::int32_t> labels,
                           const RunView& view) {
  return fmt::format(" data-{}=\"{}\"", name, packed_cloud(points, labels, view.ranges));
}

constexpr std::string_view kSpaceControls =
    "<div class=\"controls space-controls\" hidden><span>Samples:</span>"
    "<button type=\"button\" data-shown=\"mean\" aria-pressed=\"true\">decoder mean</button>"
    "<button type=\"button\" data-shown=\"noise\" aria-pressed=\"false\">with decoder noise</button>"
    "<button type=\"button\" data-shown=\"rescaled\" aria-pressed=\"false\">mean, stretched to the data's "
    "range</button><button type=\"button\">reset the view</button>"
    "<span>Drag to turn, wheel or pinch to zoom, arrow keys work too.</span></div>\n"
    "<noscript><p class=\"note\">With JavaScript these pictures can be turned.</p></noscript>\n";

/// "elbo: 1000 points, decoder mean, 3 % of them beyond the frame, ..." of a cloud of samples.
std::string caption_of_samples(const RunView& view, const ModelView& model, const char* what,
                               MatrixView<float> points, std::size_t most) {
  const std::size_t columns = std::min<std::size_t>(points.cols, 3);
  return fmt::format(
      "{}: {}, {}{}{}", model.record->name, shown_points(points.rows, most), what,
      beyond_frame(points, view.ranges, columns),
      model.mean_labels.empty() ? "" : ", coloured by the component they lie in, grey in none");
}

/// "The same axes for all: x1 from -3 to 4, ...".
std::string same_axes(const RunView& view, std::size_t columns) {
  std::string text = "The same axes for all: ";
  for (std::size_t c = 0; c < columns; ++c)
    text += fmt::format("{}{} from {} to {}", c > 0 ? ", " : "", view.names[c],
                        number_text(view.ranges.low[c], 3), number_text(view.ranges.high[c], 3));
  return text + ".";
}

std::string flat_pictures(Page& page, const RunView& view) {
  const Dataset& data = view.run->data;
  std::string figures = page.figure(
      "data", plane_chart({data.x, data.labels, view.dots}, view.ranges, "The data"),
      fmt::format("The data: {}{}", shown_points(data.x.rows(), view.dots), coloured_by(view, data.labels)));
  for (const ModelView& model : view.models) {
    const std::string& name = model.record->name;
    figures += page.figure(
        "samples-" + name,
        plane_chart({model.record->samples, model.mean_labels, view.dots}, view.ranges, "Samples of " + name),
        caption_of_samples(view, model, "decoder mean", model.record->samples, view.dots));
  }
  return side_by_side(figures) + paragraph(same_axes(view, 2), "note");
}

}  // namespace

std::string shown_points(std::size_t points, std::size_t most) {
  const std::size_t stride = thinning(points, most);
  return stride == 1 ? fmt::format("{} points", points)
                     : fmt::format("{} of {} points", (points + stride - 1) / stride, points);
}

std::string space_pictures(Page& page, const RunView& view) {
  const Dataset& data = view.run->data;
  if (data.x.cols() < 2) return "";
  if (data.x.cols() == 2) return flat_pictures(page, view);
  std::string figures = page.figure(
      "data", space_chart({data.x, data.labels, view.dots}, view.ranges, view.names, "The data"),
      fmt::format("The data: {}{}", shown_points(data.x.rows(), view.dots), coloured_by(view, data.labels)),
      space_attributes(
          view, data_attribute("data", data.x, data.labels, view) +
                    fmt::format(" data-data-caption=\"The data: {}{}\"",
                                shown_points(data.x.rows(), kMostInSpace), coloured_by(view, data.labels))));
  for (const ModelView& model : view.models) {
    const ModelRecord& record = *model.record;
    std::string sets;
    const auto add = [&](const char* key, const char* what, const Matrix<float>& points,
                         const std::vector<std::int32_t>& labels) {
      sets += data_attribute(key, points, labels, view) +
              fmt::format(" data-{}-caption=\"{}\"", key,
                          escape_markup(caption_of_samples(view, model, what, points, kMostInSpace)));
    };
    add("mean", "decoder mean", record.samples, model.mean_labels);
    add("noise", "with decoder noise", model.noisy, model.noisy_labels);
    add("rescaled", "decoder mean STRETCHED to the data's range: not the model's samples", model.rescaled,
        model.rescaled_labels);
    figures += page.figure("samples-" + record.name,
                           space_chart({record.samples, model.mean_labels, view.dots}, view.ranges,
                                       view.names, "Samples of " + record.name),
                           caption_of_samples(view, model, "decoder mean", record.samples, view.dots),
                           space_attributes(view, sets));
  }
  page.script(kAssetViewerJs);
  return std::string(kSpaceControls) + side_by_side(figures) +
         paragraph(of_columns(3, data.x.cols()) + same_axes(view, 3), "note");
}

std::string marginal_pictures(Page& page, const RunView& view) {
  const Dataset& data = view.run->data;
  const std::size_t used = std::min<std::size_t>(data.x.cols(), 6);
  std::string figures;
  for (std::size_t c = 0; c < used; ++c) {
    // The fine cells are for curves, the coarse ones for bars that are no noise.
    constexpr std::size_t cells = 160, bars = 40;
    const double low = view.ranges.low[c], high = view.ranges.high[c];
    std::vector<double> places;
    for (std::size_t i = 0; i < cells; ++i)
      places.push_back(low + (static_cast<double>(i) + 0.5) * (high - low) / cells);
    std::vector<Curve> curves(1);
    curves[0] = {"data", {}, {}, "data"};
    const std::vector<double> shares = histogram(data.x, c, low, high, bars);
    for (std::size_t i = 0; i < bars; ++i) {
      for (const std::size_t edge : {i, i + 1}) {
        curves[0].x.push_back(low + static_cast<double>(edge) * (high - low) / bars);
        curves[0].y.push_back(shares[i]);
      }
    }
    if (data.mixture)
      curves.push_back({"truth", places, mixture_density(*data.mixture, c, low, high, cells), "truth"});
    for (std::size_t m = 0; m < view.models.size(); ++m)
      curves.push_back({view.models[m].record->name, places,
                        model_density(view.models[m].means, view.models[m].noise, c, low, high, cells),
                        series_class(m)});
    ChartOptions options;
    options.width = 340, options.height = 230, options.from_zero = true;
    figures += page.figure(
        "marginal-" + view.names[c],
        line_chart(curves, {"Density of " + view.names[c], shortened(view.names[c], 24), "density"}, options),
        fmt::format("Density of {}, decoder noise included", view.names[c]));
  }
  return side_by_side(figures) +
         (data.x.cols() > used ? paragraph(of_columns(used, data.x.cols()), "note") : "");
}

std::string pair_pictures(Page& page, const RunView& view) {
  const Dataset& data = view.run->data;
  const std::vector<ColumnPair> pairs = column_pairs(data.x.cols());
  if (pairs.empty()) return "";
  const auto panels = [&](const Cloud& cloud, const std::string& description) {
    return pair_panels(pairs, view.ranges, view.names, description,
                       [&](Svg& svg, const Axes& axes, std::size_t a, std::size_t b) {
                         draw_points(svg, axes, cloud, a, b);
                       });
  };
  std::string figures = page.figure(
      "pairs-data", panels({data.x, data.labels, view.dots}, "Pairs of columns of the data"),
      fmt::format("The data: {}{}", shown_points(data.x.rows(), view.dots), coloured_by(view, data.labels)));
  for (const ModelView& model : view.models)
    figures += page.figure(
        "pairs-" + model.record->name,
        panels({model.noisy, model.noisy_labels, view.dots},
               "Pairs of columns of samples of " + model.record->name),
        fmt::format("{}: {} with decoder noise{}", model.record->name,
                    shown_points(model.noisy.rows(), view.dots),
                    beyond_frame(model.noisy, view.ranges, std::min<std::size_t>(data.x.cols(), 4))));
  return side_by_side(figures) + (data.x.cols() > 4 ? paragraph(of_columns(4, data.x.cols()), "note") : "");
}

std::string density_pictures(Page& page, const RunView& view) {
  const Dataset& data = view.run->data;
  std::vector<ColumnPair> pairs = column_pairs(data.x.cols());
  if (pairs.empty() || view.models.empty()) return "";
  const std::size_t all_pairs = data.x.cols() * (data.x.cols() - 1) / 2;
  pairs.resize(std::min<std::size_t>(pairs.size(), 3));
  const auto grid_of = [&](std::size_t a, std::size_t b) {
    return DensityGrid{view.ranges.low[a], view.ranges.high[a], view.ranges.low[b], view.ranges.high[b]};
  };
  // One scale a pair for all: the densest place of the truth, or of the models where it is not known.
  std::vector<double> tops(pairs.size(), 0.0);
  const auto density_of = [&](const ModelView* model, std::size_t a, std::size_t b) {
    return model == nullptr ? mixture_density(*data.mixture, a, b, grid_of(a, b))
                            : model_density(model->means, model->noise, a, b, grid_of(a, b));
  };
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    const auto raise = [&](const ModelView* model) {
      const Matrix<double> density = density_of(model, pairs[p].first, pairs[p].second);
      for (const double value : density.values()) tops[p] = std::max(tops[p], value);
    };
    if (data.mixture) raise(nullptr);
    for (const ModelView& model : view.models)
      if (!data.mixture) raise(&model);
  }
  const auto panels = [&](const ModelView* model, const std::string& description) {
    std::size_t panel = 0;
    return pair_panels(pairs, view.ranges, view.names, description,
                       [&](Svg& svg, const Axes& axes, std::size_t a, std::size_t b) {
                         const Box& box = axes.box();
                         svg.image(box.left, box.top, box.right - box.left, box.bottom - box.top,
                                   density_image(density_of(model, a, b), tops[panel++]));
                         if (!data.mixture || data.mixture->components() > 60) return;
                         for (std::size_t k = 0; k < data.mixture->components(); ++k) {
                           const double x = axes.x(data.mixture->means()(k, a)),
                                        y = axes.y(data.mixture->means()(k, b));
                           svg.line(x - 4, y, x + 4, y, "centre");
                           svg.line(x, y - 4, x, y + 4, "centre");
                         }
                       });
  };
  std::string figures;
  if (data.mixture)
    figures += page.figure("density-truth", panels(nullptr, "Density of the true mixture"),
                           "The true mixture; crosses mark the means of its components");
  for (const ModelView& model : view.models)
    figures +=
        page.figure("density-" + model.record->name, panels(&model, "Density of " + model.record->name),
                    fmt::format("{}: the density it draws from, decoder noise included", model.record->name));
  return side_by_side(figures) +
         paragraph(
             fmt::format("{}Densities of two columns at a time, the others integrated out. Each pair has "
                         "one scale for all; the root of the density is shown, so that thin bridges "
                         "between modes stay visible.",
                         all_pairs > pairs.size()
                             ? fmt::format("The first {} of {} pairs of columns. ", pairs.size(), all_pairs)
                             : ""),
             "note");
}

}  // namespace gmmvae
