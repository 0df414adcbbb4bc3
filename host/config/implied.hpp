#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gmmvae {

// Configurations are stored in files and compared with what is asked for now. A file that an older version
// wrote does not name options that came later, and means their defaults: those must neither make it another
// training nor give a sweep's trial another name.

/// The value, in TOML's notation, that configurations without this key mean: the default of an option that
/// came after configurations were first stored; nothing for any other key.
std::optional<std::string> implied_value(std::string_view key);

/// Whether a line KEY = VALUE says no more than its absence would.
bool is_implied(std::string_view line);

/// A configuration without such lines. Those of [tables] stay: there the default may stand against another
/// value above.
std::string without_implied(std::string_view toml);

}  // namespace gmmvae
