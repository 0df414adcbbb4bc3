#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gmmvae {

/// What help says of a verb.
struct VerbInfo {
  std::string_view name;
  std::string_view summary;    ///< one line
  std::string_view usage;      ///< what follows "gmmvae VERB"
  std::string_view arguments;  ///< what stands for the positional arguments; "" where the verb takes none
  std::vector<std::string_view> examples;      ///< command lines, each one right as it stands
  std::string_view notes = "";                 ///< what examples and options do not say
  bool reads_models = false;                   ///< whether [model.NAME] tables mean something to it
  std::vector<std::string_view> actions = {};  ///< words of which the first argument must be one
};

/// The verbs of this program, in the order of help.
const std::vector<VerbInfo>& verbs();

/// The verb of that name, or nullptr.
const VerbInfo* find_verb(std::string_view name);

std::vector<std::string> verb_names();

}  // namespace gmmvae
