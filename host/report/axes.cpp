#include "host/report/axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace gmmvae {

std::vector<double> ticks(double low, double high, std::size_t count) {
  std::vector<double> out;
  if (!(high > low) || !std::isfinite(high - low)) return {low};
  const double raw = (high - low) / static_cast<double>(std::max<std::size_t>(count, 1));
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = power;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    step = factor * power;
    if (step >= raw * 0.999) break;
  }
  const auto first = static_cast<std::int64_t>(std::ceil(low / step - 1e-9));
  const auto last = static_cast<std::int64_t>(std::floor(high / step + 1e-9));
  for (std::int64_t k = first; k <= last; ++k) out.push_back(static_cast<double>(k) * step);
  return out;
}

std::string true_minus(std::string text) {
  for (std::size_t at = text.find('-'); at != std::string::npos; at = text.find('-', at + 3))
    text.replace(at, 1, "−");
  return text;
}

std::string raised_powers(std::string_view text) {
  static const char* const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool power = text[at] == 'e' && at > 0 && digit(at - 1) && at + 1 < text.size() &&
                       (text[at + 1] == '-' || text[at + 1] == '+') && digit(at + 2);
    if (!power) {
      out += text[at];
      continue;
    }
    out += text[at + 1] == '-' ? "·10⁻" : "·10";
    at += 2;
    if (text[at] == '0' && digit(at + 1))
      ++at;  // two digits at least are written; a leading zero says nothing
    for (; digit(at); ++at) out += raised[static_cast<std::size_t>(text[at] - '0')];
    --at;
  }
  return out;
}

std::string number_text(double value, int digits) {
  if (std::isinf(value)) return value > 0.0 ? "∞" : "−∞";
  return true_minus(raised_powers(fmt::format("{:.{}g}", value == 0.0 ? 0.0 : value, digits)));
}

std::string percent_text(double fraction) {
  return fmt::format("{:.1f} %", 100.0 * fraction);
}

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

std::string tick_text(double value) {
  const std::string text = number_text(value, 6);
  return text.starts_with("1·") ? text.substr(3) : text;
}

Axes::Scale::Scale(const AxisSpec& spec)
    : low(spec.logarithmic ? std::log10(spec.low) : spec.low),
      high(spec.logarithmic ? std::log10(spec.high) : spec.high),
      logarithmic(spec.logarithmic),
      count(spec.marks) {
  if (high > low) return;
  // A range of one value lies in the middle of its axis.
  const double reach = logarithmic || low == 0.0 ? 0.5 : 0.05 * std::abs(low);
  low -= reach;
  high += reach;
}

double Axes::Scale::unit(double value) const {
  return ((logarithmic ? std::log10(value) : value) - low) / (high - low);
}

std::vector<double> Axes::Scale::marks() const {
  if (count == 0) return {};
  if (!logarithmic) return ticks(low, high, count);
  std::vector<double> out;
  const auto first = static_cast<int>(std::floor(low)), last = static_cast<int>(std::ceil(high));
  // A range of less than two decades needs marks inside them, a long one cannot take every decade.
  const std::vector<double> steps = high - low < 2.0 ? std::vector<double>{1, 2, 5} : std::vector<double>{1};
  const int every = std::max(1, static_cast<int>(std::ceil((high - low) / static_cast<double>(count + 2))));
  for (int decade = first; decade <= last; ++decade) {
    if (decade % every != 0) continue;
    for (const double step : steps) {
      const double value = step * std::pow(10.0, decade);
      if (std::log10(value) >= low - 1e-9 && std::log10(value) <= high + 1e-9) out.push_back(value);
    }
  }
  // Within a fraction of a decade even those may be too few.
  return out.size() > 1 ? out : ticks(std::pow(10.0, low), std::pow(10.0, high), count);
}

Axes::Axes(const AxisSpec& x, const AxisSpec& y, const Box& box)
    : across_(x), up_(y), x_label_(x.label), y_label_(y.label), box_(box) {}

double Axes::x(double value) const {
  return box_.left + across_.unit(value) * (box_.right - box_.left);
}

double Axes::y(double value) const {
  return box_.bottom - up_.unit(value) * (box_.bottom - box_.top);
}

void Axes::draw(Svg& svg) const {
  for (const double mark : up_.marks()) {
    svg.line(box_.left, y(mark), box_.right, y(mark), "grid");
    svg.text(box_.left - 6, y(mark) + 4, Anchor::end, tick_text(mark), "tick");
  }
  for (const double mark : across_.marks()) {
    svg.line(x(mark), box_.bottom, x(mark), box_.bottom + 4, "axis");
    svg.text(x(mark), box_.bottom + 17, Anchor::middle, tick_text(mark), "tick");
  }
  svg.line(box_.left, box_.bottom, box_.right, box_.bottom, "axis");
  if (!x_label_.empty())
    svg.text((box_.left + box_.right) / 2, box_.bottom + 33, Anchor::middle, x_label_, "label");
  if (!y_label_.empty())
    svg.text(std::max(2.0, box_.left - 44), box_.top - 9, Anchor::start, y_label_, "label");
}

void Extent::take(double value) {
  if (!std::isfinite(value)) return;
  const bool first = empty();
  low_ = first ? value : std::min(low_, value);
  high_ = first ? value : std::max(high_, value);
}

AxisSpec Extent::axis(const std::string& label, double margin) const {
  const double reach = margin * (high_ - low_);
  return {low_ - reach, high_ + reach, label};
}

}  // namespace gmmvae
