#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/tsne.hpp"
#include "host/tsne/embedding.hpp"
#include "host/tsne/gradient.hpp"
#include "host/tsne/schedule.hpp"
#include "host/tsne/start.hpp"

namespace gmmvae {
namespace tsne {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReportEvery = 50;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

void check_options(const TsneOptions& options) {
  if (options.dim < 1 || options.dim > 3)
    throw UsageError(fmt::format("an embedding has 1, 2 or 3 dimensions, not {}", options.dim));
  if (options.method == GradientMethod::fft && options.dim != 2)
    throw UsageError(fmt::format(
        "the FFT-accelerated gradient knows 2 dimensions, not {}: take the exact one", options.dim));
  const auto positive = [](double value, const char* name) {
    if (!(value > 0.0) || !std::isfinite(value))
      throw UsageError(fmt::format("{} must be a number above 0, not {}", name, value));
  };
  positive(options.exaggeration, "the exaggeration");
  positive(options.late_exaggeration, "the late exaggeration");
  if (options.learning_rate != 0.0) positive(options.learning_rate, "the learning rate");
}

Error diverged_embedding(const std::string& why) {
  return {ExitCode::diverged,
          fmt::format("the embedding diverged: {}; try a smaller learning rate or exaggeration", why)};
}

Matrix<float> to_places(const Affinities& affinities, MatrixView<float> from) {
  Matrix<float> out(from.rows, from.cols);
  for (std::size_t r = 0; r < from.rows; ++r)
    std::ranges::copy(from.row(affinities.order[r]), out.row(r).begin());
  return out;
}

namespace {

Matrix<float> to_data_order(const Affinities& affinities, const Matrix<float>& from) {
  Matrix<float> out(from.rows(), from.cols());
  for (std::size_t r = 0; r < from.rows(); ++r)
    std::ranges::copy(from.row(r), out.row(affinities.order[r]).begin());
  return out;
}

TsneState state_of(Descent& descent, const Schedule& schedule, const Affinities& affinities) {
  TsneState state;
  schedule.save(state);
  state.positions = to_data_order(affinities, descent.positions());
  state.update = to_data_order(affinities, descent.update());
  state.gains = to_data_order(affinities, descent.gains());
  return state;
}

/// Steps, polls, reports, snapshots and saves until the schedule or the caller ends it.
void descend(Descent& descent, Schedule& schedule, const Affinities& affinities, const TsneControl& control,
             Embedding& out) {
  Clock::time_point saved = Clock::now();
  std::optional<double> kl;  // at the current positions, once somebody has asked
  const auto current_kl = [&] {
    if (!kl) kl = descent.kl_divergence();
    if (!std::isfinite(*kl)) throw diverged_embedding("its divergence is no longer a number");
    return *kl;
  };
  while (!schedule.done()) {
    if (control.stop && control.stop()) {
      out.stopped = true;
      break;
    }
    descent.step(schedule.step_size());
    kl.reset();
    schedule.advance();
    const std::size_t iteration = schedule.iteration();
    const bool reports = control.progress && iteration % kReportEvery == 0;
    const bool exaggerating = schedule.exaggerating();
    if (schedule.wants_divergence()) schedule.see_divergence(current_kl());
    if (reports) control.progress({iteration, current_kl(), exaggerating});
    if (control.snapshot && control.snapshot_every > 0 && iteration % control.snapshot_every == 0)
      control.snapshot(iteration, to_data_order(affinities, descent.positions()));
    if (control.advanced) control.advanced();
    if (control.checkpoint && control.checkpoint_every > 0.0 &&
        seconds_since(saved) >= control.checkpoint_every) {
      control.checkpoint(state_of(descent, schedule, affinities));
      saved = Clock::now();
    }
  }
  out.kl_divergence = current_kl();
}

// Where all pairs and two transforms take the same time, measured on two cores with AVX-512: between 2000 and
// 3000 points of Gaussian clusters (bench/results/tsne.md).
constexpr std::size_t kCrossover = 2500;

std::unique_ptr<Repulsion> make_repulsion(GradientMethod method) {
  return method == GradientMethod::fft ? make_interpolated_repulsion() : make_exact_repulsion();
}

class CpuArithmetic final : public EmbeddingArithmetic {
 public:
  CpuArithmetic(const Affinities& affinities, std::size_t threads)
      : affinities_(affinities), pool_(threads == 0 ? available_threads() : threads) {}

  [[nodiscard]] std::size_t crossover() const override { return kCrossover; }
  Matrix<double> principal_scores(MatrixView<float> x, std::size_t count) override {
    return tsne::principal_scores(x, count, pool_);
  }
  std::unique_ptr<Descent> make_descent(GradientMethod method, Matrix<float> positions, Matrix<float> update,
                                        Matrix<float> gains) override {
    return make_cpu_descent(affinities_, std::move(positions), std::move(update), std::move(gains),
                            make_repulsion(method), pool_);
  }

 private:
  const Affinities& affinities_;
  ThreadPool pool_;
};

}  // namespace

GradientMethod chosen_method(GradientMethod wanted, std::size_t rows, std::size_t dim,
                             std::size_t crossover) {
  if (wanted != GradientMethod::automatic) return wanted;
  return dim == 2 && rows >= crossover ? GradientMethod::fft : GradientMethod::exact;
}

void check_embedding(std::size_t points, MatrixView<float> y) {
  if (y.rows != points || y.cols < 1 || y.cols > 3)
    throw UsageError(fmt::format("the gradient of {} points is asked for at an embedding of {} x {} numbers",
                                 points, y.rows, y.cols));
}

Embedding embed_with(EmbeddingArithmetic& arithmetic, const Affinities& affinities, MatrixView<float> x,
                     const TsneOptions& options, const TsneControl& control, const TsneState* resume) {
  check_options(options);
  const std::size_t rows = affinities.points();
  Embedding out;
  const Clock::time_point start = Clock::now();
  Matrix<float> positions, update, gains;
  Schedule schedule(options, rows);
  if (resume != nullptr) {
    if (resume->positions.rows() != rows || resume->positions.cols() != options.dim)
      throw UsageError("the state to resume from belongs to other data or another number of dimensions");
    positions = to_places(affinities, resume->positions);
    update = to_places(affinities, resume->update);
    gains = to_places(affinities, resume->gains);
    schedule.restore(*resume);
  } else {
    positions = to_places(affinities, starting_points(x, rows, options, [&] {
                            return arithmetic.principal_scores(x, options.dim);
                          }));
  }
  out.seconds.start = seconds_since(start);
  const Clock::time_point begin = Clock::now();
  out.method = chosen_method(options.method, rows, options.dim, arithmetic.crossover());
  const std::unique_ptr<Descent> descent =
      arithmetic.make_descent(out.method, std::move(positions), std::move(update), std::move(gains));
  descend(*descent, schedule, affinities, control, out);
  out.state = state_of(*descent, schedule, affinities);
  out.points = out.state.positions;
  out.iterations = schedule.iteration();
  out.exaggeration_end = schedule.exaggeration_end();
  out.perplexity = affinities.perplexity;
  out.effective_perplexity = affinities.effective_perplexity;
  out.neighbors = affinities.neighbors;
  out.recall = affinities.recall;
  out.warnings = affinities.warnings;
  if (std::abs(out.effective_perplexity - out.perplexity) > 0.01 * out.perplexity)
    out.warnings.push_back(fmt::format(
        "the perplexity reached is {:.4g}, not {:.4g}: many points have their neighbours at equal "
        "distances, as duplicates or one point very far out make them",
        out.effective_perplexity, out.perplexity));
  out.seconds.neighbors = affinities.neighbor_seconds;
  out.seconds.affinities = affinities.seconds;
  out.seconds.descent = seconds_since(begin);
  return out;
}

}  // namespace tsne

using namespace tsne;

Embedding embed(const Affinities& affinities, MatrixView<float> x, const TsneOptions& options,
                const TsneControl& control, const TsneState* resume) {
  CpuArithmetic arithmetic(affinities, options.threads);
  return embed_with(arithmetic, affinities, x, options, control, resume);
}

Embedding embed(MatrixView<float> x, const TsneOptions& options, const TsneControl& control,
                const TsneState* resume) {
  check_options(options);
  return embed(tsne_affinities(x, options), x, options, control, resume);
}

TsneGradient tsne_gradient(const Affinities& affinities, MatrixView<float> y, GradientMethod method,
                           std::size_t threads) {
  const std::size_t rows = affinities.points();
  check_embedding(rows, y);
  ThreadPool pool(threads == 0 ? available_threads() : threads);
  const Matrix<float> positions = to_places(affinities, y);
  std::vector<float> attraction(y.size()), repulsion(y.size());
  attract(affinities, positions, attraction.data(), pool);
  TsneGradient out;
  out.normalization = make_repulsion(chosen_method(method, rows, y.cols, kCrossover))
                          ->compute(positions, repulsion.data(), pool);
  out.kl_divergence = affinity_entropy(affinities) + edge_logarithms(affinities, positions, pool) +
                      std::log(out.normalization);
  out.gradient = Matrix<double>(rows, y.cols);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t d = 0; d < y.cols; ++d)
      out.gradient(affinities.order[r], d) =
          4.0 * (attraction[r * y.cols + d] - repulsion[r * y.cols + d] / out.normalization);
  return out;
}

}  // namespace gmmvae
