#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/mixture.hpp"
#include "host/app/drawing.hpp"
#include "host/app/files.hpp"
#include "host/app/verbs.hpp"
#include "host/config/builders.hpp"
#include "host/io/dataset_file.hpp"

namespace gmmvae {
namespace {

using nlohmann::ordered_json;

/// What is exactly known of the mixture's entropy, in nats: no model can reach a mean log-likelihood above
/// minus this. Parts that would take more than about a second are left out.
struct EntropyFacts {
  std::optional<Estimate> estimate;
  std::size_t draws = 0;
  std::optional<double> lower, upper;
};

EntropyFacts entropy_facts(const Mixture& mixture, std::uint64_t seed) {
  constexpr double work = 5e8;  // multiplications
  constexpr double fewest = 100, most = 20000;
  const auto components = static_cast<double>(mixture.components()), dim = static_cast<double>(mixture.dim());
  EntropyFacts facts;
  // One density solves a triangular system for each component; a pair of components takes up to D of them.
  const double affordable = work / (components * (10.0 + dim * dim));
  if (affordable >= fewest) {
    facts.draws = static_cast<std::size_t>(std::min(affordable, most));
    facts.estimate = mixture.entropy(facts.draws, seed);
  }
  if (components * components * (10.0 + dim * dim * dim) <= work) {
    facts.lower = mixture.entropy_lower_bound();
    facts.upper = mixture.entropy_upper_bound();
  }
  return facts;
}

std::vector<std::uint64_t> points_per_component(const Dataset& data) {
  std::vector<std::uint64_t> counts(data.mixture->components());
  for (const std::int32_t label : data.labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

ordered_json number_or_null(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json generated_json(const Settings& settings, const std::string& out, const Dataset& data,
                            const std::vector<std::uint64_t>& counts, const EntropyFacts& entropy) {
  ordered_json object;
  object["out"] = out;
  object["mixture_file"] = out.ends_with(".npz") ? ordered_json(nullptr) : ordered_json(mixture_path(out));
  object["samples"] = data.x.rows();
  object["dim"] = data.x.cols();
  object["components"] = counts.size();
  object["seed"] = settings.count("seed");
  object["weights"] = data.mixture->weights();
  object["points_per_component"] = counts;
  object["entropy"] = entropy.estimate ? ordered_json(entropy.estimate->value) : ordered_json(nullptr);
  object["entropy_error"] =
      entropy.estimate ? ordered_json(entropy.estimate->standard_error) : ordered_json(nullptr);
  object["entropy_draws"] = entropy.draws;
  object["entropy_lower_bound"] = number_or_null(entropy.lower);
  object["entropy_upper_bound"] = number_or_null(entropy.upper);
  return object;
}

void print_generated(const Console& console, const Dataset& data, const EntropyFacts& entropy) {
  console.print(fmt::format("{} points in {} dimensions from a mixture of {} Gaussians", data.x.rows(),
                            data.x.cols(), data.mixture->components()));
  if (entropy.estimate)
    console.print(
        fmt::format("entropy of the mixture: {:.4f} ± {:.4f} nats per point ({} draws); no model's "
                    "log-likelihood can exceed minus this",
                    entropy.estimate->value, entropy.estimate->standard_error, entropy.draws));
  if (entropy.lower)
    console.print(fmt::format("it lies between {:.4f} and {:.4f} nats (Kolchinsky and Tracey's bounds)",
                              *entropy.lower, *entropy.upper));
}

void warn_of_empty_components(const Console& console, const std::vector<std::uint64_t>& counts) {
  const auto empty = std::count(counts.begin(), counts.end(), 0u);
  if (empty > 0)
    console.warn(fmt::format("{} of {} components have no point: take more --samples", empty, counts.size()));
}

/// Points are kept in single precision: far from the origin that may be coarser than a component is wide.
void warn_of_coarse_points(const Console& console, const Dataset& data) {
  double largest = 0.0, narrowest = std::numeric_limits<double>::infinity();
  for (const float value : data.x.values())
    largest = std::max(largest, std::fabs(static_cast<double>(value)));
  for (std::size_t k = 0; k < data.mixture->components(); ++k) {
    const Matrix<double>& lower = data.mixture->cholesky(k);
    for (std::size_t d = 0; d < lower.rows(); ++d) narrowest = std::min(narrowest, lower(d, d));
  }
  const double rounding = largest * std::numeric_limits<float>::epsilon();
  if (rounding > 0.1 * narrowest)
    console.warn(fmt::format(
        "the points are rounded to steps of up to {:.2g}, but a component is only {:.2g} wide: take "
        "means closer to the origin or wider components",
        rounding, narrowest));
}

}  // namespace

int run_generate(const Settings& settings, Console& console) {
  const std::string out = writable_path(settings, "out", ".npz .npy .csv");
  const Dataset data = drawn_dataset(settings);
  save_dataset(out, data);
  const std::vector<std::uint64_t> counts = points_per_component(data);
  const EntropyFacts entropy = entropy_facts(*data.mixture, settings.count("seed"));
  warn_of_empty_components(console, counts);
  warn_of_coarse_points(console, data);
  console.say(out.ends_with(".npz") ? fmt::format("wrote {}", out)
                                    : fmt::format("wrote {} and {}", out, mixture_path(out)));
  print_generated(console, data, entropy);
  console.result(generated_json(settings, out, data, counts, entropy));
  return 0;
}

}  // namespace gmmvae
