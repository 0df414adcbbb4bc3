#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gmmvae/training.hpp"

namespace gmmvae {

/// CRC-32C (Castagnoli, RFC 3720 B.4) of the bytes.
std::uint32_t crc32c(std::string_view bytes);

/// A training history as TensorBoard's event file: one scalar a column and epoch, tagged by the column's
/// name, step = epoch from 1. Where a number does not exist there is no scalar. The wall time of an event is
/// its step in seconds from 1970: the same training gives the same bytes.
std::string tensorboard_events(const History& history);

}  // namespace gmmvae
