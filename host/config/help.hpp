#pragma once

#include <string>

#include "host/config/options.hpp"
#include "host/config/verbs.hpp"

namespace gmmvae {

/// The text of `gmmvae --help`: examples first, then the verbs.
std::string program_help();

/// The text of `gmmvae VERB --help`: examples first, then every option with its default.
std::string verb_help(const VerbInfo& verb);

/// What help says of an option behind its name: the choices, unit and default included.
std::string option_remarks(const Option& option);

}  // namespace gmmvae
