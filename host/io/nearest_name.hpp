#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gmmvae {

/// The candidate with the smallest edit distance to `text` (Damerau-Levenshtein: a swap of neighbours is one
/// edit; case is ignored), or "" where none is near enough to be meant: more than two edits, or more than
/// half of the text.
std::string nearest_name(std::string_view text, std::span<const std::string> candidates);

}  // namespace gmmvae
