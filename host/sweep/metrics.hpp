#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/evaluation.hpp"

namespace gmmvae {

// Metrics of `gmmvae evaluate` that a sweep computes where --metrics asks for them.

std::vector<std::string> extra_metric_names();
/// What people call it, with its unit. Throws std::logic_error for a name that does not exist.
std::string_view extra_metric_title(std::string_view name);
/// Whether it is a share of a whole, from 0 to 1. Throws as extra_metric_title.
bool extra_metric_is_share(std::string_view name);
/// NaN where the evaluation has none. Throws std::logic_error for a name that does not exist.
double extra_metric(const Evaluation& evaluation, std::string_view name);

/// Whether more of a figure, one of every record's or one of these, is better; the loss and distances are the
/// other way.
bool higher_is_better(std::string_view figure);

}  // namespace gmmvae
