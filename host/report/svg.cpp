#include "host/report/svg.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>

#include "report_assets.hpp"

namespace gmmvae {
namespace {

/// A coordinate to a tenth of a pixel. A page holds a hundred thousand of them.
void append_number(std::string& out, double value) {
  const auto tenths = static_cast<std::int64_t>(std::llround(value * 10.0));
  char digits[32];
  char* end = std::to_chars(digits, std::end(digits), std::abs(tenths / 10)).ptr;
  if (tenths < 0) out += '-';
  out.append(digits, end);
  if (tenths % 10 == 0) return;
  out += '.';
  out += static_cast<char>('0' + std::abs(tenths % 10));
}

std::string number(double value) {
  std::string text;
  append_number(text, value);
  return text;
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

std::string title_element(std::string_view title) {
  return title.empty() ? "" : fmt::format("<title>{}</title>", escape_markup(title));
}

/// Bytes of the UTF-8 character that starts the text; 0 where there is none, or one that XML forbids.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 || lead == '\n' || lead == '\t' || lead == '\r' ? 1 : 0;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  // Overlong forms, surrogates, what lies beyond U+10FFFF, and U+FFFE and U+FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f) ||
      (lead == 0xef && byte(1) == 0xbf && byte(2) >= 0xbe))
    return 0;
  return length;
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length != 1) {
      out += length == 0 ? std::string_view("\uFFFD") : text.substr(0, length);
      text.remove_prefix(length == 0 ? 1 : length);
      continue;
    }
    switch (text.front()) {
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
        out += text.front();
    }
    text.remove_prefix(1);
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t most) {
  std::size_t characters = 0, kept = 0;
  for (std::size_t at = 0; at < text.size(); ++characters) {
    if (characters + 1 == most) kept = at;
    const std::size_t length = character_length(text.substr(at));
    at += length == 0 ? 1 : length;
  }
  return characters <= most ? std::string(text) : std::string(text.substr(0, kept)) + "…";
}

double text_width(std::string_view text) {
  double width = 0.0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text.substr(at));
    // What needs three bytes may be as wide as it is high; a raised digit and a minus are not.
    const bool narrow = length == 3 && (text.substr(at, 3) == "−" || text.substr(at, 2) == "\xe2\x81");
    width += length > 2 && !narrow ? 12.0 : 7.2;
    at += length == 0 ? 1 : length;
  }
  return width;
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
  body_ += title.empty() ? "/>\n" : fmt::format(">{}</rect>\n", title_element(title));
}

void Svg::tile(double x, double y, double width, double height, std::string_view colour,
               std::string_view title) {
  body_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\">{}</rect>\n",
                       number(x), number(y), number(width), number(height), colour, title_element(title));
}

void Svg::text(double x, double y, Anchor anchor, std::string_view text, std::string_view css_class) {
  body_ += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>\n", css_class,
                       number(x), number(y), name_of(anchor), escape_markup(text));
}

void Svg::ellipse(double x, double y, double first, double second, double angle, std::string_view css_class) {
  if (!std::isfinite(x + y + first + second + angle)) return;
  body_ += fmt::format("<ellipse class=\"{}\" rx=\"{}\" ry=\"{}\" transform=\"translate({} {})", css_class,
                       number(first), number(second), number(x), number(y));
  body_ += angle == 0.0 ? "\"/>\n" : fmt::format(" rotate({})\"/>\n", number(angle * 180.0 / M_PI));
}

void Svg::image(double x, double y, double width, double height, std::string_view data_uri) {
  body_ += fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" href=\"{}\"/>\n",
      number(x), number(y), number(width), number(height), data_uri);
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
  path_ += pen_down_ ? 'L' : 'M';
  append_number(path_, x);
  path_ += ' ';
  append_number(path_, y);
  pen_down_ = true;
}

void Svg::end_curve(std::string_view css_class, std::string_view title) {
  if (!path_.empty()) {
    body_ += fmt::format("<path class=\"{}\" d=\"{}\"", css_class, path_);
    body_ += title.empty() ? "/>\n" : fmt::format(">{}</path>\n", title_element(title));
  }
  path_.clear();
}

void Svg::end_area(std::string_view css_class) {
  if (!path_.empty()) path_ += 'Z';
  end_curve(css_class);
}

// A line of no length with round ends is a dot, at a quarter of the bytes of a circle.
void Svg::dot(double x, double y) {
  if (!std::isfinite(x) || !std::isfinite(y)) return;
  path_ += 'M';
  append_number(path_, x);
  path_ += ' ';
  append_number(path_, y);
  path_ += "h0";
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

namespace {

/// The style sheet of pictures with each var(--name) replaced by the value that the light palette gives it:
/// converters and editors know no custom properties.
std::string resolved_style() {
  const std::string_view palette = kAssetLightCss, style = kAssetPictureCss;
  std::string out;
  for (std::size_t at = 0; at < style.size();) {
    const std::size_t start = style.find("var(", at);
    out += style.substr(at, start - at);
    if (start == std::string_view::npos) break;
    const std::size_t end = style.find(')', start);
    const std::string name = fmt::format("{}:", style.substr(start + 4, end - start - 4));
    const std::size_t found = palette.find(name) + name.size() + 1;  // a blank follows the colon
    out += palette.substr(found, palette.find(';', found) - found);
    at = end + 1;
  }
  return out;
}

}  // namespace

std::string standalone_svg(std::string_view svg) {
  static const std::string style = resolved_style();
  const std::size_t body = svg.find(">\n") + 2;
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}<style><![CDATA[{}]]></style>\n"
      "<rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n{}",
      svg.substr(0, body), style, svg.substr(body));
}

}  // namespace gmmvae
