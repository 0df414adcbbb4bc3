#include "host/tsne/schedule.hpp"

#include <algorithm>

namespace gmmvae::tsne {
namespace {

// Early exaggeration never lasts longer than this, the length that everybody uses.
constexpr std::size_t kMostExaggeration = 250;
constexpr std::size_t kExaggerationPoll = 10;
constexpr std::size_t kPoll = 50;
// Exaggeration has done its work when the divergence falls this much more slowly than it did at its fastest.
constexpr double kSlowdown = 0.1;
// Converged: the divergence fell by less than this fraction between two polls.
constexpr double kStandstill = 1e-4;
// The rule N / exaggeration is made for large N; below some hundred points it hardly moves them.
constexpr double kSmallestRate = 50.0;

}  // namespace

Schedule::Schedule(const TsneOptions& options, std::size_t points)
    : exaggeration_(options.exaggeration),
      late_exaggeration_(options.late_exaggeration),
      learning_rate_(options.learning_rate),
      points_(static_cast<double>(points)),
      iterations_(options.iterations),
      may_converge_(options.stop_when_converged),
      exaggerating_(options.exaggeration != options.late_exaggeration) {}

double Schedule::rate(double exaggeration) const {
  return learning_rate_ > 0.0 ? learning_rate_ : std::max(points_ / exaggeration, kSmallestRate);
}

StepSize Schedule::step_size() const {
  const double exaggeration = exaggerating_ ? exaggeration_ : late_exaggeration_;
  return {exaggeration, rate(exaggeration)};
}

void Schedule::end_exaggeration() {
  exaggerating_ = false;
  exaggeration_end_ = iteration_;
  polls_.clear();
}

void Schedule::advance() {
  ++iteration_;
  if (exaggerating_ && iteration_ >= kMostExaggeration) end_exaggeration();
}

bool Schedule::wants_divergence() const {
  if (exaggerating_) return iteration_ % kExaggerationPoll == 0;
  return may_converge_ && iteration_ % kPoll == 0;
}

void Schedule::see_divergence(double kl) {
  polls_.push_back(kl);
  const std::size_t count = polls_.size();
  if (exaggerating_) {
    double fastest = 0.0;
    for (std::size_t i = 1; i < count; ++i) fastest = std::max(fastest, polls_[i - 1] - polls_[i]);
    // Two polls in a row: the fall is uneven while clusters pass through one another.
    if (count >= 4 && polls_[count - 3] - polls_[count - 1] < 2.0 * kSlowdown * fastest) end_exaggeration();
    return;
  }
  if (count >= 2 && polls_[count - 2] - kl < kStandstill * kl) converged_ = true;
}

void Schedule::restore(const TsneState& state) {
  iteration_ = state.iteration;
  exaggerating_ = state.exaggerating;
  exaggeration_end_ = state.exaggeration_end;
  polls_ = state.kl_divergences;
}

void Schedule::save(TsneState& state) const {
  state.iteration = iteration_;
  state.exaggerating = exaggerating_;
  state.exaggeration_end = exaggeration_end_;
  state.kl_divergences = polls_;
}

}  // namespace gmmvae::tsne
