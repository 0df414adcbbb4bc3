#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gmmvae {

/// Weights [components] from the symmetric Dirichlet distribution with concentration `a` > 0, positive, of
/// sum 1.
std::vector<double> draw_dirichlet(double a, std::size_t components, std::uint64_t seed);

}  // namespace gmmvae
