#pragma once

#include <filesystem>

#include "host/app/console.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

/// Writes the report of a run's or sweep's folder as --format, --metric and --out say; returns the exit code.
int report_folder(const Settings& settings, const std::filesystem::path& folder, Console& console);

}  // namespace gmmvae
