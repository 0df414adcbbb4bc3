// Each function that a block runs together, against closed forms and the project's own random streams.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmmvae/random.hpp"
#include "kernels/block/dense.cuh"
#include "kernels/block/random.cuh"
#include "tests/cuda_on_cpu/test_device.hpp"
#include "tests/support/reference_vae.hpp"

namespace gmmvae::block {
namespace {

using test::Buffer;
class Block : public test::EmulatorTest {};

constexpr std::uint64_t seed = 0x123456789abcdefull;

__global__ void words(Purpose purpose, std::uint32_t model, std::uint32_t step, uint4* out) {
  out[thread_rank()] = philox_words(seed, purpose, model, step, thread_rank() * 0x10000001u);
}

TEST_F(Block, RandomWordsAreTheCpus) {
  for (const std::uint32_t step : {0u, 1u, 1u << 29}) {
    Buffer<uint4> out(std::vector<uint4>(37));
    launch(words, 1, 37, 0, nullptr, Purpose::validation_noise, 9u, step, out.data());
    const std::vector<uint4> got = out.host();
    for (std::uint32_t i = 0; i < 37; ++i) {
      const std::array<std::uint32_t, 4> mine = {got[i].x, got[i].y, got[i].z, got[i].w};
      EXPECT_EQ(mine, philox(seed, Purpose::validation_noise, 9, step, i * 0x10000001u));
    }
  }
}

__global__ void shuffle(std::uint32_t size, std::uint32_t epoch, std::uint32_t* order) {
  GPU_SHARED(std::uint32_t, keys, [8]);
  if (thread_rank() < 8)
    keys[thread_rank()] = permutation_key(seed, Purpose::shuffle, 3, epoch, thread_rank());
  __syncthreads();
  for (std::uint32_t i = thread_rank(); i < size; i += block_threads())
    order[i] = keyed_permutation::permute(i, size, keyed_permutation::halves_of(size), keys);
}

TEST_F(Block, ShufflesAreTheCpus) {
  for (const std::uint32_t size : {1u, 7u, 256u, 1000u}) {
    Buffer<std::uint32_t> order{std::vector<std::uint32_t>(size)};
    launch(shuffle, 1, 64, 0, nullptr, size, 5u, order.data());
    const std::vector<std::uint32_t> got = order.host();
    const KeyedPermutation wanted(size, seed, Purpose::shuffle, 3, 5);
    for (std::uint32_t i = 0; i < size; ++i) ASSERT_EQ(got[i], wanted(i)) << size;
  }
}

__global__ void noise(std::uint64_t first, float* out, int stride, int latent, int count) {
  fill_noise(seed, Purpose::training_noise, 2, 11, first, out, stride, latent, count);
}

/// In double, on the same words. The float uniform has 24 bits, so the radius of a normal near zero, sqrt(-2
/// log U) with U near 1, is good to 2^-24 / radius only: absolute 2^-12 at the worst, some 10^-6 for all but
/// a few.
TEST_F(Block, NormalsAreTheCpus) {
  for (const int latent : {1, 3, 64}) {
    const int stride = latent + 3;
    for (const int first_row : {0, 7}) {
      const int count = 33;
      Buffer<float> out(std::vector<float>(static_cast<std::size_t>(stride * count), 77.0f));
      launch(noise, 1, 96, 0, nullptr, static_cast<std::uint64_t>(first_row * latent), out.data(), stride,
             latent, count);
      const std::vector<float> got = out.host();
      const auto rows = static_cast<std::size_t>(first_row + count);
      const Matrix<double> wanted =
          test::trainer_noise(seed, Purpose::training_noise, 2, 11, rows, static_cast<std::size_t>(latent));
      int far = 0;
      for (int b = 0; b < count; ++b) {
        for (int j = 0; j < stride; ++j) {
          const float value = got[static_cast<std::size_t>(b * stride + j)];
          if (j >= latent) {
            EXPECT_EQ(value, 77.0f) << "padding was written";
            continue;
          }
          const double error =
              std::abs(value - wanted(static_cast<std::size_t>(first_row + b), static_cast<std::size_t>(j)));
          EXPECT_LT(error, 3e-4);
          far += error > 3e-6 ? 1 : 0;
        }
      }
      EXPECT_LE(far, latent * count / 100);
    }
  }
}

/// A dense layer with its batch in device memory, padded as plans pad it.
struct Layer {
  int in, out, rows, in_stride, out_stride;
  std::vector<float> weight, bias, input, delta;

  Layer(int in_, int out_, int rows_)
      : in(in_), out(out_), rows(rows_), in_stride(padded(in_)), out_stride(padded(out_)) {
    const auto fill = [](int height, int width, int stride, int padded_height, std::uint64_t which) {
      const auto cells = static_cast<std::size_t>(stride * padded_height);
      std::vector<float> values(cells, 0.0f);
      const Matrix<double> normals =
          test::some_normals(static_cast<std::size_t>(height), static_cast<std::size_t>(width), which);
      for (int r = 0; r < height; ++r)
        for (int c = 0; c < width; ++c)
          values[static_cast<std::size_t>(r * stride + c)] =
              static_cast<float>(normals(static_cast<std::size_t>(r), static_cast<std::size_t>(c)));
      return values;
    };
    weight = fill(out, in, in_stride, padded(out), 1);
    bias = fill(1, out, out_stride, 1, 2);
    input = fill(rows, in, in_stride, rows, 3);
    delta = fill(rows, out, out_stride, rows, 4);
  }
  [[nodiscard]] double w(int o, int i) const { return weight[static_cast<std::size_t>(o * in_stride + i)]; }
  [[nodiscard]] double x(int b, int i) const { return input[static_cast<std::size_t>(b * in_stride + i)]; }
  [[nodiscard]] double d(int b, int o) const { return delta[static_cast<std::size_t>(b * out_stride + o)]; }
};

__global__ void run_forward_layer(Weights layer, Activation activation, const float* input, int in_stride,
                                  float* output, float* slope, int out_stride, int rows) {
  const Tiling tiling = forward_tiling(layer.in, layer.out, rows, static_cast<int>(block_threads() / 32));
  forward<1>(tiling, layer, activation, {input, in_stride}, {output, out_stride}, slope, rows);
}

__global__ void run_input_gradient(Weights layer, const float* delta, int out_stride, Producer producer,
                                   float* result, int rows) {
  const Tiling tiling =
      input_gradient_tiling(layer.in, layer.out, rows, static_cast<int>(block_threads() / 32));
  input_gradient<1>(tiling, layer, {delta, out_stride}, producer, {result, producer.stride}, rows);
}

__global__ void run_parameter_gradient(int in, int out, const float* input, int in_stride, const float* delta,
                                       int out_stride, int rows, float* gradient, int bias) {
  const Tiling tiling = weight_gradient_tiling(in, out, rows, static_cast<int>(block_threads() / 32));
  Update update{nullptr, nullptr, nullptr, nullptr, nullptr, gradient, {}, 0.0f};
  weight_gradient<1>(tiling, in, out, 0, in_stride, {input, in_stride}, {delta, out_stride}, rows, update);
  bias_gradient(out, bias, {delta, out_stride}, rows, update);
}

/// A sum of n products in single precision, in any order, is within n 2^-24 of the sum of |a b|.
double allowed(int terms, double magnitude) {
  return std::ldexp(static_cast<double>(terms + 2) * magnitude, -24);
}

const std::vector<Layer>& layers() {
  static const std::vector<Layer> all = {{1, 1, 1},   {3, 64, 96},   {64, 4, 96}, {64, 64, 40},
                                         {33, 31, 7}, {65, 200, 13}, {2, 33, 1},  {200, 3, 25},
                                         {5, 128, 6}, {64, 64, 96}};
  return all;
}
constexpr unsigned block_sizes[] = {32, 64, 256};

TEST_F(Block, ForwardIsTheProduct) {
  for (const Layer& layer : layers()) {
    for (const unsigned threads : block_sizes) {
      Buffer<float> weight(layer.weight), bias(layer.bias), input(layer.input);
      Buffer<float> output(std::vector<float>(static_cast<std::size_t>(layer.out_stride * layer.rows)));
      launch(run_forward_layer, 1, threads, 0, nullptr,
             Weights{weight.data(), layer.in_stride, bias.data(), layer.in, layer.out},
             Activation::leaky_relu, input.data(), layer.in_stride, output.data(), nullptr, layer.out_stride,
             layer.rows);
      const std::vector<float> got = output.host();
      for (int b = 0; b < layer.rows; ++b) {
        for (int o = 0; o < layer.out; ++o) {
          double sum = layer.bias[static_cast<std::size_t>(o)];
          double magnitude = std::abs(sum);
          for (int i = 0; i < layer.in; ++i) {
            sum += layer.w(o, i) * layer.x(b, i);
            magnitude += std::abs(layer.w(o, i) * layer.x(b, i));
          }
          const double wanted = sum < 0 ? 0.01 * sum : sum;
          ASSERT_NEAR(got[static_cast<std::size_t>(b * layer.out_stride + o)], wanted,
                      allowed(layer.in, magnitude))
              << layer.in << " -> " << layer.out << ", " << layer.rows << " rows, " << threads << " threads";
        }
      }
    }
  }
}

TEST_F(Block, InputGradientIsTheProductThroughTheActivation) {
  for (const Layer& layer : layers()) {
    for (const unsigned threads : block_sizes) {
      Buffer<float> weight(layer.weight), delta(layer.delta), produced(layer.input);
      Buffer<float> result(std::vector<float>(static_cast<std::size_t>(layer.in_stride * layer.rows)));
      launch(run_input_gradient, 1, threads, 0, nullptr,
             Weights{weight.data(), layer.in_stride, nullptr, layer.in, layer.out}, delta.data(),
             layer.out_stride, Producer{Activation::tanh, produced.data(), nullptr, layer.in_stride},
             result.data(), layer.rows);
      const std::vector<float> got = result.host();
      for (int b = 0; b < layer.rows; ++b) {
        for (int i = 0; i < layer.in; ++i) {
          const double slope = 1.0 - layer.x(b, i) * layer.x(b, i);
          double sum = 0.0;
          double magnitude = 0.0;
          for (int o = 0; o < layer.out; ++o) {
            sum += layer.d(b, o) * layer.w(o, i);
            magnitude += std::abs(layer.d(b, o) * layer.w(o, i));
          }
          ASSERT_NEAR(got[static_cast<std::size_t>(b * layer.in_stride + i)], sum * slope,
                      allowed(layer.out, magnitude * (std::abs(slope) + layer.x(b, i) * layer.x(b, i))))
              << layer.in << " -> " << layer.out << ", " << layer.rows << " rows, " << threads << " threads";
        }
      }
    }
  }
}

TEST_F(Block, ParameterGradientsAreSumsOverTheBatch) {
  for (const Layer& layer : layers()) {
    for (const unsigned threads : block_sizes) {
      Buffer<float> input(layer.input), delta(layer.delta);
      const int bias = layer.in_stride * padded(layer.out);
      Buffer<float> gradient(std::vector<float>(static_cast<std::size_t>(bias + padded(layer.out)), 0.0f));
      launch(run_parameter_gradient, 1, threads, 0, nullptr, layer.in, layer.out, input.data(),
             layer.in_stride, delta.data(), layer.out_stride, layer.rows, gradient.data(), bias);
      const std::vector<float> got = gradient.host();
      for (int o = 0; o < layer.out; ++o) {
        for (int i = 0; i <= layer.in; ++i) {
          double sum = 0.0;
          double magnitude = 0.0;
          for (int b = 0; b < layer.rows; ++b) {
            const double term = layer.d(b, o) * (i < layer.in ? layer.x(b, i) : 1.0);
            sum += term;
            magnitude += std::abs(term);
          }
          const int at = i < layer.in ? o * layer.in_stride + i : bias + o;
          ASSERT_NEAR(got[static_cast<std::size_t>(at)], sum, allowed(layer.rows, magnitude))
              << layer.in << " -> " << layer.out << ", " << layer.rows << " rows, " << threads << " threads";
        }
      }
    }
  }
}

__global__ void roots_and_quotients(const float* a, const float* b, float* root, float* quotient) {
  root[thread_rank()] = approximate_root(a[thread_rank()]);
  quotient[thread_rank()] = approximate_quotient(b[thread_rank()], a[thread_rank()]);
}

/// On a GPU these are the approximate instructions, whose documented errors this bound holds; here the
/// host's.
TEST_F(Block, ApproximateArithmeticIsWithinItsBound) {
  std::vector<float> a;
  std::vector<float> b;
  for (int i = 0; i < 96; ++i) {
    a.push_back(std::ldexp(1.0f + static_cast<float>(i) / 97, i - 60));
    b.push_back(i % 2 == 0 ? 3.7f : -0.001f);
  }
  Buffer<float> as(a), bs(b), root(a), quotient(a);
  launch(roots_and_quotients, 1, 96, 0, nullptr, as.data(), bs.data(), root.data(), quotient.data());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double exact = std::sqrt(static_cast<double>(a[i]));
    EXPECT_NEAR(root.host()[i], exact, std::ldexp(exact, -22));
    const double ratio = static_cast<double>(b[i]) / a[i];
    EXPECT_NEAR(quotient.host()[i], ratio, std::ldexp(std::abs(ratio), -22));
  }
}

}  // namespace
}  // namespace gmmvae::block
