#include "host/report/svg.hpp"

#include <fmt/format.h>

#include <cmath>

namespace gmmvae {
namespace {

/// A coordinate to a tenth of a pixel.
std::string number(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

const char* name_of(Anchor anchor) {
  switch (anchor) {
    case Anchor::start:
      return "start";
    case Anchor::middle:
      return "middle";
    default:
      return "end";
  }
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Svg::Svg(double width, double height, std::string_view description)
    : width_(width), height_(height), description_(description) {}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view css_class) {
  body_ += fmt::format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n", css_class,
                       number(x1), number(y1), number(x2), number(y2));
}

void Svg::rectangle(double x, double y, double width, double height, std::string_view css_class,
                    std::string_view title) {
  body_ += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", css_class,
                       number(x), number(y), number(width), number(height));
  body_ += title.empty() ? "/>\n" : fmt::format("><title>{}</title></rect>\n", escape_markup(title));
}

void Svg::text(double x, double y, Anchor anchor, std::string_view text, std::string_view css_class) {
  body_ += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>\n", css_class,
                       number(x), number(y), name_of(anchor), escape_markup(text));
}

void Svg::begin_curve() {
  path_.clear();
  pen_down_ = false;
}

void Svg::curve_to(double x, double y) {
  if (!std::isfinite(x) || !std::isfinite(y)) {
    pen_down_ = false;
    return;
  }
  path_ += fmt::format("{}{} {}", pen_down_ ? "L" : "M", number(x), number(y));
  pen_down_ = true;
}

void Svg::end_curve(std::string_view css_class) {
  if (!path_.empty()) body_ += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", css_class, path_);
  path_.clear();
}

// A line of no length with round ends is a dot, at a quarter of the bytes of a circle.
void Svg::dot(double x, double y) {
  if (std::isfinite(x) && std::isfinite(y)) path_ += fmt::format("M{} {}h0", number(x), number(y));
}

void Svg::end_dots(std::string_view css_class) {
  end_curve(css_class);
}

std::string Svg::str() const {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "role=\"img\" "
      "aria-label=\"{2}\">\n{3}</svg>\n",
      number(width_), number(height_), escape_markup(description_), body_);
}

}  // namespace gmmvae
