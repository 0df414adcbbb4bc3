#include "host/sweep/pruning.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gmmvae {
namespace {

/// The ELBO after each of the first epochs.
std::vector<double> elbos(const History& history, std::uint64_t epochs, bool held_out) {
  std::vector<double> values(epochs);
  for (std::size_t e = 0; e < epochs; ++e)
    values[e] = held_out ? history.elbo_validation(e) : history.elbo(e);
  return values;
}

/// Of an even number of values, the mean of the two in the middle.
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

std::vector<bool> best_share(const std::vector<double>& now, std::uint64_t factor) {
  std::vector<std::size_t> order(now.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return now[a] > now[b]; });
  order.resize((now.size() + factor - 1) / factor);
  std::vector<bool> kept(now.size(), false);
  for (const std::size_t i : order) kept[i] = true;
  return kept;
}

}  // namespace

std::vector<std::uint64_t> pruning_epochs(const Pruning& pruning, std::uint64_t epochs) {
  std::vector<std::uint64_t> after;
  if (pruning.rule == PruningRule::none) return after;
  for (std::uint64_t epoch = pruning.first_epoch; epoch < epochs; epoch *= pruning.factor) {
    after.push_back(epoch);
    if (epoch > epochs / pruning.factor) break;
  }
  return after;
}

std::vector<bool> surviving(const Pruning& pruning, std::uint64_t epoch,
                            const std::vector<const History*>& histories) {
  const bool held_out = std::all_of(histories.begin(), histories.end(), [&](const History* history) {
    return !std::isnan(history->elbo_validation(epoch - 1));
  });
  std::vector<double> now, best, average;
  for (const History* history : histories) {
    const std::vector<double> values = elbos(*history, epoch, held_out);
    now.push_back(values.back());
    best.push_back(*std::max_element(values.begin(), values.end()));
    average.push_back(std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(epoch));
  }
  if (histories.empty() || pruning.rule == PruningRule::none)
    return std::vector<bool>(histories.size(), true);
  if (pruning.rule == PruningRule::halving) return best_share(now, pruning.factor);
  const double middle = median(average);
  std::vector<bool> kept(best.size());
  for (std::size_t i = 0; i < best.size(); ++i) kept[i] = best[i] >= middle;
  return kept;
}

}  // namespace gmmvae
