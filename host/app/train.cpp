#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "host/app/device.hpp"
#include "host/app/files.hpp"
#include "host/app/progress.hpp"
#include "host/app/signals.hpp"
#include "host/app/stop_rule.hpp"
#include "host/app/verbs.hpp"
#include "host/config/builders.hpp"
#include "host/io/checkpoint_file.hpp"
#include "host/io/history_csv.hpp"
#include "host/io/model_file.hpp"
#include "host/training/identity.hpp"
#include "host/training/session.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

/// Where the results go, checked before any work.
struct Outputs {
  std::string model;
  std::string history;     ///< "" where none is wanted
  std::string checkpoint;  ///< "" where the model goes to a device or pipe: nothing can lie beside it
};

Outputs outputs_of(const Settings& settings) {
  Outputs outputs;
  outputs.model = writable_path(settings, "out", "");
  if (!fs::exists(outputs.model) || is_regular_file(outputs.model))
    outputs.checkpoint = outputs.model + ".checkpoint";
  if (!settings.is_set("history")) return outputs;
  outputs.history = writable_path(settings, "history", "");
  if (same_place(outputs.history, outputs.model) ||
      same_place(outputs.history, outputs.model + ".checkpoint"))
    throw UsageError(fmt::format("{} and {} both name {}: the history needs a file of its own",
                                 settings.label("out"), settings.label("history"), outputs.history));
  return outputs;
}

/// What there is to say of one trained model.
struct Figures {
  std::uint64_t epochs = 0;  ///< done
  std::uint64_t kept = 0;    ///< the epoch whose parameters the model has, and these figures with it
  double loss = 0.0, reconstruction = 0.0, kl = 0.0, decoder_variance = 0.0, elbo = 0.0,
         elbo_validation = 0.0;
  std::vector<double> kl_per_dimension;
};

Figures figures_of(const History& history, std::uint64_t kept) {
  const std::size_t row = kept - 1;
  const auto kl = history.kl_per_dimension(row);
  return {history.epochs(),      kept,
          history.loss(row),     history.reconstruction(row),
          history.kl(row),       history.decoder_variance(row),
          history.elbo(row),     history.elbo_validation(row),
          {kl.begin(), kl.end()}};
}

/// The training as a whole, for the report.
struct Report {
  std::vector<Figures> models;
  bool patient = false;  ///< the best epoch was kept
  double seconds = 0.0;
  double models_per_second = 0.0;
  std::string device;
  std::string out;
};

Report report_of(const TrainingSession& session, const TrainingPlan& plan, std::uint64_t epochs_before,
                 const std::string& out) {
  Report report;
  for (std::size_t m = 0; m < session.models(); ++m)
    report.models.push_back(figures_of(session.state(m).history, session.kept_epoch(m)));
  report.patient = plan.config.patience > 0;
  report.seconds = session.seconds();
  // Of a training that an earlier run began, only this run's share counts.
  const auto share =
      static_cast<double>(session.epochs() - epochs_before) / static_cast<double>(session.epochs());
  report.models_per_second = static_cast<double>(session.models()) * share / report.seconds;
  report.out = out;
  return report;
}

/// One value for one model, a list for several.
template <class Member>
ordered_json per_model(const Report& report, Member member) {
  if (report.models.size() == 1) return std::invoke(member, report.models[0]);
  ordered_json list = ordered_json::array();
  for (const Figures& figures : report.models) list.push_back(std::invoke(member, figures));
  return list;
}

ordered_json report_json(const Report& report) {
  ordered_json object;
  object["models"] = report.models.size();
  object["epochs"] = per_model(report, &Figures::epochs);
  if (report.patient) object["best_epoch"] = per_model(report, &Figures::kept);
  object["loss"] = per_model(report, &Figures::loss);
  object["reconstruction"] = per_model(report, &Figures::reconstruction);
  object["kl"] = per_model(report, &Figures::kl);
  object["kl_per_dimension"] = per_model(report, &Figures::kl_per_dimension);
  object["decoder_variance"] = per_model(report, &Figures::decoder_variance);
  object["elbo"] = per_model(report, &Figures::elbo);
  object["elbo_validation"] = per_model(report, &Figures::elbo_validation);
  object["seconds"] = report.seconds;
  object["models_per_second"] = report.models_per_second;
  object["device"] = report.device;
  object["out"] = report.out;
  return object;
}

template <class Member>
void print_line(const Console& console, const Report& report, const char* name, Member member,
                const char* unit = "") {
  std::vector<double> values;
  for (const Figures& figures : report.models)
    values.push_back(static_cast<double>(std::invoke(member, figures)));
  if (std::all_of(values.begin(), values.end(), [](double value) { return std::isnan(value); })) return;
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  const std::string text = values.size() == 1 ? fmt::format("{:.6g}", values[0])
                                              : fmt::format("{:.6g} to {:.6g}", *least, *greatest);
  console.print(fmt::format("  {:<26}{}{}", name, text, unit));
}

void print_report(const Console& console, const Report& report, const TrainingSession& session) {
  const std::string held_out =
      session.validation_rows() == 0 ? "" : fmt::format(", {} held out", session.validation_rows());
  console.print(fmt::format("trained {} model{} on {} points{}", report.models.size(),
                            report.models.size() == 1 ? "" : "s", session.training_rows(), held_out));
  print_line(console, report, "epochs", &Figures::epochs);
  if (report.patient) print_line(console, report, "best epoch, kept", &Figures::kept);
  print_line(console, report, "loss", &Figures::loss);
  print_line(console, report, "reconstruction", &Figures::reconstruction);
  print_line(console, report, "KL", &Figures::kl, " nats");
  for (std::size_t j = 0; j < report.models[0].kl_per_dimension.size(); ++j)
    print_line(
        console, report, fmt::format("  latent dimension {}", j + 1).c_str(),
        [j](const Figures& figures) { return figures.kl_per_dimension[j]; }, " nats");
  print_line(console, report, "decoder variance", &Figures::decoder_variance, ", scaled units");
  print_line(console, report, "ELBO", &Figures::elbo, " nats per point");
  print_line(console, report, "ELBO, points held out", &Figures::elbo_validation, " nats per point");
  console.print(fmt::format("  {:<26}{:.3g} s, {:.3g} models/s on {}", "training", report.seconds,
                            report.models_per_second, report.device));
}

/// For --resume where the finished model lies at OUT. Its history, where --history names it, has the figures.
int report_finished(const Console& console, const Outputs& outputs, const Vae& vae,
                    const TrainingPlan& plan) {
  console.say(fmt::format("{} is finished: there is nothing to resume", outputs.model));
  std::vector<History> histories;
  if (!outputs.history.empty() && is_regular_file(outputs.history))
    histories = read_history_csv(outputs.history);
  if (!outputs.history.empty() && histories.empty())
    console.warn(fmt::format("there is no {}: train without --resume to get it", outputs.history));
  Report report;
  report.patient = plan.config.patience > 0;
  for (const History& history : histories) {
    std::uint64_t kept = history.epochs();
    for (std::uint64_t epoch = history.epochs(); report.patient && epoch >= 1; --epoch) {
      if (!(history.elbo_validation(epoch - 1) < history.elbo_validation(kept - 1))) kept = epoch;
    }
    report.models.push_back(figures_of(history, kept));
  }
  ordered_json object;
  if (report.models.size() == vae.models) {
    object = report_json(report);
  } else {
    for (const char* key : {"epochs", "loss", "reconstruction", "kl", "elbo"}) object[key] = nullptr;
  }
  object["models"] = vae.models;
  object["seconds"] = 0.0;
  object["models_per_second"] = nullptr;
  object["device"] = nullptr;
  object["out"] = outputs.model;
  console.result(object);
  return 0;
}

/// With --resume: takes up the checkpoint if there is one. Throws UsageError where that, or in its absence
/// the model at OUT, comes from another training.
void resume(TrainingSession& session, const Outputs& outputs, const std::string& identity,
            const Console& console) {
  if (!is_regular_file(outputs.checkpoint)) {
    console.detail(fmt::format("there is no {}: starting afresh", outputs.checkpoint));
    return;
  }
  Checkpoint checkpoint = load_checkpoint(outputs.checkpoint);
  require_same_training(checkpoint.config, identity, outputs.checkpoint);
  try {
    session.restore(std::move(checkpoint));
  } catch (const DataError& error) {
    throw DataError(fmt::format("{} cannot be resumed from: {}", outputs.checkpoint, error.what()));
  }
  console.say(fmt::format("going on from {} after {} epochs", outputs.checkpoint, session.epochs()));
}

/// Whether what was interrupted lies at OUT.checkpoint: then a finished model beside it may not be all there
/// is to do.
bool has_checkpoint_of(const Outputs& outputs, const std::string& identity) {
  return is_regular_file(outputs.checkpoint) &&
         same_training(load_checkpoint(outputs.checkpoint).config, identity);
}

void say_what_is_special(const Settings& settings, const TrainingPlan& plan, const TrainingSession& session,
                         const Console& console) {
  if (plan.config.batch > session.training_rows())
    console.say(fmt::format("{} is {}, more than the {} points to train on: every step takes all of them",
                            settings.label("batch"), plan.config.batch, session.training_rows()));
  console.detail(fmt::format("{} parameters a model, {} points to train on, {} held out",
                             session.state(0).parameters.size(), session.training_rows(),
                             session.validation_rows()));
}

[[noreturn]] void fail_diverged(const TrainingSession& session, const Settings& settings,
                                const Outputs& outputs) {
  std::size_t model = 0;
  while (session.state(model).status != TrainingStatus::diverged) ++model;
  const std::uint64_t good = session.state(model).epoch;
  const std::string which = session.models() == 1 ? "the training" : fmt::format("model {}", model);
  const std::string saved = outputs.checkpoint.empty()
                                ? ""
                                : fmt::format("; the state before it is kept in {} and {} was not written",
                                              outputs.checkpoint, outputs.model);
  throw Error(
      ExitCode::diverged,
      fmt::format("{} diverged in epoch {}: its loss is no longer a number, or a million times the first "
                  "epoch's{}; try a smaller --lr than {}{}",
                  which, good + 1, saved, settings.text("lr"),
                  settings.text("scale") == "none" ? ", or --scale standard" : ""));
}

TrainingStatus train(TrainingSession& session, const Settings& settings, const Console& console,
                     const Outputs& outputs, const TrainingPlan& plan, Backend& backend,
                     Clock::time_point start) {
  const std::uint64_t before = session.epochs();
  ProgressLine progress(console, "epochs", before, plan.models * plan.config.epochs);
  StopRule rule(settings, start);
  SessionControl control;
  control.on_epochs = [&](std::uint64_t epochs) {
    rule.gained();
    progress.advance(epochs);
  };
  control.should_stop = [&] { return rule.should_stop(); };
  control.checkpoint = outputs.checkpoint;
  control.checkpoint_every = settings.seconds("checkpoint-every");
  return session.advance(backend, control);
}

/// The model is replaced at the very end, by a rename. Where a file cannot be written, the training is not
/// lost: the checkpoint stays, and --resume writes what is missing.
void write_results(const TrainingSession& session, const Outputs& outputs) {
  try {
    save_model(outputs.model, session.vae());
    if (!outputs.history.empty()) write_history_csv(outputs.history, session.states());
  } catch (const DataError&) {
    try {
      if (!outputs.checkpoint.empty()) save_checkpoint(outputs.checkpoint, session.checkpoint());
    } catch (const DataError&) {
      // An older checkpoint, if any, is still there; the first error says what is wrong.
    }
    throw;
  }
  std::error_code ignored;
  if (!outputs.checkpoint.empty()) fs::remove(outputs.checkpoint, ignored);
}

}  // namespace

int run_train(const Settings& settings, Console& console) {
  const Clock::time_point start = Clock::now();
  const Outputs outputs = outputs_of(settings);
  const Dataset data = read_data(settings);
  const TrainingPlan plan = training_plan(settings, data.x.cols());
  const std::string identity = training_identity(settings, data);
  const bool resumes = settings.flag("resume");
  if (resumes && is_regular_file(outputs.model) && !has_checkpoint_of(outputs, identity)) {
    const Vae finished = load_model(outputs.model);
    if (same_training(finished.config, identity)) return report_finished(console, outputs, finished, plan);
    if (!is_regular_file(outputs.checkpoint)) require_same_training(finished.config, identity, outputs.model);
  }
  TrainingSession session(plan, data, identity);
  const std::unique_ptr<Backend> backend = chosen_backend(settings, console);
  say_what_is_special(settings, plan, session, console);
  if (resumes) {
    resume(session, outputs, identity, console);
  } else if (is_regular_file(outputs.checkpoint)) {
    console.warn(fmt::format(
        "{} of an interrupted training is not used and will be replaced: --resume goes on from it",
        outputs.checkpoint));
  }
  const std::uint64_t before = session.epochs();
  install_stop_handlers();
  const TrainingStatus status = train(session, settings, console, outputs, plan, *backend, start);
  if (const std::string method = backend->training_method(); !method.empty()) console.detail(method);
  if (status == TrainingStatus::diverged) fail_diverged(session, settings, outputs);
  if (status == TrainingStatus::running)
    return end_stopped(console,
                       fmt::format("{} of {} epochs", session.epochs(), plan.models * plan.config.epochs),
                       outputs.checkpoint, outputs.model + " is no regular file");
  write_results(session, outputs);
  Report report = report_of(session, plan, before, outputs.model);
  report.device = backend->name();
  print_report(console, report, session);
  console.say(
      fmt::format("wrote {}{}", outputs.model, outputs.history.empty() ? "" : " and " + outputs.history));
  console.result(report_json(report));
  return 0;
}

}  // namespace gmmvae
