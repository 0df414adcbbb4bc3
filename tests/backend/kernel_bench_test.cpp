// Every backend lists the kernels of a training step with counts that follow from the shapes, and each can be
// run.
#include "gmmvae/kernel_bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/backends.hpp"

namespace gmmvae::test {
namespace {

class KernelBenchTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(KernelBenchTest);

const TimedKernel* find(const std::vector<TimedKernel>& kernels, const std::string& name,
                        const std::string& shape) {
  const auto found = std::find_if(kernels.begin(), kernels.end(), [&](const TimedKernel& kernel) {
    return kernel.name == name && kernel.shape == shape;
  });
  return found == kernels.end() ? nullptr : &*found;
}

TEST_P(KernelBenchTest, EveryLayerHasItsKernelsAndTheyRun) {
  const auto bench = backend().kernel_bench();
  ASSERT_NE(bench, nullptr);
  EXPECT_FALSE(bench->device().empty());
  const Architecture architecture = {
      .data_dim = 3, .latent = 2, .encoder_hidden = {20, 5}, .decoder_hidden = {7}};
  const std::vector<TimedKernel> kernels = bench->kernels(architecture, Objective{}, 10);
  for (const char* shape : {"10x3x20", "10x20x5", "10x5x4", "10x2x7", "10x7x3"}) {
    SCOPED_TRACE(shape);
    EXPECT_NE(find(kernels, "dense_forward", shape), nullptr);
    EXPECT_NE(find(kernels, "dense_weight_gradient_adam", shape), nullptr);
    EXPECT_EQ(find(kernels, "dense_input_gradient", shape) == nullptr, shape == std::string("10x3x20"));
  }
  const TimedKernel& forward = *find(kernels, "dense_forward", "10x20x5");
  EXPECT_EQ(forward.operations, 2.0 * 10 * 20 * 5);
  EXPECT_EQ(forward.bytes, 4.0 * (10 * 20 + 20 * 5 + 5 + 10 * 5));
  const TimedKernel& update = *find(kernels, "dense_weight_gradient_adam", "10x20x5");
  EXPECT_EQ(update.operations, 2.0 * 10 * 20 * 5);
  EXPECT_EQ(update.bytes, 4.0 * (10 * 20 + 10 * 5 + 6 * (20 * 5 + 5)));
  for (const TimedKernel& kernel : kernels) {
    SCOPED_TRACE(kernel.name + " " + kernel.shape);
    EXPECT_GE(kernel.run(2), 0.0);
    // on a GPU every product has the library's beside it, or its column says that there is none
    const bool is_product = kernel.name.starts_with("dense_");
    EXPECT_EQ(kernel.baseline.ends_with("cublaslt"), is_product && GetParam().value != "cpu");
    EXPECT_EQ(kernel.run_baseline != nullptr, kernel.baseline == "cublaslt");
    if (emulated()) {
      EXPECT_EQ(kernel.baseline, is_product ? "cublaslt" : "") << "the twin is always there";
    }
    if (kernel.run_baseline) {
      EXPECT_GE(kernel.run_baseline(9), 0.0) << "a graph of eight and one";
    }
  }
}

}  // namespace
}  // namespace gmmvae::test
