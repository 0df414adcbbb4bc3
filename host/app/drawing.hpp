#pragma once

#include "gmmvae/mixture.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

/// The mixture that --mixture names, or one drawn as --layout, --components and the like say. Throws
/// UsageError for options that contradict each other, DataError for a file that is not right.
Mixture chosen_mixture(const Settings& settings);

}  // namespace gmmvae
