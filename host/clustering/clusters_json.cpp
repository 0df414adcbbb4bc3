#include <cmath>
#include <nlohmann/json.hpp>

#include "gmmvae/clustering.hpp"
#include "host/io/json_file.hpp"

namespace gmmvae {

namespace {

using Json = nlohmann::ordered_json;

Json number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json count(const std::optional<std::size_t>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json row_json(const ClusterRow& row) {
  Json out;
  out["k"] = row.k;
  out["inertia"] = number(row.inertia);
  out["silhouette"] = row.silhouette ? number(row.silhouette->value) : Json(nullptr);
  out["calinski_harabasz"] = number(row.calinski_harabasz);
  out["gap"] = number(row.gap);
  out["gap_se"] = number(row.gap_error);
  out["bic"] = number(row.bic);
  out["seconds"] = row.seconds;
  if (row.silhouette && row.silhouette->standard_error > 0.0)
    out["silhouette_se"] = row.silhouette->standard_error;
  if (row.adjusted_rand) out["adjusted_rand_index"] = number(row.adjusted_rand);
  if (row.normalized_information) out["normalized_mutual_information"] = number(row.normalized_information);
  return out;
}

// Why something in the table or among the chosen is null.
Json reasons(const ClusterAnalysis& analysis) {
  Json out = Json::object();
  for (const ClusterRow& row : analysis.rows) {
    if (!row.silhouette) out["silhouette"] = "needs at least two clusters that have points";
    if (!row.calinski_harabasz)
      out["calinski_harabasz"] = "needs 2 to N - 1 clusters and points that do not all lie on their centres";
    if (!row.gap) out["gap"] = "needs at least two reference sets and clusters that have some spread";
    if (!row.bic) out["bic"] = "the mixture has a degenerate component, or no column varies";
  }
  if (!analysis.elbow) out["elbow"] = "needs at least three values of k and an inertia that falls";
  return out;
}

}  // namespace

std::string clusters_json(const ClusterAnalysis& analysis) {
  Json out;
  out["k"] = Json::array();
  for (const ClusterRow& row : analysis.rows) out["k"].push_back(row_json(row));
  out["chosen"] = {{"elbow", count(analysis.elbow)},
                   {"silhouette", count(analysis.silhouette)},
                   {"calinski_harabasz", count(analysis.calinski_harabasz)},
                   {"gap", count(analysis.gap)},
                   {"gap_argmax", count(analysis.gap_argmax)},
                   {"bic", count(analysis.bic)}};
  out["warnings"] = analysis.warnings;
  out["absent"] = reasons(analysis);
  if (analysis.gap_points > 0) out["gap_points"] = analysis.gap_points;
  return json_text(out);
}

}  // namespace gmmvae
