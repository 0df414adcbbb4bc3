// The course experiment's training on every backend: the published table, and the CPU's losses.
#include "host/study/course.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "gmmvae/dataset.hpp"
#include "gmmvae/mixture.hpp"
#include "tests/support/backends.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class CourseTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(CourseTest);

/// As `gmmvae run` trains `model.course` with the shipped seed.
class CourseJob {
 public:
  CourseJob() : job_(points(), architecture(), {.kind = ObjectiveKind::course}, config()) {}
  TrainingJob& operator*() { return job_.job; }

 private:
  static Matrix<float> points() {
    const Dataset data = make_dataset(draw_mixture({}, kCourseSeed), 1000, kCourseSeed);
    return Scaler::fit(ScaleKind::minmax, data.x).apply(data.x);
  }
  static Architecture architecture() {
    return {.data_dim = 3,
            .latent = 2,
            .encoder_hidden = {64},
            .decoder_hidden = {64},
            .posterior_variance = PosteriorVariance::softplus_half};
  }
  static TrainingConfig config() {
    TrainingConfig config;
    config.seed = kCourseSeed;
    return config;
  }

  OwnedJob job_;
};

/// The table within the project's 1.2 %. Beside the CPU: both backends draw the same random bits and sum in
/// another order, so each step's gradient differs by some n 2^-24 of the sizes that it sums, n <= 96: at most
/// 6e-6 of the gradient. Adam makes of a gradient's relative error one of the step's; where a gradient is
/// near zero that is the whole step, and relus switch, so that 1,100 steps of at most 1e-3 let parameters
/// part. The loss of a collapsed model is second order in what parts them: it lies on a plateau with the
/// noise of batches around it, and both runs see the same batches. A thousandth of the loss, a twentieth of
/// the scatter of 0.5 % between the table's own rows, is what a wrong sample, shuffle or gradient would
/// exceed.
TEST_P(CourseTest, ThePublishedTable) {
  CourseJob mine;
  train(backend(), *mine);
  const History& history = (*mine).state.history;
  const std::vector<CourseRow> table = course_table(history);
  ASSERT_EQ(table.size(), 5U);
  for (const CourseRow& row : table)
    EXPECT_LT(std::abs(row.difference), 0.012) << "epoch " << row.epoch << ": " << row.found;
  CourseJob other;
  train(*make_cpu_backend(1), *other);
  double largest = 0.0;
  for (std::size_t epoch = 0; epoch < 100; ++epoch) {
    const double wanted = (*other).state.history.loss(epoch);
    largest = std::max(largest, std::abs(history.loss(epoch) / wanted - 1.0));
  }
  EXPECT_LT(largest, 1e-3);
  RecordProperty("largest_difference_from_the_cpu", std::to_string(largest));
  std::printf("%.2g of the allowed 1e-3\n", largest);
}

}  // namespace
}  // namespace gmmvae::test
