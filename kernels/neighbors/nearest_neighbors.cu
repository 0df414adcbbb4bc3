#include "host/tsne/neighbors.hpp"
#include "host/tsne/normalizer.hpp"
#include "kernels/neighbors/neighbors.hpp"

namespace gmmvae::cuda {

NearestNeighbors neighbors(MatrixView<float> x, std::size_t k, NeighborSearch search, cudaStream_t stream) {
  tsne::check_neighbors(x, k);
  const tsne::Normalizer normalizer(x);
  const DeviceNeighbors found = find_neighbors(normalizer.apply(x), k, search, 0, stream);
  const std::vector<std::uint32_t> order = to_host(found.order, stream);
  const std::vector<std::uint32_t> points = to_host(found.points, stream);
  const std::vector<float> squared = to_host(found.squared, stream);
  NearestNeighbors out{k, std::vector<std::uint32_t>(x.rows * k), std::vector<float>(x.rows * k),
                       found.recall};
  const double unit = normalizer.squared_unit();
  for (std::size_t p = 0; p < x.rows; ++p)
    for (std::size_t a = 0; a < k; ++a) {
      out.points[order[p] * k + a] = points[p * k + a];
      out.squared[order[p] * k + a] = static_cast<float>(squared[p * k + a] * unit);
    }
  return out;
}

}  // namespace gmmvae::cuda
