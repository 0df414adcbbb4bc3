#pragma once

#include "host/backend/plugin.hpp"

namespace gmmvae::cuda {

/// What the driver shows, without waking a device; see PluginEntry.
void survey(CudaSurvey& survey);
/// Wakes the device: whether this build has code for it, and how much memory is free.
void examine(CudaDevice& device);

}  // namespace gmmvae::cuda
