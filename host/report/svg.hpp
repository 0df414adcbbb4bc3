#pragma once

#include <string>
#include <string_view>

namespace gmmvae {

/// Text made safe inside HTML and SVG, in attributes too.
std::string escape_markup(std::string_view text);

enum class Anchor { start, middle, end };

/// A picture under construction, in units of CSS pixels. Colours come from classes, so that one style sheet
/// serves a light page, a dark one and a printed one. What is not finite is left out.
class Svg {
 public:
  /// `description` is read out to those who cannot see the picture.
  Svg(double width, double height, std::string_view description);

  [[nodiscard]] double width() const { return width_; }
  [[nodiscard]] double height() const { return height_; }

  void line(double x1, double y1, double x2, double y2, std::string_view css_class);
  void rectangle(double x, double y, double width, double height, std::string_view css_class,
                 std::string_view title = "");
  void text(double x, double y, Anchor anchor, std::string_view text, std::string_view css_class);

  // A run of points: a curve through them, or a dot at each.
  void begin_curve();
  void curve_to(double x, double y);
  void end_curve(std::string_view css_class);
  void dot(double x, double y);
  void end_dots(std::string_view css_class);

  [[nodiscard]] std::string str() const;

 private:
  double width_;
  double height_;
  std::string description_;
  std::string body_;
  std::string path_;
  bool pen_down_ = false;
};

}  // namespace gmmvae
