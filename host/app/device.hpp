#pragma once

#include <memory>

#include "gmmvae/backend.hpp"
#include "host/app/console.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

/// The backend that --device and --threads choose; -v says which one and why. Throws DeviceError.
std::unique_ptr<Backend> chosen_backend(const Settings& settings, const Console& console);

}  // namespace gmmvae
