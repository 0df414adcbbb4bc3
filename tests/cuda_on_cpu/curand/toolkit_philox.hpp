#pragma once

#include <cstdint>

namespace gmmvae::test {

/// Eight words that the toolkit's own cuRAND header draws: curand_init, then twice curand4, on the host.
/// False where this build found no such header.
bool toolkit_philox(std::uint64_t seed, std::uint64_t subsequence, std::uint64_t offset,
                    std::uint32_t* words);

}  // namespace gmmvae::test
