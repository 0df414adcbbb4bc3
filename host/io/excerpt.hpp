#pragma once

#include <string>
#include <string_view>

namespace gmmvae {

/// Foreign bytes made fit for a one-line message: at most 60 of them, control characters replaced.
std::string excerpt(std::string_view text);

}  // namespace gmmvae
