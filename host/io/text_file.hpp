#pragma once

#include <string>

namespace gmmvae {

/// The whole of a file. Throws DataError where it cannot be read.
std::string read_text_file(const std::string& path);

}  // namespace gmmvae
