#include "kernels/neighbors/search.hpp"
#include "kernels/runtime/memory.hpp"

// A block holds some queries and walks through the candidates in tiles of 128: distances in registers, four
// queries and four candidates a thread. A warp's 128 x 4 distances all belong to its own four queries, so
// everything after that is the warp's own business: those below the k-th best so far go to the query's list
// in shared memory, and where that is full the warp sorts it and keeps k. Distance and number make one
// integer whose order has no ties, so the k least of them do not depend on when they came. Lists that are too
// long for shared memory lie in device memory, where the warp goes on in the same way.
namespace gmmvae::cuda {
namespace {

constexpr int queries_a_warp = 4;
constexpr int candidates_a_thread = 4;
constexpr int tile = 32 * candidates_a_thread;
constexpr int depth = 16;
constexpr int most_warps = 8;
constexpr int tile_pitch = tile + 4;  // rows of 16 bytes, shifted by a bank group
constexpr unsigned long long worst = ~0ull;

struct SearchMemory {
  float* queries;            ///< [depth][4 warps]
  float* candidates;         ///< [depth][tile_pitch]
  std::uint32_t* ids;        ///< [tile]
  unsigned long long* best;  ///< [4 warps][capacity]
  __host__ __device__ SearchMemory(SharedArena& arena, const SearchShape& shape)
      : queries(arena.take<float>(static_cast<std::size_t>(depth) * queries_a_warp * shape.warps)),
        candidates(arena.take<float>(static_cast<std::size_t>(depth) * tile_pitch)),
        ids(arena.take<std::uint32_t>(tile)),
        best(arena.take<unsigned long long>(static_cast<std::size_t>(queries_a_warp) * shape.warps *
                                            (shape.in_device_memory ? 0 : shape.capacity))) {}
};

/// Sorts `size` numbers (a power of two) with one warp: Batcher's bitonic network.
__device__ inline void sort_by_warp(unsigned long long* keys, int size) {
  const int lane = static_cast<int>(lane_id());
  for (int length = 2; length <= size; length *= 2) {
    for (int step = length / 2; step > 0; step /= 2) {
      for (int pair = lane; pair < size / 2; pair += 32) {
        const int low = 2 * step * (pair / step) + pair % step;
        const int high = low + step;
        const bool ascending = (low & length) == 0;
        const unsigned long long a = keys[low];
        const unsigned long long b = keys[high];
        if ((a > b) == ascending) {
          keys[low] = b;
          keys[high] = a;
        }
      }
      __syncwarp();
    }
  }
}

/// The k best of a query, sorted, and nothing behind them. Returns the k-th, or `worst` where there are
/// fewer.
__device__ inline unsigned long long keep_best(unsigned long long* keys, int count, int capacity, int k) {
  const int lane = static_cast<int>(lane_id());
  for (int i = count + lane; i < capacity; i += 32) keys[i] = worst;
  __syncwarp();
  sort_by_warp(keys, capacity);
  const unsigned long long last = keys[k - 1];
  __syncwarp();
  return last;
}

/// One query's share of a warp's work.
struct Selection {
  unsigned long long limit;  ///< only smaller keys matter
  int count;
  std::uint32_t self;
};

/// Rows `first` and on of [.][dim], columns d0 to d0 + depth - 1, into shared [depth][pitch]; zeros where
/// there is none.
__device__ inline void load_panel(const float* rows, std::uint32_t first, int count, int wanted, int dim,
                                  int d0, float* panel, int pitch) {
  for (int i = static_cast<int>(thread_rank()); i < wanted * depth; i += static_cast<int>(block_threads())) {
    const int row = i / depth;
    const int d = i % depth;
    const bool there = row < count && d0 + d < dim;
    panel[d * pitch + row] = there ? rows[static_cast<std::size_t>(first + row) * dim + d0 + d] : 0.0f;
  }
}

__device__ inline void add_squares(const SearchMemory& shared, int pitch, int dims, float (&sum)[4][4]) {
  const int query = static_cast<int>(warp_id()) * queries_a_warp;
  const int candidate = static_cast<int>(lane_id()) * candidates_a_thread;
#pragma unroll 4
  for (int d = 0; d < dims; ++d) {
    const float4 q = *reinterpret_cast<const float4*>(shared.queries + d * pitch + query);
    const float4 c = *reinterpret_cast<const float4*>(shared.candidates + d * tile_pitch + candidate);
    const float a[4] = {q.x, q.y, q.z, q.w};
    const float b[4] = {c.x, c.y, c.z, c.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const float apart = a[i] - b[j];
        sum[i][j] += apart * apart;
      }
    }
  }
}

/// Squared distances are not negative, so their bits order like the numbers.
__device__ inline unsigned long long key_of(float squared, std::uint32_t id) {
  return static_cast<unsigned long long>(__float_as_uint(squared)) << 32 | id;
}

// Two blocks a multiprocessor: without that word the compiler makes room for four and spills.
__global__ void __launch_bounds__(32 * most_warps, 2) search(SearchTask task, SearchShape shape) {
  GPU_DYNAMIC_SHARED(buffer);
  SharedArena arena(buffer);
  const SearchMemory shared(arena, shape);
  const QueryTile queries = task.tiles[blockIdx.x];
  const int lane = static_cast<int>(lane_id());
  const int own = static_cast<int>(warp_id()) * queries_a_warp;
  const int pitch = queries_a_warp * shape.warps;
  unsigned long long* lists =
      shape.in_device_memory ? task.candidates + static_cast<std::size_t>(blockIdx.x) * pitch * shape.capacity
                             : shared.best;
  Selection selection[queries_a_warp];
#pragma unroll
  for (int i = 0; i < queries_a_warp; ++i) {
    const bool real = own + i < static_cast<int>(queries.count);
    selection[i] = {real ? worst : 0ull, 0, no_point};
    if (real && task.query_ids != nullptr) selection[i].self = task.query_ids[queries.first + own + i];
  }
  const std::uint32_t* probes = task.probes + static_cast<std::size_t>(queries.probes) * task.probe_stride;
  for (std::uint32_t probe = 0; probe < task.probe_count; ++probe) {
    const std::uint32_t list = probes[probe];
    const std::uint32_t end = task.list_begins[list + 1];
    for (std::uint32_t first = task.list_begins[list]; first < end; first += tile) {
      const int count = end - first < static_cast<std::uint32_t>(tile) ? static_cast<int>(end - first) : tile;
      float sum[4][4] = {};
      for (int d0 = 0; d0 < task.dim; d0 += depth) {
        __syncthreads();
        load_panel(task.queries, queries.first, static_cast<int>(queries.count), pitch, task.dim, d0,
                   shared.queries, pitch);
        load_panel(task.points, first, count, tile, task.dim, d0, shared.candidates, tile_pitch);
        if (d0 == 0)
          for (int i = static_cast<int>(thread_rank()); i < count; i += static_cast<int>(block_threads()))
            shared.ids[i] = task.point_ids != nullptr ? task.point_ids[first + i] : first + i;
        __syncthreads();
        add_squares(shared, pitch, task.dim - d0 < depth ? task.dim - d0 : depth, sum);
      }
#pragma unroll
      for (int i = 0; i < queries_a_warp; ++i) {
        Selection& mine = selection[i];
        unsigned long long* best = lists + static_cast<std::size_t>(own + i) * shape.capacity;
#pragma unroll
        for (int j = 0; j < candidates_a_thread; ++j) {
          const int candidate = lane * candidates_a_thread + j;
          unsigned long long key = worst;
          if (candidate < count) {
            const std::uint32_t id = shared.ids[candidate];
            if (id != mine.self) key = key_of(sum[i][j], id);
          }
          const unsigned taken = __ballot_sync(full_warp, key < mine.limit);
          if (key < mine.limit) best[mine.count + __popc(taken & ((1u << lane) - 1u))] = key;
          mine.count += __popc(taken);
        }
        if (mine.count > shape.capacity - tile) {
          __syncwarp();
          mine.limit = keep_best(best, mine.count, shape.capacity, task.k);
          mine.count = mine.count < task.k ? mine.count : task.k;
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < queries_a_warp; ++i) {
    const bool real = own + i < static_cast<int>(queries.count);
    unsigned long long* best = lists + static_cast<std::size_t>(own + i) * shape.capacity;
    __syncwarp();
    keep_best(best, selection[i].count, shape.capacity, task.k);
    if (real) {
      const std::size_t row = static_cast<std::size_t>(queries.first + own + i) * task.k;
      for (int a = lane; a < task.k; a += 32) {
        const unsigned long long key = best[a];
        task.found[row + a] = static_cast<std::uint32_t>(key);
        task.squared[row + a] = __uint_as_float(static_cast<unsigned>(key >> 32));
        if (key == worst && task.missing != nullptr) atomicMax(task.missing, 1);
      }
    }
  }
}

}  // namespace

std::size_t search_shared_bytes(const SearchShape& shape) {
  SharedArena arena;
  const SearchMemory shared(arena, shape);
  static_cast<void>(shared);
  return arena.bytes();
}

SearchShape search_shape(std::size_t k, std::size_t shared_limit) {
  SearchShape shape{most_warps, 2 * tile};
  while (static_cast<std::size_t>(shape.capacity) < k + tile) shape.capacity *= 2;
  while (shape.warps > 1 && search_shared_bytes(shape) > shared_limit) shape.warps /= 2;
  // several blocks a multiprocessor hide each other's barriers
  while (shape.warps > 2 && search_shared_bytes(shape) > shared_limit / 2) shape.warps /= 2;
  if (search_shared_bytes(shape) > shared_limit) shape = {most_warps, shape.capacity, true};
  return shape;
}

void launch_search(SearchTask task, std::size_t tiles, const SearchShape& shape, cudaStream_t stream) {
  if (tiles == 0) return;
  DeviceArray<unsigned long long> candidates;
  if (shape.in_device_memory) {
    candidates = {tiles * shape.queries() * shape.capacity, stream};
    task.candidates = candidates.data();
  }
  launch(search, tiles, dim3(static_cast<unsigned>(32 * shape.warps)), search_shared_bytes(shape), stream,
         task, shape);
}

}  // namespace gmmvae::cuda
