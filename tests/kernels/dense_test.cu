// Dense layers by many blocks, against sums in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/bench/layer.hpp"
#include "kernels/block/tiling.cuh"
#include "kernels/dense/dense.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/runtime/stream.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"
#include "tests/support/reference_vae.hpp"

namespace gmmvae {
namespace {

class Dense : public test::EmulatorTest {};

struct Shape {
  int rows;  ///< samples
  int most;  ///< samples that the launch is for
  int in;
  int out;
  dense::Cut cut;
};
/// Both sizes of tiles, with one panel and several, alone and with their depth split: evenly, unevenly, and
/// over more blocks than there are panels, of 64 steps in the small tiles and 32 in the wide ones. The last
/// two leave the choice to the function.
const std::vector<Shape> shapes = {
    {1, 1, 1, 1, {64, 1}},      {7, 7, 3, 65, {64, 1}},       {40, 96, 33, 3, {64, 1}},
    {96, 96, 64, 66, {64, 1}},  {130, 130, 5, 31, {64, 1}},   {150, 150, 140, 70, {64, 1}},
    {7, 7, 3, 65, {128, 1}},    {66, 70, 33, 140, {128, 1}},  {65, 65, 200, 9, {128, 1}},
    {70, 70, 200, 9, {64, 3}},  {100, 130, 70, 100, {64, 2}}, {130, 130, 100, 140, {128, 3}},
    {20, 300, 20, 20, {64, 4}}, {300, 300, 20, 6, {}},        {50, 50, 6, 300, {}}};

/// [rows][stride] with NaN in the padding, which must not count.
struct Padded {
  int stride;
  std::vector<float> values;
  Padded(int rows, int columns, std::uint64_t seed) : stride((columns + 3) / 4 * 4 + 4) {
    const auto normals =
        test::some_normals(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns), seed);
    values.assign(static_cast<std::size_t>(rows * stride), std::nanf(""));
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c)
        at(r, c) = static_cast<float>(normals(static_cast<std::size_t>(r), static_cast<std::size_t>(c)));
  }
  float& at(int r, int c) { return values[static_cast<std::size_t>(r * stride + c)]; }
  double operator()(int r, int c) const {
    return static_cast<double>(values[static_cast<std::size_t>(r * stride + c)]);
  }
};

/// Sums of n products rounded n + 2 times: within (n + 4) 2^-24 of the sum of their sizes.
double bound(int n, double sizes) {
  return (n + 4) * std::ldexp(sizes, -24) + 1e-30;
}

TEST_F(Dense, ForwardIsTheSumAndTheActivation) {
  for (const Shape& s : shapes) {
    SCOPED_TRACE(std::to_string(s.rows) + " x " + std::to_string(s.in) + " -> " + std::to_string(s.out));
    const Padded x(s.most, s.in, 1);
    const Padded w(s.out, s.in, 2);
    const Padded bias(1, s.out, 3);
    Padded y(s.most, s.out, 4);
    const Stream stream;
    dense::Workspace workspace(stream.get());
    const auto x_device = to_device(x.values, stream.get());
    const auto w_device = to_device(w.values, stream.get());
    const auto bias_device = to_device(bias.values, stream.get());
    const auto count = to_device(std::vector<int>{s.rows}, stream.get());
    auto y_device = to_device(y.values, stream.get());
    auto slope = to_device(y.values, stream.get());
    for (const Activation activation : {Activation::identity, Activation::relu, Activation::gelu}) {
      dense::Forward layer{s.in,
                           s.out,
                           activation,
                           {x_device.data(), x.stride},
                           {w_device.data(), w.stride},
                           bias_device.data(),
                           {y_device.data(), y.stride},
                           nullptr};
      if (activation == Activation::gelu) layer.slope = slope.data();
      dense::launch_forward(layer, {s.most, count.data()}, workspace, stream.get(), s.cut);
      y.values = to_host(y_device, stream.get());
      for (int b = 0; b < s.rows; ++b)
        for (int o = 0; o < s.out; ++o) {
          double sum = bias(0, o);
          double sizes = std::abs(sum);
          for (int i = 0; i < s.in; ++i) {
            sum += x(b, i) * w(o, i);
            sizes += std::abs(x(b, i) * w(o, i));
          }
          double expected = sum;
          if (activation == Activation::relu) expected = std::max(sum, 0.0);
          if (activation == Activation::gelu) expected = 0.5 * sum * std::erfc(-sum / std::sqrt(2.0));
          // gelu's slope is below 1.13, and its own few roundings are relative to |sum|
          ASSERT_NEAR(y(b, o), expected, 1.2 * bound(s.in + 6, sizes)) << b << " " << o;
        }
      for (int b = s.rows; b < s.most; ++b)
        EXPECT_EQ(y(b, 0), Padded(s.most, s.out, 4)(b, 0)) << "past the batch";
    }
  }
}

TEST_F(Dense, InputGradientPassesTheActivationBelow) {
  for (const Shape& s : shapes) {
    const Padded delta(s.most, s.out, 5);
    const Padded w(s.out, s.in, 6);
    const Padded below(s.most, s.in, 7);
    Padded result(s.most, s.in, 8);
    const Stream stream;
    dense::Workspace workspace(stream.get());
    const auto delta_device = to_device(delta.values, stream.get());
    const auto w_device = to_device(w.values, stream.get());
    const auto below_device = to_device(below.values, stream.get());
    const auto count = to_device(std::vector<int>{s.rows}, stream.get());
    auto result_device = to_device(result.values, stream.get());
    for (const Activation activation : {Activation::identity, Activation::relu, Activation::tanh}) {
      const dense::InputGradient layer{s.in,
                                       s.out,
                                       {delta_device.data(), delta.stride},
                                       {w_device.data(), w.stride},
                                       activation,
                                       {below_device.data(), below.stride},
                                       nullptr,
                                       {result_device.data(), result.stride}};
      dense::launch_input_gradient(layer, {s.most, count.data()}, workspace, stream.get(), s.cut);
      result.values = to_host(result_device, stream.get());
      for (int b = 0; b < s.rows; ++b)
        for (int i = 0; i < s.in; ++i) {
          double sum = 0;
          double sizes = 0;
          for (int o = 0; o < s.out; ++o) {
            sum += delta(b, o) * w(o, i);
            sizes += std::abs(delta(b, o) * w(o, i));
          }
          double slope = 1;
          if (activation == Activation::relu) slope = below(b, i) > 0 ? 1 : 0;
          if (activation == Activation::tanh) slope = 1 - below(b, i) * below(b, i);
          // 1 - y^2 is rounded relative to 1 + y^2
          ASSERT_NEAR(result(b, i), slope * sum, (1 + below(b, i) * below(b, i)) * bound(s.out + 3, sizes));
        }
    }
  }
}

TEST_F(Dense, ParameterGradientsAndTheirNorm) {
  for (const Shape& s : shapes) {
    SCOPED_TRACE(std::to_string(s.rows) + " x " + std::to_string(s.in) + " -> " + std::to_string(s.out));
    const Padded delta(s.most, s.out, 9);
    const Padded x(s.most, s.in, 10);
    const Stream stream;
    dense::Workspace workspace(stream.get());
    const auto delta_device = to_device(delta.values, stream.get());
    const auto x_device = to_device(x.values, stream.get());
    const auto count = to_device(std::vector<int>{s.rows}, stream.get());
    const int weight_stride = x.stride;
    const int bias = s.out * weight_stride;
    DeviceArray<float> gradient(static_cast<std::size_t>(bias + s.out), stream.get());
    gradient.fill_with_zeros();
    block::Update stored{};
    stored.gradient = gradient.data();
    const auto update = to_device(std::vector<block::Update>{stored}, stream.get());
    const int columns = s.cut.columns > 0 ? s.cut.columns : workspace.cut(s.out, s.in, s.most).columns;
    const auto parts = static_cast<std::size_t>(block::ceil_div(s.out, 64) * block::ceil_div(s.in, columns));
    DeviceArray<double> norms(parts, stream.get());
    const dense::ParameterGradients layer{s.in,
                                          s.out,
                                          {delta_device.data(), delta.stride},
                                          {x_device.data(), x.stride},
                                          0,
                                          weight_stride,
                                          bias,
                                          update.data(),
                                          norms.data()};
    dense::launch_parameter_gradients(layer, {s.most, count.data()}, workspace, stream.get(), s.cut);
    const std::vector<float> got = to_host(gradient, stream.get());
    double squared = 0;
    for (const float g : got) squared += static_cast<double>(g) * static_cast<double>(g);
    double norm = 0;
    for (const double part : to_host(norms, stream.get())) norm += part;
    EXPECT_NEAR(norm, squared, 128 * std::ldexp(squared, -24))
        << "up to 64 + 1 squares are summed in single precision";
    for (int o = 0; o < s.out; ++o) {
      for (int i = -1; i < s.in; ++i) {
        double sum = 0;
        double sizes = 0;
        for (int b = 0; b < s.rows; ++b) {
          const double term = delta(b, o) * (i < 0 ? 1.0 : x(b, i));
          sum += term;
          sizes += std::abs(term);
        }
        const auto at = static_cast<std::size_t>(i < 0 ? bias + o : o * weight_stride + i);
        ASSERT_NEAR(static_cast<double>(got[at]), sum, bound(s.rows, sizes)) << o << " " << i;
      }
    }
  }
}

/// Results of a split product are those of the blocks added in their order, whoever comes last: the same
/// bytes in a second launch, which also finds the meetings as the first one did.
TEST_F(Dense, SplitsAreRepeatable) {
  const Padded x(90, 260, 11);
  const Padded w(70, 260, 12);
  const Padded bias(1, 70, 13);
  const Padded y(90, 70, 14);
  const Stream stream;
  dense::Workspace workspace(stream.get());
  const auto x_device = to_device(x.values, stream.get());
  const auto w_device = to_device(w.values, stream.get());
  const auto bias_device = to_device(bias.values, stream.get());
  const auto count = to_device(std::vector<int>{90}, stream.get());
  std::vector<std::vector<float>> results;
  for (int launch = 0; launch < 2; ++launch) {
    auto y_device = to_device(y.values, stream.get());
    dense::launch_forward({260,
                           70,
                           Activation::relu,
                           {x_device.data(), x.stride},
                           {w_device.data(), w.stride},
                           bias_device.data(),
                           {y_device.data(), y.stride},
                           nullptr},
                          {90, count.data()}, workspace, stream.get(), {64, 5});
    results.push_back(to_host(y_device, stream.get()));
  }
  for (std::size_t i = 0; i < results[0].size(); ++i)
    ASSERT_EQ(std::isnan(results[0][i]), std::isnan(results[1][i])) << i;
  for (int b = 0; b < 90; ++b)
    for (int o = 0; o < 70; ++o) {
      const auto at = static_cast<std::size_t>(b * y.stride + o);
      ASSERT_EQ(results[0][at], results[1][at]) << b << " " << o;
    }
}

/// What `bench kernels` times side by side is the same work.
TEST_F(Dense, LibraryDoesTheWorkThatIsTimedBesideIt) {
  constexpr int batch = 9;
  constexpr int in = 21;
  constexpr int out = 6;
  const Stream stream;
  for (const Activation activation : {Activation::relu, Activation::tanh}) {
    cuda::Layer own({in, out, activation}, batch, stream.get());
    cuda::Layer other({in, out, activation}, batch, stream.get());
    library::Gemm gemm(stream.get());
    own.forward();
    own.input_gradient();
    own.parameter_gradients();
    other.forward(gemm);
    other.input_gradient(gemm);
    other.parameter_gradients(gemm);
    const auto expect_same = [&](const DeviceArray<float>& mine, const DeviceArray<float>& its, int columns,
                                 int depth, const char* what) {
      const std::vector<float> a = to_host(mine, stream.get());
      const std::vector<float> b = to_host(its, stream.get());
      const auto stride = static_cast<std::size_t>((columns + 3) / 4 * 4);
      for (std::size_t i = 0; i < a.size(); ++i) {
        if (i % stride >= static_cast<std::size_t>(columns)) continue;
        // products of two normals: no sum of sizes is above 10 a term
        ASSERT_NEAR(a[i], b[i], 2 * bound(depth, 10.0 * depth)) << what << " " << i;
      }
    };
    expect_same(own.output(), other.output(), out, in, "output");
    expect_same(own.gradient_of_input(), other.gradient_of_input(), in, out, "gradient of the input");
    expect_same(own.moments(), other.moments(), in, batch, "gradient of the parameters");
  }
}

/// What the choice is for: a long depth is split where there are few tiles, and nothing is split where tiles
/// alone fill the device.
TEST_F(Dense, CutsFollowTheShapeAndTheDevice) {
  const auto cut = [](int rows, int columns, int depth, int multiprocessors, std::size_t shared = 227 << 10) {
    return dense::choose_cut(rows, columns, depth, multiprocessors, shared);
  };
  EXPECT_GT(cut(512, 4, 1000, 132).splits, 4) << "the gradient of a narrow layer";
  EXPECT_GT(cut(1000, 4, 512, 132).splits, 2) << "its output";
  EXPECT_EQ(cut(1000, 2048, 2048, 132).splits, 1);
  EXPECT_EQ(cut(1000, 2048, 2048, 132).columns, 128) << "256 tiles, two for a multiprocessor";
  EXPECT_EQ(cut(1000, 512, 512, 132).splits, 1);
  EXPECT_EQ(cut(1000, 512, 512, 132).columns, 64) << "128 tiles, one for each";
  EXPECT_EQ(cut(1000, 512, 512, 132, 64 << 10).columns, 128) << "the small tiles take more than 64 kB";
  EXPECT_EQ(cut(512, 512, 1000, 1).splits, 1) << "one multiprocessor has nobody to share with";
  EXPECT_EQ(cut(1, 1, 1, 132).splits, 1);
}

}  // namespace
}  // namespace gmmvae
