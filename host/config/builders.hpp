#pragma once

#include <cstddef>

#include "gmmvae/backend.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/training.hpp"
#include "gmmvae/tsne.hpp"
#include "gmmvae/vae.hpp"
#include "host/config/settings.hpp"
#include "host/training/session.hpp"

namespace gmmvae {

// From settings to what the library takes. Each throws UsageError for options that contradict each other.

MixtureSpec mixture_spec(const Settings& settings);
Architecture architecture(const Settings& settings, std::size_t data_dim);
Objective objective(const Settings& settings);
TrainingConfig training_config(const Settings& settings);
/// Of the verb train, or of one model of another verb that trains, which then is one.
TrainingPlan training_plan(const Settings& settings, std::size_t data_dim);
BackendOptions backend_options(const Settings& settings);
/// Of the verb tsne, without the points of --init FILE.
TsneOptions tsne_options(const Settings& settings);

}  // namespace gmmvae
