#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/clustering.hpp"
#include "gmmvae/error.hpp"
#include "host/app/device.hpp"
#include "host/app/files.hpp"
#include "host/app/verbs.hpp"
#include "host/config/builders.hpp"
#include "host/config/values.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/npy.hpp"
#include "host/io/spelled_number.hpp"
#include "host/vae/names.hpp"

namespace gmmvae {
namespace {

std::size_t parse_count(std::string_view text, const Settings& settings) {
  const auto value = spelled_number<std::size_t>(text);
  if (value.value_or(0) == 0)
    throw UsageError(fmt::format("{} takes a number, a list such as 2,4,8 or a range such as 1..16, not '{}'",
                                 settings.label("k"), settings.text("k")));
  return *value;
}

/// 5, 2,4,8 or 1..16, ascending and each once.
std::vector<std::size_t> cluster_counts(const Settings& settings) {
  std::vector<std::size_t> out;
  for (const std::string& piece : split_list(settings.text("k"))) {
    const std::size_t dots = piece.find("..");
    if (dots == std::string::npos) {
      out.push_back(parse_count(piece, settings));
      continue;
    }
    const std::size_t first = parse_count(std::string_view(piece).substr(0, dots), settings);
    const std::size_t last = parse_count(std::string_view(piece).substr(dots + 2), settings);
    if (last < first || last - first > 10000)
      throw UsageError(
          fmt::format("{} has the range {}, which holds no or too many numbers", settings.label("k"), piece));
    for (std::size_t k = first; k <= last; ++k) out.push_back(k);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

ClusterOptions cluster_options(const Settings& settings) {
  ClusterOptions options;
  options.k = cluster_counts(settings);
  options.method = settings.text("method") == "gmm" ? ClusterMethod::gmm : ClusterMethod::kmeans;
  options.covariance = parse<CovarianceKind>(settings.text("covariance"));
  options.references = settings.count("references");
  options.seed = settings.count("seed");
  return options;
}

std::string cell(const std::optional<double>& value) {
  return value ? fmt::format("{:.4g}", *value) : "-";
}
std::string cell(const std::optional<std::size_t>& value) {
  return value ? fmt::format("{}", *value) : "-";
}

std::string with_error(const std::optional<double>& value, const std::optional<double>& error) {
  return value && error && *error > 0.0 ? fmt::format("{:.4g} ± {:.1g}", *value, *error) : cell(value);
}

void print_analysis(const Console& console, const ClusterAnalysis& analysis, bool labelled) {
  console.print(fmt::format("{:>4}{:>12}{:>20}{:>12}{:>20}{:>12}{:>9}{}", "k", "inertia", "silhouette", "CH",
                            "gap", "BIC", "seconds", labelled ? "     ARI     NMI" : ""));
  for (const ClusterRow& row : analysis.rows) {
    const auto value = row.silhouette ? std::optional(row.silhouette->value) : std::nullopt;
    const auto error = row.silhouette ? std::optional(row.silhouette->standard_error) : std::nullopt;
    std::string line =
        fmt::format("{:>4}{:>12.6g}{:>20}{:>12}{:>20}{:>12}{:>9.3f}", row.k, row.inertia,
                    with_error(value, error), cell(row.calinski_harabasz), with_error(row.gap, row.gap_error),
                    row.bic ? fmt::format("{:.6g}", *row.bic) : "-", row.seconds);
    if (labelled)
      line += fmt::format("{:>8.3f}{:>8.3f}", row.adjusted_rand.value_or(0),
                          row.normalized_information.value_or(0));
    console.print(line);
  }
  console.print(
      fmt::format("chosen k: elbow {}, silhouette {}, Calinski-Harabasz {}, gap {} (argmax {}), BIC {}",
                  cell(analysis.elbow), cell(analysis.silhouette), cell(analysis.calinski_harabasz),
                  cell(analysis.gap), cell(analysis.gap_argmax), cell(analysis.bic)));
}

/// The k whose labels are written: the only one asked for, else what the gap statistic says for k-means and
/// BIC for mixtures.
const ClusterRow& row_to_write(const ClusterAnalysis& analysis, const ClusterOptions& options) {
  if (analysis.rows.size() == 1) return analysis.rows.front();
  const auto k = options.method == ClusterMethod::gmm ? analysis.bic : analysis.gap;
  if (!k)
    throw UsageError(
        "no rule could choose a number of clusters, so there are no labels to write: give one with --k");
  return *std::find_if(analysis.rows.begin(), analysis.rows.end(),
                       [&](const ClusterRow& row) { return row.k == *k; });
}

}  // namespace

int run_cluster(const Settings& settings, Console& console) {
  ClusterOptions options = cluster_options(settings);
  std::string out, labels, centers;
  if (settings.is_set("out")) out = writable_path(settings, "out", ".json");
  if (settings.is_set("labels")) labels = writable_path(settings, "labels", ".npy");
  if (settings.is_set("centers")) centers = writable_path(settings, "centers", ".npy");
  const Dataset data = read_data(settings);
  if (!settings.is_given("k")) std::erase_if(options.k, [&](std::size_t k) { return k > data.x.rows(); });
  const std::unique_ptr<Backend> backend = chosen_backend(settings, console);
  const ClusterAnalysis analysis = cluster(*backend, data.x, data.labels, options);
  const std::string text = clusters_json(analysis);
  if (!labels.empty() || !centers.empty()) {
    const ClusterRow& row = row_to_write(analysis, options);
    if (!labels.empty()) write_npy<std::int32_t>(labels, {row.labels.size()}, row.labels);
    if (!centers.empty())
      write_npy<double>(centers, {row.centers.rows(), row.centers.cols()}, row.centers.values());
    console.say(fmt::format("wrote labels or centres for k = {}", row.k));
  }
  if (!out.empty()) {
    write_file(out, text);
    console.say(fmt::format("wrote {}", out));
  }
  for (const std::string& warning : analysis.warnings) console.warn(warning);
  if (console.json()) {
    write_standard_output(text);
  } else {
    print_analysis(console, analysis, !data.labels.empty());
  }
  return 0;
}

}  // namespace gmmvae
