#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gmmvae {

/// Turns the cells of a label column into numbers: integers keep their value if all cells are integers, else
/// each distinct text gets the next number in order of first appearance.
class LabelColumn {
 public:
  void add(std::string_view cell);
  /// Call once, after the last cell.
  void finish();
  [[nodiscard]] std::vector<std::int32_t>& ids() { return ids_; }
  /// The text of each number, empty where they were integers.
  [[nodiscard]] std::vector<std::string>& names() { return names_; }

 private:
  struct Hash {
    using is_transparent = void;  // look up string_views without making strings
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  std::vector<std::int32_t> ids_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> known_;
};

}  // namespace gmmvae
