#pragma once

#include <string>
#include <string_view>

#include "gmmvae/training.hpp"

namespace gmmvae {

/// Every bit of a training's state in this machine's byte order, for the store of a sweep.
std::string state_bytes(const TrainingState& state);
/// The state again. Throws DataError for bytes that are none.
TrainingState state_of_bytes(std::string_view bytes);

}  // namespace gmmvae
