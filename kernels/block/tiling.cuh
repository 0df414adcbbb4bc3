#pragma once

// How a block cuts a product into register tiles. A warp works on a unit of 2^rows x 2^columns tiles; where
// there are fewer tiles than threads, 2^parts lanes share a tile, each sums a part of its depth, and the
// parts are then summed over the lanes in a fixed order. So narrow layers and short last batches keep all
// warps busy.
//
// Within a warp, the number of a tile's row does not depend on bit 0 of the lane, nor the number of its
// column on bit 1: LDS.128 is charged two wavefronts instead of four where neighbouring lanes read the same
// 16 bytes.

#include "kernels/gpu.hpp"

namespace gmmvae::block {

/// The cut of one product; logarithms to base 2, rows + columns + parts = 5.
struct Tiling {
  int rows;
  int columns;
  int parts;
  int units_across;
  int units;
};

__host__ __device__ inline int ceil_div(int a, int b) {
  return (a + b - 1) / b;
}
__host__ __device__ inline int ceil_log2(int n) {
  int bits = 0;
  while ((1 << bits) < n) ++bits;
  return bits;
}
__host__ __device__ inline int smaller(int a, int b) {
  return a < b ? a : b;
}
__host__ __device__ inline int larger(int a, int b) {
  return a > b ? a : b;
}

/// row_groups x column_groups tiles of a product of `depth` steps over `warps` warps; a tile's values can be
/// split over at most 2^most_parts lanes.
__host__ __device__ inline Tiling choose_tiling(int row_groups, int column_groups, int depth, int most_parts,
                                                int warps) {
  Tiling tiling{};
  for (int parts = most_parts; parts >= 0; --parts) {
    const int lanes = 5 - parts;
    const int wanted_rows = smaller(ceil_log2(row_groups), lanes);
    const int wanted_columns = smaller(ceil_log2(column_groups), lanes);
    tiling.columns = larger(smaller(wanted_columns, 3), lanes - wanted_rows);
    tiling.rows = lanes - tiling.columns;
    tiling.parts = parts;
    tiling.units_across = ceil_div(column_groups, 1 << tiling.columns);
    tiling.units = tiling.units_across * ceil_div(row_groups, 1 << tiling.rows);
    if (tiling.units <= warps && (1 << parts) <= depth) break;
  }
  return tiling;
}

/// What a lane does in a unit.
struct LanePlace {
  int row;  ///< number of the tile's row within the unit
  int column;
  int part;
};
__device__ inline LanePlace lane_place(const Tiling& tiling) {
  const int low_columns = smaller(tiling.columns, 1);
  const int low_rows = smaller(tiling.rows, 1);
  int bits = static_cast<int>(lane_id());
  LanePlace place{};
  place.column = bits & ((1 << low_columns) - 1);
  bits >>= low_columns;
  place.row = bits & ((1 << low_rows) - 1);
  bits >>= low_rows;
  place.column |= (bits & ((1 << (tiling.columns - low_columns)) - 1)) << low_columns;
  bits >>= tiling.columns - low_columns;
  place.row |= (bits & ((1 << (tiling.rows - low_rows)) - 1)) << low_rows;
  place.part = bits >> (tiling.rows - low_rows);
  return place;
}

/// Sums value[i] over the lanes that share a tile. Afterwards each of them holds Count >> parts of the sums
/// in value[0..], from number `first` on, which is returned. The whole warp calls it; Count is divisible by
/// 2^parts.
template <int Count, int MostParts>
__device__ inline int sum_parts(float (&value)[Count], const Tiling& tiling, int part) {
  int first = 0;
#pragma unroll
  for (int level = 0; level < MostParts; ++level) {
    if (level >= tiling.parts) break;
    const int half = Count >> (level + 1);
    const bool upper = (part >> level & 1) != 0;
    const int mask = 1 << (5 - tiling.parts + level);
#pragma unroll
    for (int i = 0; i < Count / 2; ++i) {
      if (i >= half) break;
      const float given = upper ? value[i] : value[i + half];
      const float kept = upper ? value[i + half] : value[i];
      value[i] = kept + __shfl_xor_sync(full_warp, given, mask);
    }
    if (upper) first += half;
  }
  return first;
}

/// Sum over the 32 lanes, the same in each.
template <class T>
__device__ inline T warp_sum(T value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) value += __shfl_xor_sync(full_warp, value, mask);
  return value;
}

}  // namespace gmmvae::block
