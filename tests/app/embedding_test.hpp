#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <string>

#include "gmmvae/matrix.hpp"
#include "host/io/npy.hpp"
#include "tests/support/program.hpp"

namespace gmmvae::test {

/// Tests that embed points with the program.
class EmbeddingTest : public ProgramTest {
 protected:
  /// What `gmmvae tsne` with these arguments, and y.npy as its output, makes of its points.
  [[nodiscard]] Matrix<float> embedding(const std::string& arguments) const {
    const Outcome got = run("tsne --out y.npy " + arguments);
    EXPECT_EQ(got.code, 0) << got.err;
    return read_npy_points(path("y.npy"));
  }
};

/// How many points of `placed` have a point of their own cluster nearest to them in the embedding y, both in
/// the plane and of `clusters` that take turns.
inline std::size_t placed_in_own_cluster(MatrixView<float> placed, MatrixView<float> y,
                                         std::size_t clusters) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < placed.rows; ++i) {
    std::size_t nearest = 0;
    const auto distance = [&](std::size_t j) {
      return std::hypot(placed(i, 0) - y(j, 0), placed(i, 1) - y(j, 1));
    };
    for (std::size_t j = 1; j < y.rows; ++j)
      if (distance(j) < distance(nearest)) nearest = j;
    right += nearest % clusters == i % clusters ? 1 : 0;
  }
  return right;
}

}  // namespace gmmvae::test
