// Arguments that do not fit together are refused by every backend: these read memory that was not there, or
// never came back.
#include "host/backend/arguments.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "gmmvae/clustering.hpp"
#include "gmmvae/error.hpp"
#include "tests/support/backends.hpp"

namespace gmmvae {
namespace {

class ArgumentsTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(ArgumentsTest);

TEST_P(ArgumentsTest, LabelsOfNoCluster) {
  Matrix<float> x(8, 2);
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i * i % 11);
  const auto fit = [&](std::int32_t label) {
    return backend().fit_mixture(x, 2, CovarianceKind::full,
                                 std::vector<std::int32_t>{0, 1, 0, 1, 0, 1, 0, label}, {});
  };
  EXPECT_NO_THROW((void)fit(1));
  EXPECT_THROW((void)fit(2), UsageError);
  EXPECT_THROW((void)fit(-1), UsageError);
  EXPECT_THROW((void)silhouette(backend(), x, std::vector<std::int32_t>(8, 9), 2, 0, 1), UsageError);
  EXPECT_THROW((void)silhouette(backend(), x, std::vector<std::int32_t>(7, 0), 2, 0, 1), UsageError);
  x(3, 1) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW((void)fit(1), DataError);
}

TEST_P(ArgumentsTest, GroupsThatAreNotThere) {
  const Matrix<float> x(5, 2, 1.0f), other(5, 3, 1.0f);
  const auto sums = [&](const Matrix<float>& y, const std::vector<std::size_t>& offsets) {
    return backend().distances_to_groups(y, x, offsets);
  };
  EXPECT_NO_THROW((void)sums(x, {0, 2, 5}));
  EXPECT_THROW((void)sums(x, {0, 2, 6}), UsageError);
  EXPECT_THROW((void)sums(x, {0, 4, 2}), UsageError);
  EXPECT_THROW((void)sums(x, {}), UsageError);
  EXPECT_THROW((void)sums(other, {0, 5}), UsageError);
}

TEST_P(ArgumentsTest, PosteriorsWithoutTheirVariances) {
  const Posterior posterior{Matrix<float>(4, 2), Matrix<float>(3, 2, 1.0f)};
  EXPECT_THROW((void)backend().log_aggregate(posterior, Matrix<float>(2, 2)), UsageError);
}

TEST_P(ArgumentsTest, BatchesThatDoNotFit) {
  const Architecture shape{.data_dim = 3, .latent = 2, .encoder_hidden = {4}, .decoder_hidden = {4}};
  const std::vector<double> parameters(ParameterLayout(shape, {}).size(), 0.1);
  const auto gradient = [&](std::size_t given, const Matrix<double>& x, const Matrix<double>& noise) {
    return backend().loss_gradient(shape, {}, std::span(parameters).first(given), x, noise, 0.0,
                                   Precision::single);
  };
  const Matrix<double> x(4, 3, 1.0), noise(4, 2, 0.5);
  EXPECT_EQ(gradient(parameters.size(), x, noise).gradient.size(), parameters.size());
  EXPECT_THROW((void)gradient(parameters.size() - 1, x, noise), UsageError);
  EXPECT_THROW((void)gradient(parameters.size(), Matrix<double>(4, 5), noise), UsageError);
  EXPECT_THROW((void)gradient(parameters.size(), x, Matrix<double>(1, 2)), UsageError);
  EXPECT_THROW((void)gradient(parameters.size(), x, Matrix<double>(4, 1)), UsageError);
  EXPECT_THROW((void)gradient(parameters.size(), Matrix<double>(0, 3), Matrix<double>(0, 2)), UsageError);
}

}  // namespace
}  // namespace gmmvae
