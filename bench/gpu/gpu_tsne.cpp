// t-SNE on the CUDA backend through the library: all pairs, interpolation, and a million points and more with
// approximate neighbours. Prints one JSON object; `iterations_per_second` is the descent's alone.

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"

namespace {

using namespace gmmvae;
using Clock = std::chrono::steady_clock;

struct Case {
  std::string name;
  std::size_t points;
  std::size_t dim;
};

constexpr std::size_t kCenters = 20;

/// Points around centres of spread 10, each with variance 1.
Matrix<float> clusters(std::size_t count, std::size_t dim) {
  const RandomStream means(1, Purpose::mixture_means), points(1, Purpose::mixture_point);
  Matrix<float> x(count, dim);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t d = 0; d < dim; ++d)
      x(i, d) = static_cast<float>(10.0 * (2.0 * means.uniform(i % kCenters * dim + d) - 1.0) +
                                   points.normal(i * dim + d));
  return x;
}

std::string run(Backend& backend, const Case& c) {
  const Matrix<float> x = clusters(c.points, c.dim);
  TsneOptions options;
  options.stop_when_converged = false;
  const auto start = Clock::now();
  const Embedding done = backend.embed(x, options);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return fmt::format(
      R"({{"name": "{}", "points": {}, "dim": {}, "iterations": {}, "seconds": {:.4f}, "neighbors": {:.4f}, "affinities": {:.4f}, "start": {:.4f}, "descent": {:.4f}, "iterations_per_second": {:.1f}, "kl_divergence": {:.5f}, "recall": {}}})",
      c.name, c.points, c.dim, done.iterations, seconds, done.seconds.neighbors, done.seconds.affinities,
      done.seconds.start, done.seconds.descent, static_cast<double>(done.iterations) / done.seconds.descent,
      done.kl_divergence, done.recall ? fmt::format("{:.4f}", *done.recall) : "null");
}

}  // namespace

int main() {
  try {
    const auto backend = make_backend({.device = "cuda"});
    const Case cases[] = {{"warm-up", 2000, 10},        {"all pairs", 5000, 50},
                          {"ten thousand", 10000, 50},  {"a hundred thousand", 100000, 50},
                          {"a million", 1000000, 50},   {"the goal: 3 s", 1300000, 50},
                          {"low dimension", 1000000, 2}};
    std::string text;
    for (const Case& c : cases) {
      if (!text.empty()) text += ",\n  ";
      text += run(*backend, c);
      std::fprintf(stderr, "%s done\n", c.name.c_str());
    }
    fmt::print("{{\"device\": \"{}\", \"cases\": [\n  {}]}}\n", backend->description(), text);
  } catch (const Error& error) {
    fmt::print(stderr, "gpu_tsne: {}\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
