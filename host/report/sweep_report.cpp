#include "host/report/sweep_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/report/axes.hpp"
#include "host/report/svg.hpp"
#include "host/report/sweep_pictures.hpp"
#include "host/report/sweep_table.hpp"
#include "host/study/commands.hpp"
#include "host/sweep/folder.hpp"
#include "report_assets.hpp"

namespace gmmvae {
namespace {

/// Rows of the table: all of a small sweep, else the best and a choice of the rest.
constexpr std::size_t kMostRows = 2000, kBestRows = 500, kMostFailures = 50;
/// As page.css has it.
constexpr std::size_t kPrintedRows = 40;

std::string number(double value) {
  return std::isfinite(value) ? true_minus(fmt::format("{:.5g}", value)) : "–";
}

std::string percent(std::size_t part, std::size_t whole) {
  return fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::size_t count_if_value(const std::vector<double>& values, double wanted) {
  return static_cast<std::size_t>(std::count(values.begin(), values.end(), wanted));
}

std::string plural(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// "lr 0.001, beta 4", of the axes that vary.
std::string place_of(const SweepTable& table, std::size_t i) {
  std::vector<std::string> parts;
  for (std::size_t a = 0; a < table.axes.size(); ++a)
    parts.push_back(
        fmt::format("{} {}", table.axes[a].key, short_value(table.axes[a].values[table.at[a][i]])));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string answer(const SweepTable& table, const SweepView& view, bool all_known) {
  const std::size_t done = table.counts.done;
  if (done == 0)
    return paragraph(all_known ? "No trial of this sweep has come to its end yet."
                               : "No finished trial can be read at this moment.",
                     "lead");
  const std::size_t all = count_if_value(table.values[kModesMetric], 1.0),
                    collapsed = count_if_value(table.values[kCollapsedMetric], 1.0);
  std::string text =
      fmt::format("Of {}, {} kept every mode ({}) and {} collapsed ({}).", plural(done, "finished trial"),
                  all, percent(all, done), collapsed, percent(collapsed, done));
  if (!view.by_importance.empty() && view.importance[view.by_importance.front()] > 0.02) {
    std::vector<std::string> said;
    for (const std::size_t axis : view.by_importance)
      if (said.size() < 3 && view.importance[axis] > 0.02)
        said.push_back(fmt::format("{}{} {:.0f} %", table.axes[axis].key, said.empty() ? " explains" : "",
                                   100.0 * view.importance[axis]));
    text += fmt::format(" Of the variance of “{}”, {}.", view.about().name, fmt::join(said, ", "));
  } else if (done > 1) {
    text += " No axis alone explains what varies.";
  }
  return paragraph(text, "lead");
}

std::string headline(const std::string& value, const std::string& what) {
  return fmt::format("<div><b>{}</b>{}</div>\n", escape_markup(value), escape_markup(what));
}

std::string trial_card(const SweepPlan& plan, const SweepTable& table, std::size_t i,
                       const std::string& title) {
  const TrialRecord& r = *table.records[i];
  std::string figures =
      headline(fmt::format("{} of {}", r.modes_captured, r.modes_total), "modes kept") +
      headline(fmt::format("{:.1f} %", 100.0 * r.high_quality), "of samples within a mode") +
      headline(number(r.elbo), "ELBO, nats per point") + headline(number(r.kl), "KL, nats");
  const Settings settings = plan.settings_of(table.trial[i]);
  return fmt::format(
      "<div class=\"card\">\n<h3>{}<span class=\"badge {}\">{}</span></h3>\n{}<div "
      "class=\"figures\">\n{}</div>\n"
      "<pre>{}</pre>\n</div>\n",
      escape_markup(title), escape_markup(r.found), escape_markup(r.found),
      paragraph(place_of(table, i), "note"), figures,
      escape_markup(generate_command(settings) + "\n" + train_command(settings, "model")));
}

void add_extremes(Page& page, const SweepPlan& plan, const SweepView& view) {
  if (view.order.empty()) return;
  const SweepTable& table = *view.table;
  std::string cards = trial_card(plan, table, view.order.front(), "The best");
  if (view.order.size() > 2)
    cards += trial_card(plan, table, view.order[view.order.size() / 2], "The median");
  if (view.order.size() > 1) cards += trial_card(plan, table, view.order.back(), "The worst");
  page.section(
      "extremes", "Best, median, worst", "The best, the median and the worst trial",
      fmt::format("<div class=\"cards\">\n{}</div>\n", cards) +
          paragraph(
              fmt::format(
                  "By {}; between equals the share of samples within a mode decides, then the ELBO. The "
                  "commands repeat each to the digit.",
                  view.about().name),
              "note"));
}

/// Positions within the ranking that the table shows.
std::vector<std::size_t> shown_ranks(std::size_t trials) {
  std::vector<std::size_t> ranks;
  if (trials <= kMostRows) {
    for (std::size_t r = 0; r < trials; ++r) ranks.push_back(r);
    return ranks;
  }
  for (std::size_t r = 0; r < kBestRows; ++r) ranks.push_back(r);
  const std::size_t rest = kMostRows - kBestRows;
  for (std::size_t r = 0; r < rest; ++r)
    ranks.push_back(kBestRows + (r * (trials - 1 - kBestRows) + (rest - 1) / 2) / (rest - 1));
  return ranks;
}

std::string cells(const std::vector<std::string>& texts, const char* tag) {
  std::string out;
  for (const std::string& text : texts) out += fmt::format("<{0}>{1}</{0}>", tag, escape_markup(text));
  return out;
}

/// A value of an axis in short, with the whole of it for scripts and for those who point at it.
std::string value_cell(const std::string& value) {
  const std::string brief = escape_markup(short_value(value)), whole = escape_markup(value);
  return brief == whole ? fmt::format("<td>{}</td>", whole)
                        : fmt::format("<td data-v=\"{0}\" title=\"{0}\">{1}</td>", whole, brief);
}

std::string trial_rows(const SweepView& view, const std::vector<std::size_t>& ranks) {
  const SweepTable& table = *view.table;
  std::string out;
  for (const std::size_t rank : ranks) {
    const std::size_t i = view.order[rank];
    const TrialRecord& r = *table.records[i];
    out += fmt::format("<tr><td>{}</td>", rank + 1);
    for (std::size_t a = 0; a < table.axes.size(); ++a)
      out += value_cell(table.axes[a].values[table.at[a][i]]);
    std::vector<std::string> row;
    row.push_back(fmt::format("{} of {}", r.modes_captured, r.modes_total));
    for (const double value : {100.0 * r.high_quality, r.elbo, r.kl, r.decoder_variance, r.loss})
      row.push_back(number(value));
    row.push_back(fmt::format("{}", r.active_units));
    for (std::size_t m = kCommonMetrics; m < table.metrics.size(); ++m)
      row.push_back(number(table.values[m][i]));
    row.push_back(r.predicted);
    row.push_back(r.found);
    out += cells(row, "td") + "</tr>\n";
  }
  return out;
}

/// Keys of the axes that a verb reads, as JSON inside an attribute.
std::string keys_read_by(const SweepTable& table, std::string_view verb) {
  nlohmann::json keys = nlohmann::json::array();
  for (const SweepAxis& axis : table.axes)
    if (verb.empty() || find_option(verb, axis.key) != nullptr) keys.push_back(axis.key);
  return escape_markup(keys.dump());
}

std::string row_command(const SweepPlan& plan, const SweepTable& table) {
  CommandGap gap;
  for (const SweepAxis& axis : table.axes) gap.keys.push_back(axis.key);
  gap.text = "{{axes}}";
  const Settings settings = plan.settings_of(table.trial.front());
  return fmt::format(
      "<pre class=\"row-command\" hidden data-axes=\"{}\" data-generate-keys=\"{}\" data-train-keys=\"{}\" "
      "data-generate=\"{}\" data-train=\"{}\"></pre>\n",
      keys_read_by(table, ""), keys_read_by(table, "generate"), keys_read_by(table, "train"),
      escape_markup(generate_command(settings, gap)), escape_markup(train_command(settings, "model", gap)));
}

void add_table(Page& page, const SweepPlan& plan, const SweepView& view) {
  if (view.order.empty()) return;
  const SweepTable& table = *view.table;
  const std::vector<std::size_t> ranks = shown_ranks(view.order.size());
  std::vector<std::string> head = {"rank"};
  for (const SweepAxis& axis : table.axes) head.push_back(axis.key);
  for (const char* name :
       {"modes kept", "within a mode, %", "ELBO, nats", "KL, nats", "decoder variance", "loss", "active"})
    head.emplace_back(name);
  for (std::size_t m = kCommonMetrics; m < table.metrics.size(); ++m) head.push_back(table.metrics[m].brief);
  head.insert(head.end(), {"predicted", "found"});
  std::string notes =
      "<p class=\"note table-help\" hidden>Click a heading to sort, a row for the command that repeats "
      "it.</p>\n";
  if (ranks.size() < view.order.size())
    notes += paragraph(
        fmt::format(
            "{} of {} finished trials: the best {} and the rest evenly over their ranks; gmmvae sweep "
            "collect writes all of them.",
            ranks.size(), view.order.size(), kBestRows),
        "note");
  if (ranks.size() > kPrintedRows)
    notes += paragraph(fmt::format("On paper the first {} of them.", kPrintedRows), "note on-paper");
  page.script(kAssetTableJs);
  page.section("trials", "Trials", "The trials",
               notes + row_command(plan, table) +
                   fmt::format("<div class=\"scroll tall\"><table "
                               "class=\"sortable\">\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n"
                               "</table></div>\n",
                               cells(head, "th"), trial_rows(view, ranks)));
}

void add_failures(Page& page, const SweepPlan& plan, const SweepTable& table) {
  if (table.counts.failed == 0) return;
  HtmlTable rows({"trial", "after epoch", "why"});
  std::string commands;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const TrialRecord& r = *table.records[i];
    if (!failed(r.status)) continue;
    if (shown++ >= kMostFailures) continue;
    rows.row({place_of(table, i), fmt::format("{}", r.epochs), r.why});
    const Settings settings = plan.settings_of(table.trial[i]);
    if (shown == 1) commands = generate_command(settings) + "\n" + train_command(settings, "model");
  }
  std::string note =
      fmt::format("{} did not come to {} end. They are in no mean and in no picture.",
                  plural(table.counts.failed, "trial"), table.counts.failed == 1 ? "its" : "their");
  if (table.counts.failed > kMostFailures)
    note += fmt::format(" The first {} are listed; gmmvae sweep collect writes all of them.", kMostFailures);
  page.section("failures", "Failures", "What failed",
               paragraph(note) + rows.str() + paragraph("The first of them again:", "note") +
                   fmt::format("<pre>{}</pre>\n", escape_markup(commands)));
}

void add_settings(Page& page, const SweepPlan& plan) {
  page.section(
      "settings", "Settings", "The sweep's specification",
      fmt::format(
          "<pre>{}</pre>\n",
          escape_markup(
              "# the whole sweep again, in a new folder\ngmmvae sweep run sweep.toml --out DIR\n"
              "# every trial as a table\ngmmvae sweep collect . --out results.csv\n# this page again\n"
              "gmmvae report .\n")) +
          paragraph("Commands are for the folder of this page. Below is its sweep.toml.", "note") +
          fmt::format("<pre>{}</pre>\n", escape_markup(plan.to_toml())));
}

std::string about(const SweepTable& table) {
  std::vector<std::string> axes;
  for (const SweepAxis& axis : table.axes)
    axes.push_back(fmt::format("{} ({})", axis.key, axis.values.size()));
  const std::string pruned =
      table.counts.pruned == 0 ? "" : fmt::format(" {} given up early,", table.counts.pruned);
  return fmt::format("{}: {} done, {} failed,{} {} missing{}", plural(table.counts.trials, "trial"),
                     table.counts.done, table.counts.failed, pruned, table.counts.missing,
                     axes.empty() ? "" : fmt::format("; axes and their values: {}", fmt::join(axes, ", ")));
}

std::size_t metric_index(const std::vector<SweepMetric>& metrics, const std::string& key) {
  std::vector<std::string> keys;
  for (const SweepMetric& metric : metrics) {
    if (metric.key == key) return keys.size();
    keys.push_back(metric.key);
  }
  throw UsageError(
      fmt::format("this sweep was run without --metrics {}: its figures are {}", key, fmt::join(keys, ", ")));
}

}  // namespace

Page sweep_report(const SweepPlan& plan, const SweepResults& results, const std::string& metric) {
  const SweepTable table = sweep_table(plan, results);
  const SweepView view = sweep_view(table, metric_index(table.metrics, metric));
  Page page("gmmvae: sweep", "Where do the models keep their modes?", about(table));
  page.introduce(answer(table, view, results.busy.empty()));
  for (const std::string& busy : results.busy)
    page.introduce(
        paragraph(fmt::format("{} was in use when this page was made, and is left out.", busy), "note"));
  add_extremes(page, plan, view);
  if (!view.order.empty() && !table.axes.empty()) {
    page.section("importance", "Importance", "Which axis matters", importance_picture(page, view));
    page.section("marginals", "Marginals", "Each axis alone", sweep_marginals(page, view));
    const std::string maps = sweep_heat_maps(page, view);
    if (!maps.empty()) page.section("heat", "Heat maps", "Two axes at a time", maps);
    page.section("parallel-coordinates", "Parallel coordinates", "Trials across all axes",
                 parallel_coordinates(page, view));
  }
  add_table(page, plan, view);
  add_failures(page, plan, table);
  add_settings(page, plan);
  return page;
}

Page sweep_report(const std::filesystem::path& folder, const std::string& metric) {
  return sweep_report(stored_plan(folder), read_results(folder), metric);
}

}  // namespace gmmvae
