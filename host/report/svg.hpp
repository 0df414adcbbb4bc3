#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gmmvae {

/// Text made safe inside HTML and SVG, in attributes too. Bytes that are no UTF-8 and characters that XML
/// does not know become U+FFFD.
std::string escape_markup(std::string_view text);

/// At most `most` characters of a text; what is cut ends in an ellipsis.
std::string shortened(std::string_view text, std::size_t most);

/// How wide a text of a picture's font size (12 px) is at most, in pixels; fonts differ, this is a wide one.
double text_width(std::string_view text);

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
  /// A rectangle of a colour of its own, "#rrggbb".
  void tile(double x, double y, double width, double height, std::string_view colour, std::string_view title);
  void text(double x, double y, Anchor anchor, std::string_view text, std::string_view css_class);
  /// `angle` is the direction of the first axis, clockwise, radians.
  void ellipse(double x, double y, double first, double second, double angle, std::string_view css_class);
  /// A picture in a picture; its pixels keep their edges.
  void image(double x, double y, double width, double height, std::string_view data_uri);

  // A run of points: a curve through them, an area between them, or a dot at each.
  void begin_curve();
  void curve_to(double x, double y);
  void end_curve(std::string_view css_class, std::string_view title = "");
  void end_area(std::string_view css_class);
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

/// The picture with the style sheet inside, so that it stands alone: a file that any viewer shows, in the
/// colours of the light page.
std::string standalone_svg(std::string_view svg);

}  // namespace gmmvae
