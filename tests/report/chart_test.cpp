// Charts: round marks where they belong, points where the numbers say, nothing that is not a number.
#include "host/report/chart.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "host/report/scatter.hpp"
#include "host/report/svg.hpp"

namespace gmmvae {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(ChartTest, MarksAreRoundAndInside) {
  EXPECT_THAT(ticks(0.0, 1.0, 5), ElementsAre(0.0, testing::DoubleEq(0.2), testing::DoubleEq(0.4),
                                              testing::DoubleNear(0.6, 1e-12), testing::DoubleEq(0.8), 1.0));
  for (const auto& [low, high] :
       std::vector<std::pair<double, double>>{{-3.7, 12.1}, {1e-9, 3e-9}, {-5e6, -4.9e6}}) {
    const std::vector<double> marks = ticks(low, high, 5);
    ASSERT_GE(marks.size(), 2u);
    EXPECT_LE(marks.size(), 7u);
    const double step = marks[1] - marks[0];
    const double digit = step / std::pow(10.0, std::floor(std::log10(step) + 1e-9));
    EXPECT_NEAR(std::min({std::abs(digit - 1), std::abs(digit - 2), std::abs(digit - 5)}), 0.0, 1e-6);
    EXPECT_GE(marks.front(), low - 1e-9 * step);
    EXPECT_LE(marks.back(), high + 1e-6 * step);
  }
}

TEST(ChartTest, ARangeWithoutExtentHasOneMark) {
  EXPECT_THAT(ticks(2.0, 2.0, 5), ElementsAre(2.0));
  EXPECT_THAT(ticks(0.0, INFINITY, 5), ElementsAre(0.0));
}

TEST(ChartTest, NumbersReadAsPeopleWriteThem) {
  EXPECT_EQ(tick_text(0.25), "0.25");
  EXPECT_EQ(tick_text(-3.0), "−3");
  EXPECT_EQ(tick_text(-0.0), "0");
  EXPECT_EQ(tick_text(1e-5), "10⁻⁵");
  EXPECT_EQ(tick_text(-2e-5), "−2·10⁻⁵");
  EXPECT_EQ(tick_text(5e12), "5·10¹²");
  EXPECT_EQ(number_text(1.23456789, 3), "1.23");
  EXPECT_EQ(raised_powers("KL 2.965e-05 nats, 1e+20; the 3e of it, e-5"),
            "KL 2.965·10⁻⁵ nats, 1·10²⁰; the 3e of it, e-5");
  EXPECT_EQ(percent_text(0.0345), "3.5 %");
}

TEST(ChartTest, WhatIsNotANumberIsLeftOut) {
  const std::string svg =
      line_chart({{"a", {1, 2, 3, 4}, {1.0, NAN, INFINITY, 2.0}}}, {"description", "x", "y"});
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  ChartOptions logarithmic;
  logarithmic.logarithmic = true;
  EXPECT_THAT(line_chart({{"a", {1}, {-1.0}}}, {"empty", "x", "y"}, logarithmic),
              HasSubstr("nothing to draw"));
}

TEST(ChartTest, CornersOfTheRangeAreCornersOfTheFrame) {
  const Matrix<float> points(2, 2, {0.0F, 10.0F, 5.0F, 20.0F});
  const Ranges ranges = ranges_of({points});
  EXPECT_THAT(ranges.low, ElementsAre(0.0, 10.0));
  EXPECT_THAT(ranges.high, ElementsAre(5.0, 20.0));
  const std::string svg = plane_chart({points, {}}, ranges, "two");
  const std::size_t at = svg.find("d=\"M");
  ASSERT_NE(at, std::string::npos);
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  ASSERT_EQ(std::sscanf(svg.c_str() + at, "d=\"M%lf %lfh0M%lf %lfh0", &x1, &y1, &x2, &y2), 4);
  EXPECT_LT(x1, x2);  // to the right
  EXPECT_GT(y1, y2);  // and up, which is less in pixels
}

TEST(ChartTest, InSpaceEveryPointOfTheRangeIsInThePicture) {
  std::vector<float> corners;
  for (int c = 0; c < 8; ++c)
    for (int axis = 0; axis < 3; ++axis) corners.push_back(static_cast<float>(c >> axis & 1));
  const Matrix<float> points(8, 3, corners);
  const std::string svg = space_chart({points, {}}, ranges_of({points}), {"x1", "x2", "x3"}, "a cube");
  const char* at = svg.c_str() + svg.find("d=\"M") + 3;
  int found = 0;
  double x = 0, y = 0;
  for (int length = 0; std::sscanf(at, "M%lf %lfh0%n", &x, &y, &length) == 2; at += length) {
    ++found;
    EXPECT_GT(x, 0.0);
    EXPECT_LT(x, 320.0);
    EXPECT_GT(y, 0.0);
    EXPECT_LT(y, 320.0);
  }
  EXPECT_EQ(found, 8);
}

TEST(ChartTest, WhatLiesBeyondTheFrameIsCountedAndNotDrawn) {
  const Matrix<float> points(4, 3, {0.5F, 0.5F, 0.5F, 2.0F, 0.5F, 0.5F, 0.5F, 0.5F, -0.1F, 0.0F, 1.0F, 1.0F});
  const Ranges unit{{0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}};
  EXPECT_DOUBLE_EQ(share_beyond(points, unit, 3), 0.5);
  EXPECT_DOUBLE_EQ(share_beyond(points, unit, 2), 0.25);
  const std::string svg = space_chart({points, {}}, unit, {"x1", "x2", "x3"}, "four");
  std::size_t dots = 0;
  for (std::size_t at = svg.find("h0"); at != std::string::npos; at = svg.find("h0", at + 1)) ++dots;
  EXPECT_EQ(dots, 2u);
}

TEST(ChartTest, LongDataAreThinned) {
  const Matrix<float> points(5000, 2, 1.0F);
  const std::string svg = plane_chart({points, {}, 1000}, ranges_of({points}), "many");
  std::size_t dots = 0;
  for (std::size_t at = svg.find("h0"); at != std::string::npos; at = svg.find("h0", at + 1)) ++dots;
  EXPECT_EQ(dots, 1000u);
}

TEST(ChartTest, GreyDotsAreThoseInNoMode) {
  const Matrix<float> points(3, 2, {0.0F, 0.0F, 1.0F, 1.0F, 2.0F, 2.0F});
  const std::vector<std::int32_t> labels = {-1, 0, 13};
  const std::string svg = plane_chart({points, labels}, ranges_of({points}), "three");
  const auto dots_of = [&](const std::string& css_class) {
    const std::size_t at = svg.find("class=\"" + css_class + "\" d=\"");
    if (at == std::string::npos) return std::size_t{0};
    const std::string path = svg.substr(at, svg.find("/>", at) - at);
    std::size_t dots = 0;
    for (std::size_t i = path.find("h0"); i != std::string::npos; i = path.find("h0", i + 1)) ++dots;
    return dots;
  };
  EXPECT_EQ(dots_of("dots far"), 1u);
  EXPECT_EQ(dots_of("dots mode-0"), 1u);
  EXPECT_EQ(dots_of("dots mode-3"), 1u);  // ten colours
}

TEST(SvgTest, TextIsEscaped) {
  EXPECT_EQ(escape_markup("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  Svg svg(10, 10, "\"><script>");
  svg.text(0, 0, Anchor::start, "<b>", "label");
  EXPECT_THAT(svg.str(), Not(HasSubstr("<script>")));
  EXPECT_THAT(svg.str(), Not(HasSubstr("<b>")));
}

TEST(SvgTest, WhatIsNoTextOfXmlIsReplaced) {
  EXPECT_EQ(escape_markup("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"), "gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80");
  const std::string replacement = "\xEF\xBF\xBD";
  EXPECT_EQ(escape_markup("a\xFFz"), "a" + replacement + "z");         // no UTF-8 at all
  EXPECT_EQ(escape_markup("\xC3"), replacement);                       // cut off
  EXPECT_EQ(escape_markup("\x01"), replacement);                       // a control character
  EXPECT_EQ(escape_markup("\xC0\xAF"), replacement + replacement);     // overlong
  EXPECT_EQ(escape_markup("\xED\xA0\x80").substr(0, 3), replacement);  // half of a surrogate pair
}

TEST(SvgTest, LongNamesAreCutBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "ab\xE2\x80\xA6");
  EXPECT_EQ(shortened("\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F", 3), "\xC3\xA4\xC3\xB6\xE2\x80\xA6");
}

TEST(SvgTest, CoordinatesAreTenths) {
  Svg svg(10, 10, "a curve");
  svg.begin_curve();
  svg.curve_to(-0.04, 0.06);
  svg.curve_to(-1.26, 1e6);
  svg.end_curve("series-0");
  EXPECT_THAT(svg.str(), HasSubstr("d=\"M0 0.1L-1.3 1000000\""));
}

TEST(SvgTest, AFileOfItsOwnHasItsColours) {
  Svg svg(10, 10, "a line");
  svg.line(0, 0, 1, 1, "series-0");
  const std::string file = standalone_svg(svg.str());
  EXPECT_THAT(file, testing::StartsWith("<?xml"));
  EXPECT_THAT(file, HasSubstr(".series-0 { stroke: #0072b2"));
  EXPECT_THAT(file, Not(HasSubstr("var(")));
}

}  // namespace
}  // namespace gmmvae
