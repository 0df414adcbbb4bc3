#include "host/parallel/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace gmmvae {
namespace {

TEST(ThreadPool, RunsEachTaskOnceInEveryCall) {
  for (const std::size_t threads : {0u, 1u, 2u, 5u}) {
    ThreadPool pool(threads);
    std::vector<std::atomic<int>> visits(257);
    for (int round = 0; round < 200; ++round) pool.run(visits.size(), [&](std::size_t i) { ++visits[i]; });
    for (const auto& count : visits) EXPECT_EQ(count, 200) << threads << " threads";
  }
}

TEST(ThreadPool, CutsARangeWithoutGapsOrOverlap) {
  ThreadPool pool(3);
  std::vector<int> touched(1001, 0);
  pool.for_range(touched.size(), 64, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) ++touched[i];
  });
  EXPECT_EQ(std::accumulate(touched.begin(), touched.end(), 0), 1001);
  for (const int count : touched) EXPECT_EQ(count, 1);
}

TEST(ThreadPool, ThrowsTheErrorOfTheLowestTaskAndStaysUsable) {
  ThreadPool pool(4);
  for (int round = 0; round < 20; ++round) {
    try {
      pool.run(100, [](std::size_t i) {
        if (i % 10 == 7) throw std::runtime_error(std::to_string(i));
      });
      FAIL() << "no error came through";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "7");
    }
    std::atomic<int> done{0};
    pool.run(10, [&](std::size_t) { ++done; });
    EXPECT_EQ(done, 10);
  }
}

}  // namespace
}  // namespace gmmvae
