// The two sets on which GANs were compared for mode collapse (VEEGAN, Srivastava et al. 2017; PacGAN, Lin et
// al. 2018), with VAEs: 8 Gaussians on a ring (radius 1, sigma 0.01) and 25 on a grid (step 2, sigma 0.05),
// 100,000 training points, 2,500 samples, modes and high-quality samples by three standard deviations, 10
// trials.
//
//     mode_collapse_study [trials] [steps]
#include <fmt/core.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/evaluation.hpp"
#include "gmmvae/random.hpp"
#include "gmmvae/training.hpp"
#include "host/vae/sampling.hpp"

namespace {

using namespace gmmvae;

constexpr std::size_t kPoints = 100000;
constexpr std::size_t kBatch = 100;
constexpr std::size_t kSamples = 2500;

struct Set {
  const char* name;
  MixtureSpec spec;
};

struct Trials {
  std::vector<ModeCoverage> means, noisy;  // decoder means, and samples with the decoder's noise
};

Vae untrained(std::size_t dim, const Scaler& scaler) {
  Vae vae;
  vae.architecture = {
      .data_dim = dim, .latent = 2, .encoder_hidden = {128, 128}, .decoder_hidden = {128, 128}};
  vae.scaler = scaler;
  return vae;
}

Trials run(const Set& set, std::size_t trials, std::size_t steps) {
  const auto backend = make_cpu_backend();
  const Mixture mixture = draw_mixture(set.spec, 1);
  std::vector<TrainingJob> jobs(trials);
  std::vector<Matrix<float>> scaled(trials);
  std::vector<Vae> models(trials);
  for (std::size_t t = 0; t < trials; ++t) {
    const Dataset data = make_dataset(mixture, kPoints, t + 1);
    models[t] = untrained(data.x.cols(), Scaler::fit(ScaleKind::standard, data.x));
    scaled[t] = models[t].scaler.apply(data.x);
    TrainingJob& job = jobs[t];
    job.architecture = models[t].architecture;
    job.objective = models[t].objective;
    job.config.batch = kBatch;
    job.config.epochs = std::max<std::size_t>(1, steps * kBatch / kPoints);
    job.config.learning_rate = 2e-3;
    job.config.schedule = LearningRateSchedule::cosine;
    job.config.seed = t + 1;
    job.data = scaled[t];
    job.log_jacobian = models[t].scaler.log_jacobian();
    job.state = initial_state(job, Initialization::linear);
  }
  backend->train(jobs, {});
  Trials out;
  for (std::size_t t = 0; t < trials; ++t) {
    models[t].parameters = jobs[t].state.parameters;
    out.means.push_back(mode_coverage(sample_model(*backend, models[t], 0, kSamples, false, t + 1), mixture));
    out.noisy.push_back(mode_coverage(sample_model(*backend, models[t], 0, kSamples, true, t + 1), mixture));
  }
  return out;
}

template <class Value>
std::string mean_and_error(const std::vector<ModeCoverage>& trials, const char* format, const Value& value) {
  double mean = 0.0, spread = 0.0;
  const auto n = static_cast<double>(trials.size());
  for (const ModeCoverage& t : trials) mean += value(t) / n;
  for (const ModeCoverage& t : trials) spread += std::pow(value(t) - mean, 2);
  const double error = trials.size() > 1 ? std::sqrt(spread / (n - 1.0) / n) : 0.0;
  return fmt::format(fmt::runtime(format), mean, error);
}

void print_own(const char* name, const std::vector<ModeCoverage>& trials) {
  fmt::print(
      "{:<28}{:>16}{:>18}{:>18}{:>14}\n", name,
      mean_and_error(trials, "{:.1f} ± {:.1f}", [](const ModeCoverage& c) { return double(c.hit); }),
      mean_and_error(trials, "{:.1f} ± {:.1f}", [](const ModeCoverage& c) { return 100.0 * c.high_quality; }),
      mean_and_error(trials, "{:.3f} ± {:.3f}",
                     [](const ModeCoverage& c) { return c.reverse_kl.value_or(std::nan("")); }),
      mean_and_error(trials, "{:.1f} ± {:.1f}", [](const ModeCoverage& c) { return double(c.captured); }));
}

struct Published {
  const char* name;
  const char* modes;
  const char* quality;
  const char* reverse_kl;
};

void print_table(const Set& set, const std::vector<Published>& published, const Trials& own) {
  fmt::print("{}: {} modes\n{:<28}{:>16}{:>18}{:>18}{:>14}\n", set.name, set.spec.components, "", "modes hit",
             "high quality, %", "reverse KL", "captured");
  for (const Published& p : published)
    fmt::print("{:<28}{:>16}{:>18}{:>18}{:>14}\n", p.name, p.modes, p.quality, p.reverse_kl, "");
  print_own("VAE, decoder means", own.means);
  print_own("VAE, with decoder noise", own.noisy);
  fmt::print("\n");
}

// Means over 5 runs of VEEGAN's table 1, over 10 trials of PacGAN's table 1.
const std::vector<Published> kRing = {{"GAN (VEEGAN)", "1", "99.3", ""},
                                      {"ALI (VEEGAN)", "2.8", "0.13", ""},
                                      {"Unrolled GAN (VEEGAN)", "7.6", "35.6", ""},
                                      {"VEEGAN", "8", "52.9", ""},
                                      {"GAN (PacGAN)", "6.3 ± 0.5", "98.2", "0.45"},
                                      {"ALI (PacGAN)", "6.6", "97.6", "0.36"},
                                      {"PacGAN2", "7.9", "95.6", "0.07"},
                                      {"PacGAN3", "7.8", "97.7", "0.10"},
                                      {"PacGAN4", "7.8", "95.9", "0.07"}};
const std::vector<Published> kGrid = {{"GAN (VEEGAN)", "3.3", "0.5", ""},
                                      {"ALI (VEEGAN)", "15.8", "1.6", ""},
                                      {"Unrolled GAN (VEEGAN)", "23.6", "16", ""},
                                      {"VEEGAN", "24.6", "40", ""},
                                      {"GAN (PacGAN)", "17.3", "94.8", "0.70"},
                                      {"ALI (PacGAN)", "24.1", "95.7", "0.14"},
                                      {"PacGAN2", "23.8", "91.3", "0.13"},
                                      {"PacGAN3", "24.6", "94.2", "0.06"},
                                      {"PacGAN4", "24.8 ± 0.2", "93.6", "0.04 ± 0.01"}};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t trials = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10;
  const std::size_t steps = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 20000;
  const Set ring{"Ring", {.layout = Layout::ring, .components = 8, .dim = 2, .spread = 1.0, .sigma = 0.01}};
  const Set grid{"Grid", {.layout = Layout::grid, .components = 25, .dim = 2, .spread = 2.0, .sigma = 0.05}};
  print_table(ring, kRing, run(ring, trials, steps));
  print_table(grid, kGrid, run(grid, trials, steps));
  return 0;
}
