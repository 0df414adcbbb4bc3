#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gmmvae {

/// bash, zsh, fish
std::vector<std::string> shells();

/// A script that makes the shell complete verbs, options and the words that options take. Throws UsageError
/// for a shell that is not among them.
std::string completion_script(std::string_view shell);

/// The manual page gmmvae(1), for man: roff with the macros of man(7). `version` and `date` stand at its foot.
std::string manual_page(std::string_view version, std::string_view date);

}  // namespace gmmvae
