#include "host/report/page.hpp"

#include <fmt/format.h>

#include "host/report/svg.hpp"

namespace gmmvae {
namespace {

// Ten hues for components, of like lightness and told apart by most colour-blind readers in pairs.
constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ink: #1c2026; --soft: #5b6470; --line: #d9dde3; --page: #ffffff; --card: #f5f6f8;
  --good: #1a7f4b; --bad: #b3261e; --warn: #8a5a00; --warnback: #fff3d6;
  --s0: #2b62c9; --s1: #c8571b; --s2: #2f8f5b; --s3: #8e4fb8; --s4: #8a7a10; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa4b1; --line: #363c45; --page: #14171b;
  --card: #1d2127; --good: #5fcf95; --bad: #ff8a80; --warn: #ffd27a; --warnback: #3a2e12;
  --s0: #7ba7ff; --s1: #ff9d66; --s2: #6fd49b; --s3: #cf9cf5; --s4: #d8c75a; } }
@media print { :root { color-scheme: light; } section { break-inside: avoid; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 1060px;
  margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 36px 0 8px; } h3 { font-size: 15px; margin: 12px 0 2px; }
.note { color: var(--soft); max-width: 75ch; } p { max-width: 75ch; }
.cards, .row { display: flex; flex-wrap: wrap; gap: 16px; } .row figure { margin: 0; }
.card { background: var(--card); border-radius: 8px; padding: 12px 16px; flex: 1 1 340px; }
.badge { font-weight: 600; } .healthy { color: var(--good); } .collapsed { color: var(--bad); } .partly-collapsed { color: var(--warn); }
.loud { background: var(--warnback); color: var(--warn); font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 3px 12px; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; } th { color: var(--soft); font-weight: 600; }
pre { background: var(--card); padding: 12px; overflow-x: auto; border-radius: 8px; font-size: 13px; }
figcaption { color: var(--soft); font-size: 13px; max-width: 460px; }
svg { max-width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--soft); } svg .frame { fill: none; stroke: var(--line); }
svg path { fill: none; stroke-width: 1.8; } svg .dots { stroke-width: 3; stroke-linecap: round; stroke: var(--s0); stroke-opacity: .75; }
svg .series-0 { stroke: var(--s0); } svg .series-1 { stroke: var(--s1); } svg .series-2 { stroke: var(--s2); }
svg .series-3 { stroke: var(--s3); } svg .series-4 { stroke: var(--s4); } svg line[class^=series] { stroke-width: 2.5; }
svg .bar { fill: var(--s0); fill-opacity: .7; } svg .expected { stroke: var(--s1); stroke-width: 2.5; }
svg .mode-0 { stroke: #2b62c9; } svg .mode-1 { stroke: #e08214; } svg .mode-2 { stroke: #2a9d5c; } svg .mode-3 { stroke: #c4373b; }
svg .mode-4 { stroke: #8e5bc0; } svg .mode-5 { stroke: #8c6a4f; } svg .mode-6 { stroke: #d96fb3; } svg .mode-7 { stroke: #7a8087; }
svg .mode-8 { stroke: #a6a61a; } svg .mode-9 { stroke: #1ba8bd; }
)";

std::string cells(const std::vector<std::string>& texts, std::string_view tag) {
  std::string out;
  for (const std::string& text : texts) out += fmt::format("<{0}>{1}</{0}>", tag, escape_markup(text));
  return out;
}

}  // namespace

std::string html_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
      escape_markup(title), kStyle, body);
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

}  // namespace gmmvae
