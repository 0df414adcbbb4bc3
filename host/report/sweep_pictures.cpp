#include "host/report/sweep_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "host/io/spelled_number.hpp"
#include "host/report/axes.hpp"
#include "host/report/chart.hpp"
#include "host/report/heat.hpp"
#include "host/report/scatter.hpp"
#include "report_assets.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;

/// Axes and groups of values beyond which pictures tell nothing apart.
constexpr std::size_t kMostAxes = 8, kMostGroups = 24, kMostLines = 1000, kMostHeatMaps = 6;

/// The ends of a metric's colours: 0 to 1 for a share, else those of the values.
std::pair<double, double> colour_range(const SweepMetric& metric, const std::vector<Matrix<double>>& maps) {
  if (metric.share) return {0.0, 1.0};
  Extent extent;
  for (const Matrix<double>& map : maps)
    for (const double value : map.values()) extent.take(value);
  return extent.empty() ? std::pair{0.0, 1.0} : std::pair{extent.low(), extent.high()};
}

std::vector<std::size_t> pictured_axes(const SweepView& view) {
  std::vector<std::size_t> axes = view.by_importance;
  axes.resize(std::min(axes.size(), kMostAxes));
  return axes;
}

/// Whether the values of an axis are positive numbers that grow over more than a decade.
bool grows_over_decades(const std::vector<double>& values) {
  return values.size() > 1 && values.front() > 0.0 && std::is_sorted(values.begin(), values.end()) &&
         values.back() > 20.0 * values.front();
}

/// The values of an axis as numbers, or empty where one is none.
std::vector<double> numbers_of(const SweepAxis& axis) {
  std::vector<double> out;
  for (const std::string& text : axis.values) {
    const auto value = spelled_number<double>(text);
    if (!value || !std::isfinite(*value)) return {};
    out.push_back(*value);
  }
  return out;
}

/// An axis of numbers as a chart of curves: each group at the middle of its values.
std::vector<double> group_places(const std::vector<double>& numbers, std::size_t groups) {
  const std::size_t each = (numbers.size() + groups - 1) / groups;
  std::vector<double> places;
  for (std::size_t first = 0; first < numbers.size(); first += each) {
    const std::size_t last = std::min(first + each, numbers.size()) - 1;
    places.push_back((numbers[first] + numbers[last]) / 2.0);
  }
  return places;
}

/// One axis with the metric's spread at each of its values, or groups of values.
struct Marginal {
  GroupedAxis groups;
  std::vector<Spread> spread;
  std::vector<double> places;  ///< where each group stands
  bool ordered = false;  ///< its values are numbers in an order that means something, as a seed's do not
};

Marginal marginal_of(const SweepView& view, std::size_t axis) {
  const SweepTable& table = *view.table;
  Marginal m;
  m.groups = grouped(table, axis, kMostGroups);
  m.spread = spreads(table.values[view.metric], m.groups.group, m.groups.names.size());
  m.places = group_places(numbers_of(table.axes[axis]), m.groups.names.size());
  m.ordered = m.places.size() == m.groups.names.size() && std::is_sorted(m.places.begin(), m.places.end());
  if (table.axes[axis].key == "seed") m.ordered = false;
  if (m.ordered) return m;
  m.places.resize(m.groups.names.size());
  std::iota(m.places.begin(), m.places.end(), 0.0);
  return m;
}

/// Median, middle half and mean along an axis whose values have an order.
void draw_band(Svg& svg, const Axes& axes, const Marginal& m) {
  const auto curve = [&](double Spread::*value) {
    for (std::size_t g = 0; g < m.spread.size(); ++g)
      if (m.spread[g].count > 0) svg.curve_to(axes.x(m.places[g]), axes.y(m.spread[g].*value));
  };
  svg.begin_curve();
  curve(&Spread::quartile);
  for (std::size_t g = m.spread.size(); g-- > 0;)
    if (m.spread[g].count > 0) svg.curve_to(axes.x(m.places[g]), axes.y(m.spread[g].upper_quartile));
  svg.end_area("band fill-0");
  svg.begin_curve();
  curve(&Spread::median);
  svg.end_curve("series-0");
  svg.begin_curve();
  curve(&Spread::mean);
  svg.end_curve("truth");
}

/// The same where they have none: nothing connects them.
void draw_bars(Svg& svg, const Axes& axes, const Marginal& m) {
  for (std::size_t g = 0; g < m.spread.size(); ++g) {
    const Spread& s = m.spread[g];
    if (s.count == 0) continue;
    const double x = axes.x(m.places[g]);
    svg.rectangle(x - 5, axes.y(s.upper_quartile), 10, axes.y(s.quartile) - axes.y(s.upper_quartile),
                  "band fill-0");
    svg.line(x - 7, axes.y(s.mean), x + 7, axes.y(s.mean), "truth");
    svg.begin_curve();
    svg.dot(x, axes.y(s.median));
    svg.end_dots("dots big series-0");
  }
}

std::string marginal_chart(const SweepView& view, const Marginal& m) {
  const SweepMetric& metric = view.about();
  Extent across, up;
  for (const double place : m.places) across.take(place);
  for (const Spread& s : m.spread) {
    if (s.count == 0) continue;
    for (const double value : {s.quartile, s.upper_quartile, s.mean}) up.take(value);
  }
  if (metric.share) up.take(0.0), up.take(1.0);
  if (up.empty()) return no_picture(fmt::format("{}: no trial has this figure.", m.groups.name));
  Svg svg(340, 240, fmt::format("{} by {}", metric.name, m.groups.name));
  AxisSpec x = across.axis(shortened(m.groups.name, 24), m.ordered ? 0.0 : 0.08),
           y = up.axis(metric.name, 0.03);
  x.logarithmic = m.ordered && grows_over_decades(m.places);
  const bool whole =
      std::all_of(m.places.begin(), m.places.end(), [](double v) { return v == std::floor(v); });
  x.marks = !m.ordered ? 0
            : whole    ? static_cast<std::size_t>(std::clamp(across.high() - across.low(), 1.0, 6.0))
                       : 6;
  const Axes axes(x, y, {62, 26, 326, 194});
  axes.draw(svg);
  if (!m.ordered) {
    const std::size_t every = (m.places.size() + 5) / 6;
    for (std::size_t g = 0; g < m.places.size(); g += every)
      svg.text(axes.x(m.places[g]), 211, Anchor::middle, shortened(m.groups.names[g], 12), "tick");
  }
  m.ordered ? draw_band(svg, axes, m) : draw_bars(svg, axes, m);
  return svg.str();
}

/// "By lr: 48 trials each".
std::string marginal_caption(const SweepView& view, std::size_t axis, const Marginal& m) {
  std::size_t least = m.spread.empty() ? 0 : m.spread.front().count, most = least;
  for (const Spread& s : m.spread) least = std::min(least, s.count), most = std::max(most, s.count);
  const std::string& key = view.table->axes[axis].key;
  const std::size_t values = view.table->axes[axis].values.size();
  return fmt::format(
      "By {}: {} trial{} each{}", key,
      least == most ? fmt::format("{}", most) : fmt::format("{} to {}", least, most), most == 1 ? "" : "s",
      values == m.spread.size() ? "" : fmt::format(", its {} values in {} groups", values, m.spread.size()));
}

struct PairMap {
  std::size_t row = 0, column = 0;  ///< axes
  GroupedAxis rows, columns;
};

std::vector<PairMap> pair_maps(const SweepView& view) {
  std::vector<PairMap> maps;
  const std::vector<std::size_t> axes = pictured_axes(view);
  std::vector<GroupedAxis> groups;
  groups.reserve(axes.size());
  for (const std::size_t axis : axes) groups.push_back(grouped(*view.table, axis, kMostGroups));
  for (std::size_t sum = 1; sum + 1 < 2 * axes.size(); ++sum) {  // the weightiest pairs first
    for (std::size_t a = 0; a < axes.size(); ++a) {
      if (sum <= a || sum - a >= axes.size() || a >= sum - a) continue;
      maps.push_back({axes[sum - a], axes[a], groups[sum - a], groups[a]});
    }
  }
  return maps;
}

/// Four digits are more than a colour shows.
json rounded(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.4g}", value));
}

/// JSON inside HTML: nothing in it may end the element.
std::string inside_html(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace), out;
  for (const char c : text) out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return out;
}

std::string heat_data(const SweepView& view, const std::vector<PairMap>& maps) {
  json data;
  for (std::size_t i = 0; i <= 32; ++i) {
    const auto colour = heat_colour(static_cast<double>(i) / 32.0);
    data["colours"].push_back(fmt::format("#{:02x}{:02x}{:02x}", colour[0], colour[1], colour[2]));
  }
  for (const SweepMetric& metric : view.table->metrics)
    data["metrics"].push_back({{"name", metric.name}, {"share", metric.share}});
  data["metric"] = view.metric;
  for (const PairMap& map : maps) {
    json pair = {{"row", map.rows.name},
                 {"column", map.columns.name},
                 {"rows", map.rows.names},
                 {"columns", map.columns.names}};
    for (const std::vector<double>& values : view.table->values) {
      json cells = json::array();
      const Matrix<double> means = cell_means(values, map.rows.group, map.rows.names.size(),
                                              map.columns.group, map.columns.names.size());
      for (const double value : means.values()) cells.push_back(rounded(value));
      pair["values"].push_back(std::move(cells));
    }
    data["pairs"].push_back(std::move(pair));
  }
  return fmt::format("<script type=\"application/json\" id=\"heat-data\">{}</script>\n", inside_html(data));
}

/// One vertical scale of the parallel coordinates.
struct Rail {
  std::string name;
  std::vector<double> place;  ///< [n] from 0, at the bottom, to 1
  std::vector<std::pair<double, std::string>> marks;
};

Rail axis_rail(const SweepTable& table, std::size_t axis) {
  Rail rail;
  const std::vector<std::string>& values = table.axes[axis].values;
  rail.name = table.axes[axis].key;
  const double last = static_cast<double>(values.size() - 1);
  for (const std::uint32_t value : table.at[axis]) rail.place.push_back(value / last);
  const std::size_t every = (values.size() + 11) / 12;
  for (std::size_t v = 0; v < values.size(); v += every)
    rail.marks.emplace_back(static_cast<double>(v) / last, shortened(short_value(values[v]), 10));
  return rail;
}

Rail metric_rail(const SweepTable& table, std::size_t metric) {
  Rail rail;
  rail.name = table.metrics[metric].brief;
  Extent extent;
  for (const double value : table.values[metric]) extent.take(value);
  if (extent.empty()) return rail;
  AxisSpec spec = table.metrics[metric].share ? AxisSpec{0.0, 1.0, ""} : extent.axis("", 0.0);
  const Axes axes({}, spec, {0, 0, 1, 1});
  for (const double value : table.values[metric]) rail.place.push_back(1.0 - axes.y(value));
  for (const double mark : ticks(spec.low, spec.high, 5))
    rail.marks.emplace_back(1.0 - axes.y(mark), tick_text(mark));
  return rail;
}

}  // namespace

SweepView sweep_view(const SweepTable& table, std::size_t metric) {
  SweepView view;
  view.table = &table;
  view.metric = metric;
  for (std::size_t a = 0; a < table.axes.size(); ++a)
    view.importance.push_back(
        explained_share(table.values[metric], table.at[a], table.axes[a].values.size()));
  view.by_importance.resize(table.axes.size());
  std::iota(view.by_importance.begin(), view.by_importance.end(), std::size_t{0});
  std::stable_sort(view.by_importance.begin(), view.by_importance.end(),
                   [&](std::size_t a, std::size_t b) { return view.importance[a] > view.importance[b]; });
  view.order = ranked(table, metric);
  return view;
}

std::string importance_picture(Page& page, const SweepView& view) {
  const std::size_t axes = view.by_importance.size();
  const double left = 150, width = 560, height = 26.0 * static_cast<double>(axes + 1) + 14;
  Svg svg(width, height, "Share of the variance that each axis explains");
  double rest = 1.0;
  const auto bar = [&](std::size_t row, const std::string& name, double share, const char* style) {
    const double y = 6 + 26.0 * static_cast<double>(row), wide = (width - left - 70) * share;
    svg.text(left - 8, y + 14, Anchor::end, shortened(name, 20), "label");
    svg.rectangle(left, y, wide, 18, style);
    svg.text(left + wide + 6, y + 14, Anchor::start, fmt::format("{:.1f} %", 100.0 * share), "value");
  };
  for (std::size_t i = 0; i < axes; ++i) {
    const std::size_t axis = view.by_importance[i];
    bar(i, view.table->axes[axis].key, view.importance[axis], "bar fill-0");
    rest -= view.importance[axis];
  }
  bar(axes, "together, or chance", std::clamp(rest, 0.0, 1.0), "data");
  return page.figure(
      "importance", svg.str(),
      fmt::format("Share of the variance of “{}” that the means over each axis explain, less what chance "
                  "would give; the last bar is what axes do together, and chance",
                  view.about().name));
}

std::string sweep_marginals(Page& page, const SweepView& view) {
  std::string figures;
  for (const std::size_t axis : pictured_axes(view)) {
    const Marginal marginal = marginal_of(view, axis);
    figures += page.figure("marginal-" + view.table->axes[axis].key, marginal_chart(view, marginal),
                           marginal_caption(view, axis, marginal));
  }
  if (figures.empty()) return "";
  return side_by_side(figures) +
         paragraph(
             "Over all other axes: the median with the middle half of the trials around it, and the "
             "mean, dashed. Where the values of an axis have no order nothing connects them.",
             "note");
}

std::string sweep_heat_maps(Page& page, const SweepView& view) {
  const std::vector<PairMap> maps = pair_maps(view);
  if (maps.empty()) return "";
  const SweepMetric& metric = view.about();
  std::vector<Matrix<double>> values;
  for (std::size_t i = 0; i < std::min(maps.size(), kMostHeatMaps); ++i)
    values.push_back(cell_means(view.table->values[view.metric], maps[i].rows.group,
                                maps[i].rows.names.size(), maps[i].columns.group,
                                maps[i].columns.names.size()));
  const auto [low, high] = colour_range(metric, values);
  std::string figures;
  for (std::size_t i = 0; i < values.size(); ++i) {
    HeatMap map{values[i],
                maps[i].rows.names,
                maps[i].columns.names,
                maps[i].rows.name,
                maps[i].columns.name,
                metric.name,
                low,
                high,
                ""};
    map.description = fmt::format("{} over {} and {}", metric.name, map.column_axis, map.row_axis);
    figures += page.figure(fmt::format("heat-{}-{}", map.column_axis, map.row_axis), heat_chart(map), "");
  }
  page.script(kAssetHeatJs);
  return side_by_side(figures) +
         "<div class=\"heat-picker\" hidden>\n<h3>Any two axes, any figure</h3>\n<div class=\"controls\">"
         "<label>across <select data-role=\"column\"></select></label>"
         "<label>up <select data-role=\"row\"></select></label>"
         "<label>figure <select data-role=\"metric\"></select></label></div>\n"
         "<div data-role=\"picture\"></div>\n</div>\n" +
         heat_data(view, maps) +
         paragraph(
             fmt::format(
                 "Cells are means over all other axes; an ellipsis marks several values taken together{}.",
                 view.table->axes.size() > kMostAxes
                     ? fmt::format("; the {} weightiest of {} axes", kMostAxes, view.table->axes.size())
                     : ""),
             "note");
}

std::string parallel_coordinates(Page& page, const SweepView& view) {
  if (view.order.empty() || view.by_importance.empty()) return "";
  const SweepTable& table = *view.table;
  std::vector<Rail> rails;
  for (const std::size_t axis : pictured_axes(view)) rails.push_back(axis_rail(table, axis));
  for (const std::size_t metric : {kElboMetric, kQualityMetric, kModesMetric})
    if (metric != view.metric) rails.push_back(metric_rail(table, metric));
  rails.push_back(metric_rail(table, view.metric));
  std::erase_if(rails, [](const Rail& rail) { return rail.place.empty(); });
  const double step = std::clamp(1000.0 / static_cast<double>(rails.size()), 84.0, 150.0), top = 34,
               bottom = 330;
  Svg svg(step * static_cast<double>(rails.size()) + 40, bottom + 16,
          "Trials as lines across axes and figures");
  const auto x = [&](std::size_t rail) { return 60 + step * static_cast<double>(rail); };
  const auto y = [&](double place) { return bottom - place * (bottom - top); };
  const std::size_t stride = thinning(view.order.size(), kMostLines);
  // From the worst to the best, so that the best fifth lies on top.
  for (std::size_t i = view.order.size(); i-- > 0;) {
    if (i % stride != 0) continue;
    const std::size_t trial = view.order[i];
    svg.begin_curve();
    for (std::size_t r = 0; r < rails.size(); ++r) svg.curve_to(x(r), y(rails[r].place[trial]));
    svg.end_curve(fmt::format("thin rank-{}", 5 * i / view.order.size()));
  }
  for (std::size_t r = 0; r < rails.size(); ++r) {
    svg.line(x(r), top, x(r), bottom, "axis rail");
    svg.text(x(r), 16, Anchor::middle, shortened(rails[r].name, 15), "strong");
    for (const auto& [place, text] : rails[r].marks)
      svg.text(x(r) - 5, y(place) + 4, Anchor::end, text, "tick halo");
  }
  page.script(kAssetParallelJs);
  const std::size_t shown = (view.order.size() + stride - 1) / stride;
  return page.figure(
             "parallel", svg.str(),
             fmt::format("{} of {} finished trials, evenly over their ranks; the best fifth is orange", shown,
                         view.order.size()),
             "class=\"parallel\"") +
         "<p class=\"note parallel-help\" hidden>Drag along an axis to keep the lines that cross there; "
         "click it to let all "
         "back in.</p>\n";
}

}  // namespace gmmvae
