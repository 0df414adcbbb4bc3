#include "gmmvae/dataset.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gmmvae/error.hpp"
#include "host/data/rows.hpp"

namespace gmmvae {
namespace {

const Matrix<float> table(4, 3,
                          std::vector<float>{1.1F, 7.0F, -3.0F,  //
                                             0.3F, 7.0F, 5.5F,   //
                                             2.7F, 7.0F, 0.25F,  //
                                             0.9F, 7.0F, 1.0F});

TEST(Scaler, MinmaxHitsBothEndsExactly) {
  const Matrix<float> scaled = Scaler::fit(ScaleKind::minmax, table).apply(table);
  EXPECT_EQ(scaled(1, 0), 0.0F);
  EXPECT_EQ(scaled(2, 0), 1.0F);
  EXPECT_EQ(scaled(0, 2), 0.0F);
  EXPECT_EQ(scaled(1, 2), 1.0F);
  for (const float value : scaled.values()) {
    EXPECT_GE(value, 0.0F);
    EXPECT_LE(value, 1.0F);
  }
}

TEST(Scaler, AConstantColumnKeepsScaleOne) {
  for (const auto kind : {ScaleKind::minmax, ScaleKind::standard}) {
    const Scaler scaler = Scaler::fit(kind, table);
    EXPECT_EQ(scaler.scale.at(1), 1.0);
    const Matrix<float> scaled = scaler.apply(table);
    for (std::size_t r = 0; r < 4; ++r) EXPECT_EQ(scaled(r, 1), 0.0F);
    EXPECT_EQ(scaler.undo(scaled)(2, 1), 7.0F);
  }
}

// Rounding to float on the way leaves 2^-24 an entry.
TEST(Scaler, StandardGivesMeanZeroAndVarianceOne) {
  const Moments after = moments(Scaler::fit(ScaleKind::standard, table).apply(table));
  for (const std::size_t c : {0U, 2U}) {
    EXPECT_NEAR(after.mean[c], 0.0, 2e-7);
    EXPECT_NEAR(after.covariance(c, c), 1.0, 1e-6);
  }
}

TEST(Scaler, UndoTakesApplyBack) {
  for (const auto kind : {ScaleKind::none, ScaleKind::minmax, ScaleKind::standard}) {
    const Scaler scaler = Scaler::fit(kind, table);
    const Matrix<float> back = scaler.undo(scaler.apply(table));
    // one rounding of the scaled value, of order 2, times the largest scale, 8.5; one of the result
    for (std::size_t i = 0; i < table.size(); ++i) EXPECT_NEAR(back.data()[i], table.data()[i], 2e-6);
  }
}

TEST(Scaler, JacobianIsTheLogOfTheVolume) {
  EXPECT_EQ(Scaler::fit(ScaleKind::none, table).log_jacobian(), 0.0);
  const double expected = std::log(double{2.7F} - double{0.3F}) + std::log(8.5);
  EXPECT_NEAR(Scaler::fit(ScaleKind::minmax, table).log_jacobian(), expected, 1e-14);
}

TEST(Scaler, RefusesOtherShapes) {
  const Scaler scaler = Scaler::fit(ScaleKind::minmax, table);
  EXPECT_THROW(static_cast<void>(scaler.apply(Matrix<float>(2, 4))), DataError);
  EXPECT_THROW(Scaler::fit(ScaleKind::standard, Matrix<float>()), DataError);
}

TEST(Moments, OfThreePoints) {
  const Matrix<float> x(3, 2, std::vector<float>{1, 2, 3, 6, 5, 1});
  const Moments result = moments(x);
  EXPECT_DOUBLE_EQ(result.mean[0], 3.0);
  EXPECT_DOUBLE_EQ(result.mean[1], 3.0);
  EXPECT_DOUBLE_EQ(result.covariance(0, 0), 8.0 / 3);
  EXPECT_DOUBLE_EQ(result.covariance(1, 1), 14.0 / 3);
  EXPECT_DOUBLE_EQ(result.covariance(0, 1), -2.0 / 3);  // (-2)(-1) + 0 + (2)(-2)
  EXPECT_DOUBLE_EQ(result.covariance(1, 0), -2.0 / 3);
  EXPECT_THROW(moments(Matrix<float>()), DataError);
}

// A large mean must not swallow the variance.
TEST(Moments, SurviveALargeOffset) {
  const Matrix<float> x(2, 1, std::vector<float>{1e6F + 1, 1e6F - 1});
  EXPECT_DOUBLE_EQ(moments(x).covariance(0, 0), 1.0);
}

TEST(MakeDataset, KnowsItsTruthAndHoldsItsPoints) {
  const Mixture mixture = draw_mixture({}, 4);
  const Dataset dataset = make_dataset(mixture, 50, 9);
  const LabelledPoints drawn = sample_mixture(mixture, 50, 9);
  ASSERT_EQ(dataset.x.rows(), 50U);
  EXPECT_EQ(dataset.labels, drawn.labels);
  for (std::size_t i = 0; i < dataset.x.size(); ++i) {
    EXPECT_EQ(dataset.x.data()[i], static_cast<float>(drawn.points.data()[i]));
  }
  ASSERT_TRUE(dataset.mixture);
  EXPECT_EQ(dataset.mixture->means(), mixture.means());
  EXPECT_THROW(make_dataset(mixture, 0, 9), UsageError);
}

TEST(ValidationSplit, PartsTheRowsInOrder) {
  const Split split = validation_split(1001, 0.1, 7);
  EXPECT_EQ(split.validation.size(), 100U);
  EXPECT_TRUE(std::is_sorted(split.training.begin(), split.training.end()));
  EXPECT_TRUE(std::is_sorted(split.validation.begin(), split.validation.end()));
  std::vector<std::uint32_t> all;
  std::merge(split.training.begin(), split.training.end(), split.validation.begin(), split.validation.end(),
             std::back_inserter(all));
  ASSERT_EQ(all.size(), 1001U);
  for (std::uint32_t i = 0; i < 1001; ++i) EXPECT_EQ(all[i], i);
  EXPECT_NE(validation_split(1001, 0.1, 8).validation, split.validation);
}

TEST(ValidationSplit, HandlesTheEnds) {
  EXPECT_TRUE(validation_split(10, 0.0, 1).validation.empty());
  EXPECT_EQ(validation_split(10, 0.25, 1).validation.size(), 3U);  // round half away from zero
  EXPECT_THROW(validation_split(10, 1.0, 1), UsageError);
  EXPECT_THROW(validation_split(10, -0.1, 1), UsageError);
  EXPECT_THROW(validation_split(1, 0.6, 1), UsageError);
}

// Each of 20 rows is held out in a quarter of 2000 splits: a binomial count, five standard deviations.
TEST(ValidationSplit, HoldsOutEveryRowEquallyOften) {
  constexpr int splits = 2000;
  std::vector<int> counts(20);
  for (int seed = 0; seed < splits; ++seed) {
    for (const std::uint32_t row : validation_split(20, 0.25, seed).validation) ++counts[row];
  }
  for (const int count : counts) EXPECT_NEAR(count, splits * 0.25, 5 * std::sqrt(splits * 0.25 * 0.75));
}

TEST(GatherRows, TakesRowsInTheGivenOrder) {
  const std::vector<std::uint32_t> rows = {2, 0, 2};
  const Matrix<float> gathered = gather_rows(table, rows);
  ASSERT_EQ(gathered.rows(), 3U);
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(gathered(r, c), table(rows[r], c));
  }
}

}  // namespace
}  // namespace gmmvae
