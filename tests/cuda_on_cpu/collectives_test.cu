// Barriers, warp collectives and atomics of the emulator, with the threads in every order.
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "tests/cuda_on_cpu/test_device.hpp"

namespace gmmvae {
namespace {

namespace cg = cooperative_groups;
using test::Buffer;
class Collectives : public test::EmulatorTest {};

// out[i]: sum over the block of the ranks, formed by a tree with a barrier a level
__global__ void tree_sum(int* out) {
  GPU_SHARED(int, sums, [256]);
  sums[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  out[threadIdx.x] = sums[0];
}

TEST_F(Collectives, BarriersOrderATree) {
  in_every_order([] {
    Buffer<int> out(std::vector<int>(256));
    launch(tree_sum, 3, 256, 0, nullptr, out.data());
    EXPECT_EQ(out.host(), std::vector<int>(256, 255 * 256 / 2));
  });
}

__global__ void barrier_votes(int* out) {
  const int odd = threadIdx.x % 2;
  const int count = __syncthreads_count(odd);
  const int all = __syncthreads_and(odd);
  const int any = __syncthreads_or(odd);
  out[threadIdx.x] = 100 * count + 10 * all + any;
}

TEST_F(Collectives, BarriersVote) {
  in_every_order([] {
    Buffer<int> out(std::vector<int>(70));
    launch(barrier_votes, 1, 70, 0, nullptr, out.data());
    EXPECT_EQ(out.host(), std::vector<int>(70, 3501));
  });
}

__global__ void shuffles(int* out) {
  const int lane = static_cast<int>(lane_id());
  const unsigned mask = warp_mask();
  int* mine = out + 6 * threadIdx.x;
  mine[0] = __shfl_sync(mask, lane, 3);
  mine[1] = __shfl_xor_sync(mask, lane, 1, 4);
  mine[2] = __shfl_down_sync(mask, lane, 2, 8);
  mine[3] = __shfl_up_sync(mask, lane, 3, 8);
  mine[4] = static_cast<int>(__ballot_sync(mask, lane % 3 == 0));
  mine[5] = __reduce_add_sync(mask, lane);
}

TEST_F(Collectives, ShufflesAndBallotsFollowTheProgrammingGuide) {
  in_every_order([] {
    constexpr int threads = 44;  // the second warp has 12 lanes
    Buffer<int> out(std::vector<int>(6 * threads));
    launch(shuffles, 1, threads, 0, nullptr, out.data());
    const std::vector<int> got = out.host();
    for (int i = 0; i < threads; ++i) {
      const int lane = i % 32;
      const int lanes = i < 32 ? 32 : threads - 32;
      unsigned ballot = 0;
      for (int k = 0; k < lanes; k += 3) ballot |= 1u << k;
      EXPECT_EQ(got[6 * i], 3);
      EXPECT_EQ(got[6 * i + 1], lane ^ 1);
      if (lane + 2 < lanes) {
        EXPECT_EQ(got[6 * i + 2], lane % 8 + 2 < 8 ? lane + 2 : lane);
      }
      EXPECT_EQ(got[6 * i + 3], lane % 8 >= 3 ? lane - 3 : lane);
      EXPECT_EQ(static_cast<unsigned>(got[6 * i + 4]), ballot);
      EXPECT_EQ(got[6 * i + 5], lanes * (lanes - 1) / 2);
    }
  });
}

__global__ void tiles(int* out) {
  const auto block = cg::this_thread_block();
  const auto tile = cg::tiled_partition<8>(block);
  out[threadIdx.x] = cg::reduce(tile, static_cast<int>(threadIdx.x), cg::plus<int>());
}

TEST_F(Collectives, TilesReduceAlone) {
  in_every_order([] {
    Buffer<int> out(std::vector<int>(64));
    launch(tiles, 1, 64, 0, nullptr, out.data());
    const std::vector<int> got = out.host();
    for (int i = 0; i < 64; ++i) EXPECT_EQ(got[i], 8 * (i / 8 * 8) + 28);
  });
}

__global__ void half_warps(int* out) {
  const unsigned low = 0x0000ffffu;
  int value = static_cast<int>(threadIdx.x);
  if (threadIdx.x % 32 < 16) {
    value += __shfl_xor_sync(low, value, 1);
  } else {
    value = __popc(__ballot_sync(~low, 1));
  }
  out[threadIdx.x] = value;
}

TEST_F(Collectives, TwoMasksOfAWarpMeetApart) {
  in_every_order([] {
    Buffer<int> out(std::vector<int>(32));
    launch(half_warps, 1, 32, 0, nullptr, out.data());
    const std::vector<int> got = out.host();
    for (int i = 0; i < 32; ++i) EXPECT_EQ(got[i], i < 16 ? 2 * i + (i % 2 ? -1 : 1) : 16);
  });
}

__global__ void gather_ranks(int* out) {
  int all[32];
  for (int round = 0; round < 3; ++round) {
    warp_gather(static_cast<int>(threadIdx.x) + 1000 * round, all);
    int sum = 0;
    for (int value : all) sum += value;
    out[3 * threadIdx.x + round] = sum;
  }
}

TEST_F(Collectives, GathersFollowOneAnother) {
  in_every_order([] {
    Buffer<int> out(std::vector<int>(3 * 64));
    launch(gather_ranks, 1, 64, 0, nullptr, out.data());
    const std::vector<int> got = out.host();
    for (int i = 0; i < 3 * 64; ++i) EXPECT_EQ(got[i], 496 + 32 * (i / 96 * 32) + 32000 * (i % 3));
  });
}

__global__ void atomics(int* counter, float* sum, unsigned* most, unsigned long long* changed) {
  atomicAdd(counter, 1);
  atomicAdd(sum, 0.5f);
  atomicMax(most, threadIdx.x);
  unsigned long long old = *changed, seen;
  do {
    seen = old;
    old = atomicCAS(changed, seen, seen + 2);
  } while (old != seen);
}

TEST_F(Collectives, AtomicsLoseNothing) {
  in_every_order([] {
    emu::config().atomic_yield = true;
    Buffer<int> counter({0});
    Buffer<float> sum({0});
    Buffer<unsigned> most({0});
    Buffer<unsigned long long> changed({0});
    launch(atomics, 4, 100, 0, nullptr, counter.data(), sum.data(), most.data(), changed.data());
    EXPECT_EQ(counter.host()[0], 400);
    EXPECT_EQ(sum.host()[0], 200.f);
    EXPECT_EQ(most.host()[0], 99u);
    EXPECT_EQ(changed.host()[0], 800u);
  });
}

__global__ void some_leave(int* out) {
  if (threadIdx.x == 7) return;
  __syncthreads();
  out[threadIdx.x] = 1;
}

TEST_F(Collectives, ABarrierThatAThreadNeverReachesIsAnErrorWithItsPlace) {
  Buffer<int> out(std::vector<int>(32));
  EXPECT_THROW(launch(some_leave, 1, 32, 0, nullptr, out.data()), Error);
  EXPECT_TRUE(reported("thread 7 has exited")) << emu::reports();
  EXPECT_TRUE(reported("collectives_test.cu:")) << emu::reports();
}

__global__ void lane_waits_for_ever(int* out) {
  if (threadIdx.x == 0)
    __syncwarp(0x3u);
  else
    __syncthreads();
  out[threadIdx.x] = 1;
}

TEST_F(Collectives, ADeadlockIsAnErrorWithTheThreadsThatWait) {
  Buffer<int> out(std::vector<int>(2));
  EXPECT_THROW(launch(lane_waits_for_ever, 1, 2, 0, nullptr, out.data()), Error);
  EXPECT_TRUE(reported("deadlock")) << emu::reports();
  EXPECT_TRUE(reported("2 waiting, 0 exited")) << emu::reports();
}

}  // namespace
}  // namespace gmmvae
