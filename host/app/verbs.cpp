#include "host/app/verbs.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>

namespace gmmvae {
namespace {

constexpr Verb kVerbs[] = {
    {"generate", run_generate},
    {"predict", run_predict},
    {"train", run_train},
    {"sample", run_sample},
    {"encode", run_encode},
    {"decode", run_decode},
    {"reconstruct", run_reconstruct},
    {"evaluate", run_evaluate},
    {"cluster", run_cluster},
    {"tsne", run_tsne},
    {"run", run_run, prepare_run},
    {"sweep", run_sweep},
    {"report", run_report_verb},
    {"export", run_export},
    {"bench", run_bench},
    {"doctor", run_doctor},
    {"completion", run_completion},
    {"man", run_man},
};

}  // namespace

const Verb& verb_named(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const Verb& verb) { return verb.name == name; });
  if (found == std::end(kVerbs)) throw std::logic_error("no function for the verb " + std::string(name));
  return *found;
}

}  // namespace gmmvae
