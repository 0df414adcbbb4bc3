#include <cmath>
#include <map>
#include <utility>

#include "gmmvae/clustering.hpp"
#include "gmmvae/error.hpp"

namespace gmmvae {

namespace {

/// How many points have each pair of labels, and each label on either side.
struct Contingency {
  std::map<std::pair<std::int32_t, std::int32_t>, double> both;
  std::map<std::int32_t, double> left, right;
  double total = 0.0;

  Contingency(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
    if (a.size() != b.size() || a.empty())
      throw UsageError("two labellings can only be compared where both have a label for every point");
    for (std::size_t i = 0; i < a.size(); ++i) {
      both[{a[i], b[i]}] += 1.0;
      left[a[i]] += 1.0;
      right[b[i]] += 1.0;
    }
    total = static_cast<double>(a.size());
  }
};

template <class Map>
double sum_of_pairs(const Map& counts) {
  double sum = 0.0;
  for (const auto& [key, count] : counts) sum += 0.5 * count * (count - 1.0);
  return sum;
}

template <class Map>
double entropy(const Map& counts, double total) {
  double sum = 0.0;
  for (const auto& [key, count] : counts) sum -= count / total * std::log(count / total);
  return sum;
}

}  // namespace

double adjusted_rand_index(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  const Contingency table(a, b);
  const double together = sum_of_pairs(table.both), left = sum_of_pairs(table.left),
               right = sum_of_pairs(table.right);
  const double all = 0.5 * table.total * (table.total - 1.0);
  const double expected = all > 0.0 ? left * right / all : 0.0;
  const double largest = 0.5 * (left + right);
  return largest == expected ? 1.0 : (together - expected) / (largest - expected);
}

double normalized_mutual_information(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  const Contingency table(a, b);
  const double left = entropy(table.left, table.total), right = entropy(table.right, table.total);
  if (left + right == 0.0) return 1.0;
  const double information = left + right - entropy(table.both, table.total);
  return std::max(information, 0.0) / (0.5 * (left + right));
}

}  // namespace gmmvae
