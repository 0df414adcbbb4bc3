#pragma once

#include <string>

#include "gmmvae/mixture.hpp"

namespace gmmvae {

/// Reads one `[[component]]` table for each component: `weight` (positive; their sum is made 1), `mean` (D
/// numbers) and one of `variance` (a number: spherical), `variances` (D numbers: diagonal) or `covariance` (D
/// lists of D numbers). Throws DataError with file:line:column for anything else.
Mixture read_mixture_toml(const std::string& path);

/// Writes what read_mixture_toml reads, each covariance in its shortest form, each number so that it reads
/// back as the same double. The file appears whole or not at all.
void write_mixture_toml(const std::string& path, const Mixture& mixture);

}  // namespace gmmvae
