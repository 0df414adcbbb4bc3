// Comparisons of two sets of points: which sums are taken in which pass, and in which portions.
#include <algorithm>
#include <numeric>

#include "host/evaluation/comparison.hpp"
#include "kernels/metrics/metrics.hpp"
#include "kernels/metrics/pairs.hpp"
#include "kernels/metrics/points.hpp"

namespace gmmvae::cuda {
namespace {

/// Rows of one launch: what its pieces have found is kept until they are added up.
constexpr std::size_t rows_at_a_time = std::size_t{1} << 18;
/// The other set is cut into at most so many pieces, of at least so many points each: enough blocks for a
/// device where there are few rows. A sum's order follows from the sizes alone.
constexpr std::size_t most_pieces = 16;
constexpr std::size_t least_in_piece = 512;

std::vector<int> pieces_of(int count) {
  const auto all = static_cast<std::size_t>(count);
  const std::size_t pieces = std::clamp<std::size_t>(all / least_in_piece, 1, most_pieces);
  std::vector<int> offsets;
  for (std::size_t p = 0; p <= pieces; ++p) offsets.push_back(static_cast<int>(all * p / pieces));
  return offsets;
}

/// What is wanted of one pass over all pairs; null where it is not.
struct Wanted {
  std::vector<float>* radius2 = nullptr;
  int neighbors = 0;
  std::vector<float>* nearest2 = nullptr;
  std::vector<std::uint32_t>* inside = nullptr;
  const float* radii = nullptr;  ///< on the device, of the other set
  std::vector<double>* kernels = nullptr;
  double kernel_base = 0.0;
  std::vector<double>* distances = nullptr;

  [[nodiscard]] bool anything() const {
    return radius2 != nullptr || nearest2 != nullptr || inside != nullptr || kernels != nullptr ||
           distances != nullptr;
  }
};

/// The device memory of one pass: results of the pieces and their totals.
class PairPass {
 public:
  PairPass(const DevicePoints& points, const DevicePoints& others, const Wanted& wanted, cudaStream_t stream)
      : wanted_(wanted), stream_(stream), offsets_(pieces_of(others.count())), pieces_(offsets_.size() - 1) {
    task_.points = points.data();
    task_.points_count = points.count();
    task_.others = others.data();
    task_.others_count = others.count();
    task_.dim = points.dim();
    device_offsets_ = to_device(offsets_, stream);
    task_.pieces = device_offsets_.data();
    task_.radii = wanted.radii;
    if (wanted.kernels != nullptr) task_.kernel_factor = static_cast<float>(-0.5 / wanted.kernel_base);
    const std::size_t rows = std::min(rows_at_a_time, static_cast<std::size_t>(points.count()));
    if (wanted.radius2 != nullptr) {
      task_.listed = wanted.neighbors + 1;  // the point itself is among the others
      lists_ = DeviceArray<float>(rows * pieces_ * static_cast<std::size_t>(task_.listed), stream);
      task_.lists = lists_.data();
      totals_.radius2 = make(radius2_, rows);
    }
    if (wanted.nearest2 != nullptr) {
      task_.nearest = make(piece_nearest_, rows * pieces_);
      totals_.nearest = make(nearest_, rows);
    }
    if (wanted.inside != nullptr) {
      task_.inside = make(piece_inside_, rows * pieces_);
      totals_.inside = make(inside_, rows);
    }
    if (wanted.kernels != nullptr) {
      task_.kernels = make(piece_kernels_, rows * pieces_);
      totals_.kernels = make(kernels_, rows);
    }
    if (wanted.distances != nullptr) {
      task_.distances = make(piece_distances_, rows * pieces_);
      totals_.distances = make(distances_, rows);
    }
  }

  void run() {
    const auto count = static_cast<std::size_t>(task_.points_count);
    for (std::size_t first = 0; first < count; first += rows_at_a_time) {
      const std::size_t rows = std::min(rows_at_a_time, count - first);
      task_.first_row = static_cast<int>(first);
      task_.rows = static_cast<int>(rows);
      launch_pairs(task_, static_cast<int>(pieces_), stream_);
      launch_totals(task_, static_cast<int>(pieces_), totals_, stream_);
      fetch(wanted_.radius2, radius2_, rows);
      fetch(wanted_.nearest2, nearest_, rows);
      fetch(wanted_.inside, inside_, rows);
      fetch(wanted_.kernels, kernels_, rows);
      fetch(wanted_.distances, distances_, rows);
    }
  }

 private:
  template <class T>
  T* make(DeviceArray<T>& array, std::size_t count) {
    array = DeviceArray<T>(count, stream_);
    return array.data();
  }
  template <class T>
  void fetch(std::vector<T>* host, const DeviceArray<T>& device, std::size_t rows) {
    if (host != nullptr) append_to(*host, device, rows, stream_);
  }

  Wanted wanted_;
  cudaStream_t stream_;
  std::vector<int> offsets_;
  std::size_t pieces_;
  DeviceArray<int> device_offsets_;
  PairTask task_;
  PairTotals totals_;
  DeviceArray<float> lists_, piece_nearest_, radius2_, nearest_;
  DeviceArray<unsigned> piece_inside_, inside_;
  DeviceArray<double> piece_kernels_, piece_distances_, kernels_, distances_;
};

void pass(const DevicePoints& points, const DevicePoints& others, const Wanted& wanted, cudaStream_t stream) {
  if (wanted.anything()) PairPass(points, others, wanted, stream).run();
}

/// What the points of a set see of their own.
void look_within(const DevicePoints& points, const ComparisonOptions& options, bool kernels, PointSums& out,
                 cudaStream_t stream) {
  Wanted wanted;
  if (options.neighbors > 0) wanted.radius2 = &out.radius2;
  wanted.neighbors = static_cast<int>(options.neighbors);
  if (kernels && options.kernel_base > 0.0) wanted.kernels = &out.kernels_own;
  wanted.kernel_base = options.kernel_base;
  if (options.distances) wanted.distances = &out.distances_own;
  pass(points, points, wanted, stream);
}

/// What they see of the other set, whose balls have these squared radii.
void look_across(const DevicePoints& points, const DevicePoints& others, const std::vector<float>& radii,
                 const ComparisonOptions& options, PointSums& out, cudaStream_t stream) {
  Wanted wanted;
  const DeviceArray<float> device_radii = to_device(radii, stream);
  if (options.neighbors > 0) {
    wanted.nearest2 = &out.nearest2;
    wanted.inside = &out.inside;
    wanted.radii = device_radii.data();
  }
  if (!options.kernels_of_x_alone && options.kernel_base > 0.0) wanted.kernels = &out.kernels_other;
  wanted.kernel_base = options.kernel_base;
  if (options.distances) wanted.distances = &out.distances_other;
  pass(points, others, wanted, stream);
}

}  // namespace

SampleComparison compare_samples(MatrixView<float> x, MatrixView<float> y, const ComparisonOptions& options,
                                 cudaStream_t stream) {
  check_comparison(x, y, options);
  SampleComparison out;
  out.x.rows = x.rows;
  out.y.rows = y.rows;
  const DevicePoints first(x, stream);
  const DevicePoints second(y, stream);
  look_within(first, options, true, out.x, stream);
  look_within(second, options, !options.kernels_of_x_alone, out.y, stream);
  look_across(first, second, out.y.radius2, options, out.x, stream);
  look_across(second, first, out.x.radius2, options, out.y, stream);
  if (options.directions > 0) out.squared_w2 = sliced_squares(x, y, options.directions, options.seed, stream);
  return out;
}

Matrix<double> distances_to_groups(MatrixView<float> y, MatrixView<float> x,
                                   std::span<const std::size_t> offsets, cudaStream_t stream) {
  const std::size_t groups = offsets.size() - 1;
  Matrix<double> out(y.rows, groups);
  if (y.empty() || groups == 0) return out;
  const DevicePoints points(y, stream);
  const DevicePoints others(x, stream);
  std::vector<int> pieces;
  for (const std::size_t offset : offsets) pieces.push_back(DevicePoints::to_int(offset));
  const DeviceArray<int> device_pieces = to_device(pieces, stream);
  PairTask task;
  task.points = points.data();
  task.points_count = points.count();
  task.others = others.data();
  task.others_count = others.count();
  task.dim = points.dim();
  task.pieces = device_pieces.data();
  const std::size_t portion = std::min(rows_at_a_time, y.rows);
  DeviceArray<double> sums(portion * groups, stream);
  task.distances = sums.data();
  for (std::size_t row = 0; row < y.rows; row += portion) {
    const std::size_t rows = std::min(portion, y.rows - row);
    task.first_row = static_cast<int>(row);
    task.rows = static_cast<int>(rows);
    launch_pairs(task, static_cast<int>(groups), stream);
    std::vector<double> found;
    append_to(found, sums, rows * groups, stream);
    for (std::size_t g = 0; g < groups; ++g)
      for (std::size_t i = 0; i < rows; ++i) out(row + i, g) = found[g * rows + i];
  }
  return out;
}

}  // namespace gmmvae::cuda
