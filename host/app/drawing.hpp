#pragma once

#include <string_view>

#include "gmmvae/dataset.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

/// --samples points of the mixture that --mixture names, or of one drawn as --layout, --components and the
/// like say. Throws UsageError for options that contradict each other, DataError for a file that is not
/// right.
Dataset drawn_dataset(const Settings& settings);

/// Throws UsageError where the command line says how to draw a mixture beside an option whose file already
/// settles it.
void refuse_drawing_options(const Settings& settings, std::string_view option);

}  // namespace gmmvae
