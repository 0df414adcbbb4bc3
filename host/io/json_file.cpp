#include "host/io/json_file.hpp"

#include <nlohmann/json.hpp>

#include "host/io/atomic_file.hpp"

namespace gmmvae {

std::string json_text(const nlohmann::ordered_json& value) {
  // File names need not be valid UTF-8, but JSON must be. The library itself writes NaN and Inf as null.
  return value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void write_json_file(const std::string& path, const nlohmann::ordered_json& value) {
  write_file(path, json_text(value));
}

}  // namespace gmmvae
