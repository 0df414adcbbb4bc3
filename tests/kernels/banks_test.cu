// Wavefronts of the fused and tiled trainers' shared-memory accesses, counted from the addresses of the
// emulator's lanes: what bench/sass_report assumes of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "kernels/dense/tile.cuh"
#include "kernels/training/fused/update.cuh"
#include "tests/cuda_on_cpu/test_device.hpp"

namespace gmmvae::cuda::fused {
namespace {

class Banks : public test::EmulatorTest {};

/// Wavefronts of a warp's access of one float a lane: the most different words that one of 32 banks has to
/// give.
int wavefronts_of_words(const std::vector<int>& floats) {
  std::map<int, std::set<int>> words;
  for (const int at : floats) words[at % 32].insert(at);
  std::size_t most = 0;
  for (const auto& [bank, all] : words) most = std::max(most, all.size());
  return static_cast<int>(most);
}

/// Wavefronts of a warp's LDS.128, four floats a lane. A quarter of the warp is served at a time; two
/// quarters go together where lanes n and n ^ 1 read the same 16 bytes, or n and n ^ 2 do. In a group, a bank
/// gives one word at a time. bench/gpu/measure.cu measures whether a card grants it.
int wavefronts_of_quads(const std::vector<int>& floats) {
  const auto paired = [&](int with) {
    for (int lane = 0; lane < 32; ++lane)
      if (floats[static_cast<std::size_t>(lane)] != floats[static_cast<std::size_t>(lane ^ with)])
        return false;
    return true;
  };
  const int lanes = paired(1) || paired(2) ? 16 : 8;
  int total = 0;
  for (int first = 0; first < 32; first += lanes) {
    std::map<int, std::set<int>> groups;
    for (int lane = first; lane < first + lanes; ++lane)
      groups[floats[static_cast<std::size_t>(lane)] / 4 % 8].insert(floats[static_cast<std::size_t>(lane)]);
    std::size_t most = 0;
    for (const auto& [group, all] : groups) most = std::max(most, all.size());
    total += static_cast<int>(most);
  }
  return total;
}

/// Wavefronts of a warp's LDS.64, two floats a lane: half a warp at a time.
int wavefronts_of_pairs(const std::vector<int>& floats) {
  int total = 0;
  for (int first = 0; first < 32; first += 16) {
    std::map<int, std::set<int>> groups;
    for (int lane = first; lane < first + 16; ++lane)
      groups[floats[static_cast<std::size_t>(lane)] / 2 % 16].insert(floats[static_cast<std::size_t>(lane)]);
    std::size_t most = 0;
    for (const auto& [group, all] : groups) most = std::max(most, all.size());
    total += static_cast<int>(most);
  }
  return total;
}

constexpr int fused_patterns = 8;
constexpr int tiled_patterns = 5;   ///< of each size of tile
constexpr int split_patterns = 12;  ///< of the fused trainer's products by tensor cores
constexpr int first_split = fused_patterns + 2 * tiled_patterns;
constexpr int patterns = first_split + split_patterns;

__device__ void addresses_of_split(int* at) {
  const Fragment fragment;
  const int g = fragment.g;
  const int t = fragment.t;
  at[0] = middle_row(column_there(g)) + 4 * t;  // weights and rows on the way there, LDS.128
  at[1] = row_there(0, g) * stride + 4 * t;
  at[2] = row_there(1, g) * stride + 4 * t;
  at[3] = middle_row(8 * t) + 4 * g;  // weights and deltas on the way back
  at[4] = row_back(0, g) * stride + 8 * t;
  at[5] = row_back(1, g) * stride + 8 * t;
  at[6] = row_there(0, 2 * t) * stride + column_there(g);  // results, STS.128
  at[7] = row_there(1, 2 * t) * stride + column_there(g);
  at[8] = row_back(0, 2 * t) * stride + 4 * g;
  at[9] = 2 * t * stride + 4 * g;             // activations of a gradient
  at[10] = middle_row(output_of(g)) + 8 * t;  // the weights it is of
  at[11] = 2 * t * stride + output_of(g);     // deltas of a gradient, LDS.64
}

/// Panels of the tiled products, along and across the depth, and a sum that is put where slices meet.
template <int Columns>
__device__ void addresses_of_tile(int* at) {
  using T = dense::Tile<Columns>;
  constexpr dense::Lies along = dense::Lies::along_depth;
  constexpr dense::Lies across = dense::Lies::across_depth;
  const dense::Place<T> place;
  const int row = place.template row_of<along>(0);
  const int column = place.template column_of<along>(0);
  at[0] = row * dense::Panel<T, along, T::rows>::pitch;
  at[1] = column * dense::Panel<T, along, T::columns>::pitch;
  at[2] = place.template row_of<across>(0);
  at[3] = place.template column_of<across>(0);
  at[4] = row * dense::Staged<T>::pitch + column;
}

/// out[pattern][lane]: the offset in floats of a lane's access, of the last warp.
__global__ void addresses(int* out) {
  const Place place(static_cast<int>(lane_id()), static_cast<int>(warp_id()));
  const Owner owner;
  const int lane = static_cast<int>(lane_id());
  int at[patterns] = {place.row * stride,                        // rows of an activation, LDS.128
                      middle_row(place.column),                  // rows of weights there
                      place.column,                              // columns of weights on the way back
                      narrow * place.row,                        // a row of points, codes or gradients
                      owner.row,                                 // deltas of an owner, lower four
                      owner.column,                              // activations of an owner
                      owner.offset(0),                           // its weights
                      place.row_of(1) * stride + place.column};  // a tile's stores and loads
  addresses_of_tile<64>(at + fused_patterns);
  addresses_of_tile<128>(at + fused_patterns + tiled_patterns);
  addresses_of_split(at + first_split);
  if (warp_id() + 1 < product_warps) return;
  for (int p = 0; p < patterns; ++p) out[32 * p + lane] = at[p];
}

TEST_F(Banks, AreMetAsOftenAsTheReportAssumes) {
  test::Buffer<int> out(std::vector<int>(32 * patterns));
  launch(addresses, 1, 32 * product_warps, 0, nullptr, out.data());
  const std::vector<int> all = out.host();
  const auto of = [&](int pattern) {
    return std::vector<int>(all.begin() + 32 * pattern, all.begin() + 32 * (pattern + 1));
  };
  for (const int pattern : {0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 13, 14, 15, 16})
    EXPECT_EQ(wavefronts_of_quads(of(pattern)), 2) << "pattern " << pattern;
  for (const int pattern : {6, 7}) EXPECT_EQ(wavefronts_of_quads(of(pattern)), 4) << "pattern " << pattern;
  EXPECT_EQ(wavefronts_of_words(of(12)), 1);
  EXPECT_EQ(wavefronts_of_words(of(17)), 1);
  const auto of_split = [&](int pattern) { return of(first_split + pattern); };
  for (int pattern = 0; pattern < 11; ++pattern)
    EXPECT_EQ(wavefronts_of_quads(of_split(pattern)), 4) << "pattern " << pattern << " of tensor cores";
  EXPECT_EQ(wavefronts_of_pairs(of_split(11)), 2);
}

/// What the counts mean, on patterns whose wavefronts are known.
TEST_F(Banks, AreCountedRight) {
  std::vector<int> same(32, 5);
  std::vector<int> apart;
  std::vector<int> neighbours;
  std::vector<int> pairs;
  for (int lane = 0; lane < 32; ++lane) {
    apart.push_back(32 * lane);
    neighbours.push_back(4 * lane);
    pairs.push_back(4 * (lane / 2));
  }
  EXPECT_EQ(wavefronts_of_words(same), 1);
  EXPECT_EQ(wavefronts_of_words(apart), 32);
  EXPECT_EQ(wavefronts_of_words(neighbours), 4);
  EXPECT_EQ(wavefronts_of_quads(neighbours), 4);
  EXPECT_EQ(wavefronts_of_quads(pairs), 2);
  EXPECT_EQ(wavefronts_of_quads(apart), 32);
}

}  // namespace
}  // namespace gmmvae::cuda::fused
