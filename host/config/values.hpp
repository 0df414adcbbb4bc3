#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "host/config/options.hpp"

namespace gmmvae {

/// The value as it is kept: numbers in their shortest form, lists joined by commas, flags true or false.
/// Throws UsageError "`label` takes ..., not 'value'"; `label` says where the value stands, as in --lr or
/// study.toml:3:6: lr.
std::string canonical_value(const Option& option, std::string_view value, std::string_view label);

/// What the option takes, as in "a number above 0, learned or learned-per-dim".
std::string allowed_values(const Option& option);

/// The canonical value in TOML's notation.
std::string toml_value(const Option& option, std::string_view value);

/// Seconds of a canonical duration such as 30s, 5m or 1.5h.
double duration_seconds(std::string_view value);

/// The pieces between commas, without blanks around them.
std::vector<std::string> split_list(std::string_view value);

}  // namespace gmmvae
