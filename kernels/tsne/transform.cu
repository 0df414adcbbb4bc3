#include "host/tsne/normalizer.hpp"
#include "host/tsne/transform.hpp"
#include "kernels/neighbors/lists.hpp"
#include "kernels/tsne/affinities.hpp"
#include "kernels/tsne/embedding.hpp"
#include "kernels/tsne/pair.cuh"
#include "kernels/tsne/sums.cuh"

// New points in a finished embedding. A block places one: its threads share out the embedding's points, whose
// repulsion is summed in a fixed order, and thread 0 does what is left, in double as on the CPU.
namespace gmmvae::cuda {
namespace {

constexpr int threads = sum_threads;
/// Pairs that a thread adds in single precision before it goes on in double.
constexpr int run = 32;

struct Placing {
  const float* embedding;          ///< [N,dim]
  std::uint32_t points;            ///< N
  const std::uint32_t* neighbors;  ///< [M,k] rows of the embedding
  const float* weights;            ///< [M,k] p(j|i)
  int k;
  float* positions;  ///< [M,dim]
  int iterations;
  double exaggeration;
  double learning_rate;
  double momentum;
  double longest_gradient;
};

/// This thread's share of sum q^2 (y - y_j) and sum q.
template <int Dim>
__device__ inline void repel_from_all(const Placing& placing, const float (&own)[Dim], double (&force)[Dim],
                                      double& z) {
  for (std::uint32_t first = threadIdx.x; first < placing.points; first += run * threads) {
    float part[Dim] = {};
    float part_z = 0.0f;
    for (int i = 0; i < run; ++i) {
      const std::uint32_t j = first + static_cast<std::uint32_t>(i * threads);
      if (j >= placing.points) break;
      add_pair<Dim>(own, placing.embedding + static_cast<std::size_t>(j) * Dim, part, part_z);
    }
    z += static_cast<double>(part_z);
#pragma unroll
    for (int d = 0; d < Dim; ++d) force[d] += static_cast<double>(part[d]);
  }
}

template <int Dim>
__device__ inline void attract(const Placing& placing, const float (&own)[Dim], double (&gradient)[Dim]) {
  const std::size_t row = static_cast<std::size_t>(blockIdx.x) * placing.k;
  for (int a = 0; a < placing.k; ++a) {
    double apart[Dim];
    double squared = 1.0;
#pragma unroll
    for (int d = 0; d < Dim; ++d) {
      apart[d] = static_cast<double>(own[d]) -
                 placing.embedding[static_cast<std::size_t>(placing.neighbors[row + a]) * Dim + d];
      squared += apart[d] * apart[d];
    }
    const double weight = placing.weights[row + a] / squared;
#pragma unroll
    for (int d = 0; d < Dim; ++d) gradient[d] += weight * apart[d];
  }
}

template <int Dim>
__global__ void __launch_bounds__(threads) place(Placing placing) {
  GPU_SHARED(float, position, [Dim]);
  double update[Dim] = {};
  double gain[Dim];
#pragma unroll
  for (int d = 0; d < Dim; ++d) gain[d] = 1.0;
  if (threadIdx.x < Dim) position[threadIdx.x] = placing.positions[blockIdx.x * Dim + threadIdx.x];
  for (int step = 0; step < placing.iterations; ++step) {
    __syncthreads();
    float own[Dim];
#pragma unroll
    for (int d = 0; d < Dim; ++d) own[d] = position[d];
    double force[Dim] = {};
    double z = 0.0;
    repel_from_all<Dim>(placing, own, force, z);
    z = block_sum(z);
#pragma unroll
    for (int d = 0; d < Dim; ++d) force[d] = block_sum(force[d]);
    if (threadIdx.x == 0) {
      double gradient[Dim] = {};
      attract<Dim>(placing, own, gradient);
      double squared = 0.0;
#pragma unroll
      for (int d = 0; d < Dim; ++d) {
        gradient[d] = placing.exaggeration * gradient[d] - force[d] / z;
        squared += gradient[d] * gradient[d];
      }
      const double longest = placing.longest_gradient;
      const double shrink = squared > longest * longest ? longest / sqrt(squared) : 1.0;
#pragma unroll
      for (int d = 0; d < Dim; ++d) {
        const double slope = shrink * gradient[d];
        gain[d] = slope * update[d] <= 0.0 ? gain[d] + 0.2 : gain[d] * 0.8 + 0.01;
        update[d] = placing.momentum * update[d] - placing.learning_rate * gain[d] * slope;
        position[d] += static_cast<float>(update[d]);
      }
    }
  }
  __syncthreads();
  if (threadIdx.x < Dim) placing.positions[blockIdx.x * Dim + threadIdx.x] = position[threadIdx.x];
}

/// The k nearest of x [N,D] to each of the queries [M,D], with their squared distances.
struct Nearest {
  DeviceArray<std::uint32_t> points;
  DeviceArray<float> squared;
};

Nearest nearest_of(MatrixView<float> x, MatrixView<float> queries, std::size_t k, cudaStream_t stream) {
  const SearchShape shape = search_shape(k, shared_limit());
  std::vector<QueryTile> tiles;
  add_tiles(tiles, 0, static_cast<std::uint32_t>(queries.rows), 0, shape);
  const std::vector<std::uint32_t> one_list = {0, static_cast<std::uint32_t>(x.rows)};
  const DeviceArray<float> points = to_device(std::span(x.data, x.size()), stream);
  const DeviceArray<float> from = to_device(std::span(queries.data, queries.size()), stream);
  const DeviceArray<std::uint32_t> begins = to_device(one_list, stream);
  const DeviceArray<QueryTile> device_tiles = to_device(tiles, stream);
  Nearest out{DeviceArray<std::uint32_t>(queries.rows * k, stream),
              DeviceArray<float>(queries.rows * k, stream)};
  SearchTask task;
  task.queries = from.data();
  task.points = points.data();
  task.list_begins = begins.data();
  task.probes = begins.data();  // the one list's number is 0
  task.tiles = device_tiles.data();
  task.dim = static_cast<int>(x.cols);
  task.k = static_cast<int>(k);
  task.found = out.points.data();
  task.squared = out.squared.data();
  launch_search(task, tiles.size(), shape, stream);
  return out;
}

}  // namespace

Matrix<float> tsne_transform(MatrixView<float> x, MatrixView<float> y, MatrixView<float> new_points,
                             cudaStream_t stream) {
  tsne::check_placement(x, y, new_points);
  const tsne::Normalizer normalizer(x);
  const tsne::Placement placement(x.rows);
  Nearest lists = nearest_of(normalizer.apply(x), normalizer.apply(new_points), placement.neighbors, stream);
  calibrate(lists.squared, new_points.rows, placement.neighbors, placement.perplexity, stream);
  const std::vector<std::uint32_t> neighbors = to_host(lists.points, stream);
  Matrix<float> out(new_points.rows, y.cols);
  for (std::size_t i = 0; i < out.rows(); ++i)
    for (std::size_t d = 0; d < y.cols; ++d)
      out(i, d) =
          tsne::median_of(y, std::span(neighbors).subspan(i * placement.neighbors, placement.neighbors), d);
  const DeviceArray<float> embedding = to_device(std::span(y.data, y.size()), stream);
  DeviceArray<float> positions = to_device(out.values(), stream);
  const Placing placing{embedding.data(),
                        static_cast<std::uint32_t>(y.rows),
                        lists.points.data(),
                        lists.squared.data(),
                        static_cast<int>(placement.neighbors),
                        positions.data(),
                        static_cast<int>(placement.iterations),
                        placement.exaggeration,
                        placement.learning_rate,
                        placement.momentum,
                        placement.longest_gradient};
  const auto kernel = y.cols == 1 ? place<1> : y.cols == 2 ? place<2> : place<3>;
  launch(kernel, out.rows(), threads, 0, stream, placing);
  return {out.rows(), out.cols(), to_host(positions, stream)};
}

}  // namespace gmmvae::cuda
