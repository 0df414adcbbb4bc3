#include "host/app/run_training.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/app/progress.hpp"
#include "host/app/stop_rule.hpp"
#include "host/config/builders.hpp"
#include "host/io/checkpoint_file.hpp"
#include "host/io/history_csv.hpp"
#include "host/io/model_file.hpp"
#include "host/training/identity.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

struct ModelFiles {
  std::string model, history, checkpoint;

  ModelFiles(const RunDirectory& folder, const std::string& name)
      : model(folder.file(name, "model.safetensors")),
        history(folder.file(name, "history.csv")),
        checkpoint(model + ".checkpoint") {}

  /// The history is written before the model, so a model means that both are there.
  [[nodiscard]] bool finished() const { return fs::exists(model) && fs::exists(history); }
};

std::uint64_t steps_of(const TrainingSession& session, const TrainingPlan& plan, std::uint64_t epochs) {
  const std::uint64_t rows = session.training_rows(),
                      batch = std::min<std::uint64_t>(plan.config.batch, rows);
  return epochs * ((rows + batch - 1) / batch);
}

/// Trains one model to its end, its divergence or a stop, and puts what it became where it belongs.
class ModelTraining {
 public:
  ModelTraining(const RunModelPlan& plan, const Dataset& data, const RunDirectory& folder)
      : plan_(plan), files_(folder, plan.name), session_(plan.training, data, plan.identity) {
    folder.create_model_folder(plan.name);
    if (!fs::exists(files_.checkpoint)) return;
    Checkpoint checkpoint = load_checkpoint(files_.checkpoint);
    require_same_training(checkpoint.config, plan.identity, files_.checkpoint);
    session_.restore(std::move(checkpoint));
  }

  TrainingStatus run(Backend& backend, SessionControl control) {
    control.checkpoint = files_.checkpoint;
    const std::uint64_t before = session_.epochs();
    const TrainingStatus status = session_.advance(backend, control);
    steps_ = steps_of(session_, plan_.training, session_.epochs() - before);
    if (status == TrainingStatus::finished) save();
    return status;
  }

  [[nodiscard]] ModelStudy study() const {
    ModelStudy made;
    made.name = plan_.name;
    made.vae = session_.vae();
    made.history = session_.state(0).history;
    made.prediction = plan_.prediction;
    return made;
  }

  [[nodiscard]] TrainingTime time() const { return {plan_.name, session_.seconds(), steps_}; }
  [[nodiscard]] std::uint64_t epochs() const { return session_.epochs(); }

 private:
  void save() const {
    write_history_csv(files_.history, session_.states());
    save_model(files_.model, session_.vae());
    std::error_code ignored;  // a checkpoint that stays does no harm: the model is looked for first
    fs::remove(files_.checkpoint, ignored);
  }

  const RunModelPlan& plan_;
  ModelFiles files_;
  TrainingSession session_;
  std::uint64_t steps_ = 0;
};

/// A model that an earlier call of the same run finished.
ModelStudy finished_model(const RunModelPlan& plan, const ModelFiles& files) {
  ModelStudy made;
  made.name = plan.name;
  made.vae = load_model(files.model);
  require_same_training(made.vae.config, plan.identity, files.model);
  made.history = read_history_csv(files.history).at(0);
  made.prediction = plan.prediction;
  return made;
}

std::string divergence(const RunModelPlan& plan, std::uint64_t epochs) {
  return fmt::format("the loss of model {} exploded after epoch {}; try a smaller --lr than {:g}", plan.name,
                     epochs, plan.training.config.learning_rate);
}

}  // namespace

std::vector<RunModelPlan> plan_run(const Settings& settings, const Dataset& data) {
  std::vector<RunModelPlan> plans;
  for (const std::string& name : settings.model_names()) {
    RunDirectory::require_folder_name(name);
    const Settings own = settings.for_model(name);
    RunModelPlan plan;
    plan.name = name;
    plan.training = training_plan(own, data.x.cols());
    plan.identity = training_identity(own, data);
    // Only to be told of a plan that cannot be carried out before anything is written, and for the scaler.
    const TrainingSession session(plan.training, data, plan.identity);
    plan.prediction =
        predict_model(plan.training.objective, session.vae().scaler, plan.training.architecture.latent, data);
    plans.push_back(std::move(plan));
  }
  return plans;
}

RunTraining train_models(const std::vector<RunModelPlan>& plans, const Dataset& data,
                         const RunDirectory& folder, Backend& backend, const Settings& settings,
                         const Console& console) {
  StopRule rule(settings);
  RunTraining done;
  for (const RunModelPlan& plan : plans) {
    console.print(
        fmt::format("{}: predicted {}: {}", plan.name, plan.prediction.verdict, plan.prediction.why));
    const ModelFiles files(folder, plan.name);
    if (files.finished()) {
      done.models.push_back(finished_model(plan, files));
      done.times.push_back({plan.name, 0.0, 0});
      console.detail(fmt::format("{}: {} is there already", plan.name, files.model));
      continue;
    }
    ModelTraining training(plan, data, folder);
    ProgressLine progress(console, "epochs", training.epochs(), plan.training.config.epochs);
    SessionControl control;
    control.should_stop = [&] { return rule.should_stop(); };
    control.on_epochs = [&](std::uint64_t epochs) {
      rule.gained();
      progress.advance(epochs);
    };
    control.checkpoint_every = settings.seconds("checkpoint-every");
    const TrainingStatus status = training.run(backend, control);
    done.times.push_back(training.time());
    if (status == TrainingStatus::running) {
      done.stopped = true;
      return done;
    }
    if (status == TrainingStatus::diverged) {
      done.failures.push_back({plan.name, divergence(plan, training.epochs())});
      continue;
    }
    done.models.push_back(training.study());
  }
  return done;
}

}  // namespace gmmvae
