// Small products of dense layers by many blocks, for the program in sanitized.cu: tiles that reach beyond the
// matrices, several panels of which the last is partial, depths that blocks share.
#include <cmath>
#include <vector>

#include "kernels/dense/dense.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::cuda {
namespace {

/// [rows][stride] of numbers between -1 and 1 whose padding has never been written.
struct Padded {
  DeviceArray<float> values;
  int stride;

  Padded(int rows, int columns, bool filled) : values(size(rows, columns), nullptr), stride(padded(columns)) {
    std::vector<float> row(static_cast<std::size_t>(columns));
    for (int r = 0; r < rows && filled; ++r) {
      for (int c = 0; c < columns; ++c) row[static_cast<std::size_t>(c)] = std::sin(3.7f * (r * columns + c));
      GPU_CHECK(cudaMemcpy(values.data() + r * stride, row.data(), row.size() * sizeof(float),
                           cudaMemcpyHostToDevice));
    }
  }
  /// Whether all that lies inside are finite numbers.
  [[nodiscard]] bool is_finite(int rows, int columns) const {
    std::vector<float> row(static_cast<std::size_t>(columns));
    for (int r = 0; r < rows; ++r) {
      GPU_CHECK(cudaMemcpy(row.data(), values.data() + r * stride, row.size() * sizeof(float),
                           cudaMemcpyDeviceToHost));
      for (const float value : row)
        if (!std::isfinite(value)) return false;
    }
    return true;
  }

 private:
  static int padded(int columns) { return (columns + 3) / 4 * 4; }
  static std::size_t size(int rows, int columns) { return static_cast<std::size_t>(rows * padded(columns)); }
};

bool layer_works(int count, int in, int out, const dense::Cut& cut) {
  constexpr int more = 3;  // samples of a whole batch
  dense::Workspace workspace(nullptr);
  const DeviceArray<int> counted = to_device(std::vector<int>{count}, nullptr);
  const dense::Samples samples = {count + more, counted.data()};
  const Padded input(count, in, true), weight(out, in, true), bias(1, out, true), delta(count, out, true);
  Padded output(count, out, false), back(count, in, false), gradient(out + 1, in > out ? in : out, false);
  dense::launch_forward({in,
                         out,
                         Activation::relu,
                         {input.values.data(), input.stride},
                         {weight.values.data(), weight.stride},
                         bias.values.data(),
                         {output.values.data(), output.stride},
                         nullptr},
                        samples, workspace, nullptr, cut);
  dense::launch_input_gradient({in,
                                out,
                                {delta.values.data(), delta.stride},
                                {weight.values.data(), weight.stride},
                                Activation::tanh,
                                {input.values.data(), input.stride},
                                nullptr,
                                {back.values.data(), back.stride}},
                               samples, workspace, nullptr, cut);
  block::Update stored{};
  stored.gradient = gradient.values.data();
  const DeviceArray<block::Update> update = to_device(std::vector<block::Update>{stored}, nullptr);
  DeviceArray<double> norms(64, nullptr);
  dense::launch_parameter_gradients({in,
                                     out,
                                     {delta.values.data(), delta.stride},
                                     {input.values.data(), input.stride},
                                     0,
                                     gradient.stride,
                                     out * gradient.stride,
                                     update.data(),
                                     norms.data()},
                                    samples, workspace, nullptr, cut);
  GPU_CHECK(cudaDeviceSynchronize());
  double norm = 0;
  GPU_CHECK(cudaMemcpy(&norm, norms.data(), sizeof norm, cudaMemcpyDeviceToHost));
  return std::isfinite(norm) && output.is_finite(count, out) && back.is_finite(count, in) &&
         gradient.is_finite(out, in);
}

}  // namespace

bool products_work() {
  return layer_works(150, 67, 70, {64, 1}) && layer_works(70, 150, 5, {128, 1}) &&
         layer_works(67, 130, 9, {64, 2}) && layer_works(70, 3, 140, {128, 3});
}

}  // namespace gmmvae::cuda
