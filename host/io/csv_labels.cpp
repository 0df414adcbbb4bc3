#include "host/io/csv_labels.hpp"

#include "host/io/spelled_number.hpp"

namespace gmmvae {
namespace {

/// The integer that the text is, also when written as a float: "3" and "3.0".
bool parse_integer(std::string_view text, std::int32_t& value) {
  const auto number = spelled_number<double>(text);
  if (!number || !(*number >= INT32_MIN && *number <= INT32_MAX)) return false;
  value = static_cast<std::int32_t>(*number);
  return static_cast<double>(value) == *number;
}

}  // namespace

void LabelColumn::add(std::string_view cell) {
  auto found = known_.find(cell);
  if (found == known_.end()) {
    found = known_.emplace(std::string(cell), static_cast<std::int32_t>(names_.size())).first;
    names_.emplace_back(cell);
  }
  ids_.push_back(found->second);
}

void LabelColumn::finish() {
  std::vector<std::int32_t> integers(names_.size());
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (!parse_integer(names_[i], integers[i])) return;
  }
  for (std::int32_t& id : ids_) id = integers[static_cast<std::size_t>(id)];
  names_.clear();
}

}  // namespace gmmvae
