#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gmmvae {

/// The text of a JSON value: two blanks of indentation, members in their order, numbers with the fewest
/// digits that read back the same, NaN and Inf as null, a newline at the end.
std::string json_text(const nlohmann::ordered_json& value);

/// Writes that text, as AtomicFile does.
void write_json_file(const std::string& path, const nlohmann::ordered_json& value);

}  // namespace gmmvae
