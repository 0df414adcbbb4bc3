#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"

namespace gmmvae::test {

/// A backend as the parameter of a test; prints as its bare name, which so becomes part of the ctest name.
struct BackendName {
  std::string value;
};
inline std::ostream& operator<<(std::ostream& out, const BackendName& name) {
  return out << name.value;
}

/// Every backend that the project knows, present or not.
std::vector<BackendName> all_backends();

/// Opens a backend by name. Null where it is absent here; `reason` then says why.
std::unique_ptr<Backend> open_backend(const std::string& name, std::size_t threads, std::string* reason);

/// The fixture of a test that every backend must pass: written once, run over all, skipped by name where one
/// is absent.
///
///     class TrainingTest : public BackendTest {};
///     GMMVAE_OVER_BACKENDS(TrainingTest);
///     TEST_P(TrainingTest, Something) { backend().train(…); }
class BackendTest : public testing::TestWithParam<BackendName> {
 protected:
  void SetUp() override {
    std::string reason;
    backend_ = open_backend(GetParam().value, 1, &reason);
    if (!backend_) GTEST_SKIP() << GetParam().value << ": " << reason;
  }

  /// The backend of this run, on one thread.
  Backend& backend() { return *backend_; }
  /// Whether kernels run on the CPU, some hundred times slower than plain code: tests that train to
  /// convergence then do a part of their cases, on fewer points, with the tolerances of all.
  [[nodiscard]] static bool emulated() { return GetParam().value == "cuda_on_cpu"; }
  /// Another instance of the same backend.
  [[nodiscard]] static std::unique_ptr<Backend> open(std::size_t threads) {
    std::string reason;
    return open_backend(GetParam().value, threads, &reason);
  }

 private:
  std::unique_ptr<Backend> backend_;
};

}  // namespace gmmvae::test

#define GMMVAE_OVER_BACKENDS(fixture)                                                  \
  INSTANTIATE_TEST_SUITE_P(, fixture, testing::ValuesIn(gmmvae::test::all_backends()), \
                           [](const auto& run) { return run.param.value; })
