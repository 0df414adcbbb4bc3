#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "host/report/svg.hpp"

namespace gmmvae {

/// Places of about `count` round numbers within [low, high].
std::vector<double> ticks(double low, double high, std::size_t count);

/// A text with true minus signs for its hyphens.
std::string true_minus(std::string text);

/// A text with 2.5·10⁻⁷ for its 2.5e-07.
std::string raised_powers(std::string_view text);

/// A number of so many digits as people write it: 0.0123, 2.5·10⁻⁷.
std::string number_text(double value, int digits);

/// "12.3 %" for a fraction of 0.123.
std::string percent_text(double fraction);

double sum_of(const std::vector<double>& values);

/// A number as an axis shows it: the same with six digits, and 10⁻⁷ for 1·10⁻⁷.
std::string tick_text(double value);

/// What an axis shows.
struct AxisSpec {
  double low = 0.0;
  double high = 1.0;
  std::string label;
  bool logarithmic = false;
  std::size_t marks = 5;  ///< about so many numbers; 0: none
};

/// A rectangle of a picture, pixels.
struct Box {
  double left = 0.0, top = 0.0, right = 0.0, bottom = 0.0;
};

/// Two axes around a rectangle: from numbers to pixels.
class Axes {
 public:
  Axes(const AxisSpec& x, const AxisSpec& y, const Box& box);

  [[nodiscard]] double x(double value) const;
  [[nodiscard]] double y(double value) const;
  [[nodiscard]] const Box& box() const { return box_; }

  /// Grid lines, numbers and labels; that of y stands level above the axis, where it is read without turning
  /// the head.
  void draw(Svg& svg) const;

 private:
  struct Scale {
    explicit Scale(const AxisSpec& spec);
    [[nodiscard]] double unit(double value) const;
    [[nodiscard]] std::vector<double> marks() const;
    double low, high;
    bool logarithmic;
    std::size_t count;
  };
  Scale across_, up_;
  std::string x_label_, y_label_;
  Box box_;
};

/// The lowest and highest of what is drawn.
class Extent {
 public:
  void take(double value);
  [[nodiscard]] bool empty() const { return !(low_ <= high_); }
  [[nodiscard]] double low() const { return low_; }
  [[nodiscard]] double high() const { return high_; }
  /// An axis over it with a margin of this fraction at both ends.
  [[nodiscard]] AxisSpec axis(const std::string& label, double margin = 0.04) const;

 private:
  double low_ = 1.0;
  double high_ = -1.0;
};

}  // namespace gmmvae
