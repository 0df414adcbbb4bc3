#pragma once

#include "host/cpu/plan.hpp"

namespace gmmvae::cpu {

InstructionSet baseline_instruction_set();  ///< x86-64's own SSE2
InstructionSet avx2_instruction_set();      ///< with FMA
InstructionSet avx512_instruction_set();    ///< F, DQ, BW and VL

/// The widest set this processor has, or the one that the environment variable GMMVAE_ISA names
/// (baseline, avx2 or avx512). Throws UsageError for an unknown name, DeviceError for a set the processor
/// lacks.
InstructionSet choose_instruction_set();

}  // namespace gmmvae::cpu
