// Training on the CUDA backend through the library: one small model, sweeps of it, and wide models alone.
// Prints one JSON object; `fp32_tflops` counts the multiply-adds of the products alone. An argument leaves only
// the cases whose names contain it.

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"

namespace {

using namespace gmmvae;
using Clock = std::chrono::steady_clock;

struct Case {
  std::string name;
  std::vector<std::size_t> hidden;
  std::size_t models;
  std::size_t batch;
  std::size_t epochs;
};

/// Operations of one training pass over a point: forward, weight gradients, and input gradients but the first
/// layer's.
double operations(const Architecture& architecture) {
  double products = 0;
  bool first = true;
  for (const auto& layers : {encoder_layers(architecture), decoder_layers(architecture)}) {
    for (const DenseShape& layer : layers) {
      products += (first ? 2.0 : 3.0) * static_cast<double>(layer.in * layer.out);
      first = false;
    }
  }
  return 2.0 * products;
}

std::string run(Backend& backend, const Case& c, const std::vector<float>& points) {
  std::vector<TrainingJob> jobs;
  for (std::size_t m = 0; m < c.models; ++m) {
    TrainingJob job;
    job.architecture = {.data_dim = 3, .latent = 2, .encoder_hidden = c.hidden, .decoder_hidden = c.hidden};
    job.config.epochs = c.epochs;
    job.config.batch = c.batch;
    job.data = {points.data(), points.size() / 3, 3};
    job.model = static_cast<std::uint32_t>(m);
    job.state = initial_state(job, Initialization::linear);
    jobs.push_back(std::move(job));
  }
  const Architecture architecture = jobs.front().architecture;
  const auto start = Clock::now();
  backend.train(jobs, {});
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const double visits = static_cast<double>(c.models * c.epochs * (points.size() / 3));
  return fmt::format(
      R"({{"name": "{}", "models": {}, "batch": {}, "epochs": {}, "seconds": {:.4f}, "models_per_second": {:.1f}, "fp32_tflops": {:.2f}, "loss": {:.5f}, "how": "{}"}})",
      c.name, c.models, c.batch, c.epochs, seconds, static_cast<double>(c.models) / seconds,
      1e-12 * visits * operations(architecture) / seconds, jobs.front().state.history.loss(c.epochs - 1),
      backend.training_method());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "";
  try {
    const auto backend = make_backend({.device = "cuda"});
    std::vector<float> points(3000);
    const RandomStream stream(1, Purpose::evaluation);
    for (std::size_t i = 0; i < points.size(); ++i) points[i] = static_cast<float>(stream.normal(i));
    const std::vector<Case> cases = {{"warm-up", {64, 64}, 1, 96, 5},
                                     {"one small model", {64, 64}, 1, 96, 100},
                                     {"one course model", {64}, 1, 96, 100},
                                     {"a wave of small models", {64, 64}, 132, 96, 100},
                                     {"a sweep of small models", {64, 64}, 5280, 96, 100},
                                     {"narrow models", {16}, 5280, 96, 100},
                                     {"models of width 256", {256, 256}, 264, 96, 20},
                                     {"width 512 alone", {512, 512}, 1, 500, 50},
                                     {"width 1024 alone", {1024, 1024}, 1, 1000, 50},
                                     {"width 2048 alone", {2048, 2048}, 1, 1000, 20}};
    std::string text;
    for (const Case& c : cases) {
      if (c.name.find(wanted) == std::string::npos) continue;
      if (!text.empty()) text += ",\n  ";
      text += run(*backend, c, points);
      std::fprintf(stderr, "%s done\n", c.name.c_str());
    }
    fmt::print("{{\"device\": \"{}\", \"cases\": [\n  {}]}}\n", backend->description(), text);
  } catch (const Error& error) {
    fmt::print(stderr, "gpu_training: {}\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
