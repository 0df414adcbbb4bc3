#include "host/report/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "host/report/svg.hpp"
#include "report_assets.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

/// Nothing may be fetched: not by this page, and not by a name in it that got past the escaping.
constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

std::string cells(const std::vector<std::string>& texts, std::string_view tag) {
  std::string out;
  for (const std::string& text : texts) out += fmt::format("<{0}>{1}</{0}>", tag, escape_markup(text));
  return out;
}

/// A name that is one in every file system, and no other picture's.
std::string file_name(std::string_view name, const std::vector<Picture>& taken) {
  std::string plain;
  for (const char c : name) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    plain += kept ? c : '_';
  }
  plain.resize(std::min<std::size_t>(plain.size(), 80));
  std::string out = plain;
  const auto is_taken = [&](const Picture& picture) { return picture.name == out; };
  for (int n = 2; std::any_of(taken.begin(), taken.end(), is_taken); ++n)
    out = fmt::format("{}-{}", plain, n);
  return out;
}

std::string style() {
  return fmt::format(
      ":root {{ color-scheme: light dark;\n{}}}\n@media screen and (prefers-color-scheme: dark) {{ :root "
      "{{\n{}}} }}\n{}{}",
      kAssetLightCss, kAssetDarkCss, kAssetPictureCss, kAssetPageCss);
}

}  // namespace

std::string paragraph(std::string_view text, std::string_view css_class) {
  return fmt::format("<p{}>{}</p>\n", css_class.empty() ? "" : fmt::format(" class=\"{}\"", css_class),
                     escape_markup(text));
}

std::string side_by_side(std::string_view elements) {
  return fmt::format("<div class=\"row\">\n{}</div>\n", elements);
}

HtmlTable::HtmlTable(const std::vector<std::string>& header)
    : text_("<div class=\"scroll\"><table>\n<thead><tr>" + cells(header, "th") + "</tr></thead>\n<tbody>\n") {
}

void HtmlTable::row(const std::vector<std::string>& texts, bool loud) {
  text_ += fmt::format("<tr{}>{}</tr>\n", loud ? " class=\"loud\"" : "", cells(texts, "td"));
}

std::string HtmlTable::str() const {
  return text_ + "</tbody>\n</table></div>\n";
}

Page::Page(std::string title, std::string heading, std::string about)
    : title_(std::move(title)), heading_(std::move(heading)), about_(std::move(about)) {}

std::string Page::figure(std::string_view name, const std::string& svg, std::string_view caption,
                         std::string_view attributes) {
  double width = 320;
  if (svg.starts_with("<svg ")) {
    pictures_.push_back({file_name(name, pictures_), svg});
    const std::size_t at = svg.find(" width=\"");
    if (at != std::string::npos) width = std::stod(svg.substr(at + 8));
  }
  return fmt::format(
      "<figure{}{} style=\"width:{}px\">\n{}{}</figure>\n", attributes.empty() ? "" : " ", attributes,
      std::max(width, 240.0), svg,
      caption.empty() ? "" : fmt::format("<figcaption>{}</figcaption>\n", escape_markup(caption)));
}

void Page::section(std::string_view id, std::string_view label, std::string_view heading,
                   std::string_view body) {
  contents_ += fmt::format("<a href=\"#{}\">{}</a>\n", id, escape_markup(label));
  body_ += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", id, escape_markup(heading), body);
}

std::string Page::html() const {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n<link rel=\"icon\" href=\"data:,\">\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<header>\n<h1>{}</h1>\n"
      "<p class=\"kicker\">{}</p>\n</header>\n",
      kPolicy, escape_markup(title_), style(), escape_markup(heading_), escape_markup(about_));
  out += introduction_;
  if (!contents_.empty()) out += fmt::format("<nav aria-label=\"Contents\">\n{}</nav>\n", contents_);
  out += fmt::format(
      "<main>\n{}</main>\n<footer>Made by gmmvae {}. This page is one file and needs no network.</footer>\n",
      body_, kVersion);
  for (const std::string& script : scripts_) out += fmt::format("<script>\n{}</script>\n", script);
  return out + "</body>\n</html>\n";
}

}  // namespace gmmvae
