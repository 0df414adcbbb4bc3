#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gpu.hpp"

// The nearest of many points by comparing each query with all of them, or with those of some lists: the one
// search behind exact and approximate neighbours, the assignment of points to centroids and the choice of
// lists.
namespace gmmvae::cuda {

/// Queries that one block answers: consecutive ones that look at the same lists.
struct QueryTile {
  std::uint32_t first;
  std::uint32_t count;
  std::uint32_t probes;  ///< row of SearchTask::probes
};

inline constexpr std::uint32_t no_point = 0xffffffffu;

/// Device memory everywhere. Points stand list by list.
struct SearchTask {
  const float* queries = nullptr;              ///< [M,dim]
  const std::uint32_t* query_ids = nullptr;    ///< [M] the point that a query must not find, or null
  const float* points = nullptr;               ///< [N,dim]
  const std::uint32_t* point_ids = nullptr;    ///< [N] their numbers, or null where a point's is its place
  const std::uint32_t* list_begins = nullptr;  ///< [lists+1] in points
  const std::uint32_t* probes = nullptr;       ///< [.,probe_stride] lists to look at
  std::uint32_t probe_stride = 1;
  std::uint32_t probe_count = 1;
  const QueryTile* tiles = nullptr;
  int dim = 0;
  int k = 0;
  std::uint32_t* found =
      nullptr;               ///< [M,k] numbers, ascending by distance, then by number; no_point: missing
  float* squared = nullptr;  ///< [M,k]
  int* missing = nullptr;    ///< becomes 1 where a query found fewer than k, or null
  unsigned long long* candidates = nullptr;  ///< launch_search's own
};

/// How many queries a block takes and how many candidates each of them holds.
struct SearchShape {
  int warps = 0;
  int capacity = 0;               ///< a power of two above k + 127
  bool in_device_memory = false;  ///< candidates that shared memory cannot hold
  [[nodiscard]] int queries() const { return 4 * warps; }
};

/// The shape for k neighbours on a device with so much shared memory a block. Where not even one warp's
/// candidates fit, from some 4000 neighbours on, they lie in device memory, as much of it as the answers
/// take.
SearchShape search_shape(std::size_t k, std::size_t shared_limit);
/// Bytes of shared memory that a block of this shape has.
std::size_t search_shared_bytes(const SearchShape& shape);

void launch_search(SearchTask task, std::size_t tiles, const SearchShape& shape, cudaStream_t stream);

}  // namespace gmmvae::cuda
