#pragma once

#include <string_view>

#include "host/app/console.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

// One function a verb. Each reads its settings, calls the library, talks to the console and returns the exit
// code; what goes wrong is thrown as an Error.

int run_generate(const Settings& settings, Console& console);
int run_predict(const Settings& settings, Console& console);
int run_train(const Settings& settings, Console& console);
int run_sample(const Settings& settings, Console& console);
int run_encode(const Settings& settings, Console& console);
int run_decode(const Settings& settings, Console& console);
int run_reconstruct(const Settings& settings, Console& console);
int run_evaluate(const Settings& settings, Console& console);
int run_cluster(const Settings& settings, Console& console);
int run_tsne(const Settings& settings, Console& console);
int run_run(const Settings& settings, Console& console);
int run_sweep(const Settings& settings, Console& console);
int run_report_verb(const Settings& settings, Console& console);
int run_export(const Settings& settings, Console& console);
int run_bench(const Settings& settings, Console& console);
int run_doctor(const Settings& settings, Console& console);
int run_completion(const Settings& settings, Console& console);
int run_man(const Settings& settings, Console& console);

/// Without models, objective or data of one's own, `run` is the course experiment: two models and its shipped
/// seed.
void prepare_run(Settings& settings);

/// How the program runs a verb; what help says of it stands in host/config/verbs.
struct Verb {
  std::string_view name;
  int (*run)(const Settings& settings, Console& console);
  /// Adds defaults that hold for this verb alone, before anything is printed or run; or nullptr.
  void (*prepare)(Settings& settings) = nullptr;
};

/// The verb of that name. Throws std::logic_error for a verb that only help knows.
const Verb& verb_named(std::string_view name);

}  // namespace gmmvae
