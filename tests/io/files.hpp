#pragma once

#include <fstream>
#include <string>

namespace gmmvae::test {

/// A file made by another implementation; tests/io/data/make_*.py says how.
inline std::string frozen(const std::string& name) { return std::string(GMMVAE_TEST_DATA) + "/io/data/" + name; }

/// Writes bytes plainly: thousands of damaged files need no flush to the disk.
inline void put_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace gmmvae::test
