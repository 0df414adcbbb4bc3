#pragma once

#include <cstddef>

#include "gmmvae/mixture.hpp"

namespace gmmvae {

inline MixtureSpec spec_of(Layout layout, std::size_t components, std::size_t dim) {
  MixtureSpec spec;
  spec.layout = layout;
  spec.components = components;
  spec.dim = dim;
  return spec;
}

}  // namespace gmmvae
