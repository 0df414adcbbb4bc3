#pragma once

#include "gmmvae/training.hpp"
#include "host/cpu/plan.hpp"

namespace gmmvae::cpu {

/// Advances one job on the calling thread, see Backend::train.
void train_job(TrainingJob& job, const TrainingControl& control, const InstructionSet& isa);

}  // namespace gmmvae::cpu
