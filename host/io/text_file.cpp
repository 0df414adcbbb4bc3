#include "host/io/text_file.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "gmmvae/error.hpp"

namespace gmmvae {

std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw DataError(fmt::format("{} cannot be read", path));
  return text;
}

}  // namespace gmmvae
