#include "host/config/builders.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gmmvae/error.hpp"
#include "host/tsne/embedding.hpp"
#include "host/vae/names.hpp"

namespace gmmvae {

MixtureSpec mixture_spec(const Settings& settings) {
  MixtureSpec spec;
  spec.layout = parse<Layout>(settings.text("layout"));
  spec.components = settings.count("components");
  spec.dim = settings.count("dim");
  spec.spread = settings.real("spread");
  spec.sigma = settings.real("sigma");
  spec.covariance = parse<CovarianceKind>(settings.text("covariance"));
  spec.weights = settings.text("weights");
  const bool list = spec.weights != "equal" && !spec.weights.starts_with("dirichlet:");
  const std::size_t given =
      1 + static_cast<std::size_t>(std::count(spec.weights.begin(), spec.weights.end(), ','));
  if (list && given != spec.components) {
    throw UsageError(fmt::format("{} has {} numbers, but there are {} components", settings.label("weights"),
                                 given, spec.components));
  }
  if (spec.layout == Layout::ring && spec.dim < 2) {
    throw UsageError(
        fmt::format("{}: a ring needs at least 2 dimensions, not {}", settings.label("dim"), spec.dim));
  }
  return spec;
}

Architecture architecture(const Settings& settings, std::size_t data_dim) {
  Architecture shape;
  shape.data_dim = data_dim;
  shape.latent = settings.count("latent");
  const std::vector<std::size_t> hidden = settings.widths("hidden");
  shape.encoder_hidden = settings.is_set("encoder-hidden") ? settings.widths("encoder-hidden") : hidden;
  shape.decoder_hidden = settings.is_set("decoder-hidden")
                             ? settings.widths("decoder-hidden")
                             : std::vector<std::size_t>(hidden.rbegin(), hidden.rend());
  shape.activation = parse<Activation>(settings.text("activation"));
  shape.posterior_variance = parse<PosteriorVariance>(settings.text("posterior-variance"));
  return shape;
}

Objective objective(const Settings& settings) {
  Objective made;
  made.kind = parse<ObjectiveKind>(settings.text("objective"));
  made.beta = settings.real("beta");
  const std::string variance = settings.text("decoder-variance");
  if (made.kind != ObjectiveKind::elbo) {
    if (!variance.empty()) {
      throw UsageError(
          fmt::format("{} does not go with the objective {}, which implies a decoder variance of its own: "
                      "leave it out, or take --objective elbo",
                      settings.label("decoder-variance"), settings.text("objective")));
    }
    made.variance_kind = DecoderVarianceKind::fixed;
    if (made.kind == ObjectiveKind::lab) made.decoder_variance = 0.1;
    return made;
  }
  if (variance == "learned-per-dim") {
    made.variance_kind = DecoderVarianceKind::learned_per_dim;
  } else if (!variance.empty() && variance != "learned") {
    made.variance_kind = DecoderVarianceKind::fixed;
    made.decoder_variance = settings.real("decoder-variance");
  }
  return made;
}

TrainingConfig training_config(const Settings& settings) {
  TrainingConfig config;
  config.epochs = settings.count("epochs");
  config.batch = settings.count("batch");
  config.learning_rate = settings.real("lr");
  config.schedule = parse<LearningRateSchedule>(settings.text("lr-schedule"));
  config.arithmetic = parse<Arithmetic>(settings.text("precision"));
  config.patience = settings.count("patience");
  config.seed = settings.count("seed");
  if (config.patience > 0 && settings.real("validation") == 0.0) {
    throw UsageError(fmt::format("{} {} needs points to validate on: add --validation 0.2, say",
                                 settings.label("patience"), config.patience));
  }
  return config;
}

TrainingPlan training_plan(const Settings& settings, std::size_t data_dim) {
  TrainingPlan plan;
  plan.architecture = architecture(settings, data_dim);
  plan.objective = objective(settings);
  plan.config = training_config(settings);
  plan.initialization = parse<Initialization>(settings.text("init"));
  plan.scale = parse<ScaleKind>(settings.text("scale"));
  plan.validation = settings.real("validation");
  const bool counts_models = find_option(settings.verb(), "models") != nullptr;
  plan.models = counts_models ? settings.count("models") : 1;
  return plan;
}

TsneOptions tsne_options(const Settings& settings) {
  TsneOptions options;
  options.perplexity = settings.real("perplexity");
  options.iterations = settings.count("iterations");
  const std::string method = settings.text("method"), neighbors = settings.text("neighbors");
  if (method != "auto") options.method = method == "fft" ? GradientMethod::fft : GradientMethod::exact;
  if (neighbors != "auto")
    options.neighbors = neighbors == "exact" ? NeighborSearch::exact : NeighborSearch::approximate;
  options.dim = settings.count("dim");
  if (settings.text("init") == "random") options.start = EmbeddingStart::random;
  options.exaggeration = settings.real("exaggeration");
  options.late_exaggeration = settings.real("late-exaggeration");
  if (settings.text("learning-rate") != "auto") options.learning_rate = settings.real("learning-rate");
  options.seed = settings.count("seed");
  options.threads = backend_options(settings).threads;
  tsne::check_options(options);
  return options;
}

BackendOptions backend_options(const Settings& settings) {
  BackendOptions options;
  options.device = settings.text("device");
  options.threads = settings.text("threads") == "auto" ? 0 : settings.count("threads");
  return options;
}

}  // namespace gmmvae
