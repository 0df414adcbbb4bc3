#pragma once

#include <cstddef>
#include <string>

#include "gmmvae/error.hpp"

namespace gmmvae {

/// Throws DataError where points have another number of columns than the model they are given to.
inline void check_columns(const char* what, std::size_t has, std::size_t wants) {
  if (has == wants) return;
  throw DataError(std::string(what) + " has " + std::to_string(has) + " columns, but the model works with " +
                  std::to_string(wants));
}

}  // namespace gmmvae
