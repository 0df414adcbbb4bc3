#pragma once

#include <string>
#include <vector>

namespace gmmvae::test {

/// The Python that the environment variable GMMVAE_TEST_PYTHON names, else the one that CMake's variable of
/// that name did, else python3.
std::string python();

/// Those of these modules that python() cannot import, joined by ", "; "" where all are there, and "python3"
/// where there is no Python at all. Asked once for each module.
std::string missing_modules(const std::vector<std::string>& modules);

}  // namespace gmmvae::test

/// Ends the test as skipped, by the names of what is missing, where python() lacks one of these modules.
#define GMMVAE_NEEDS_MODULES(...)                                                                 \
  if (const std::string missing = gmmvae::test::missing_modules({__VA_ARGS__}); !missing.empty()) \
  GTEST_SKIP() << "not installed for " << gmmvae::test::python() << ": " << missing
