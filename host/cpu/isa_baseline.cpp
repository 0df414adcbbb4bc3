#define GMMVAE_ISA_NAMESPACE baseline
#define GMMVAE_VECTOR_BYTES 16
#include "host/cpu/instruction_sets.hpp"
#include "host/cpu/simd/peak.hpp"
#include "host/cpu/simd/permutation.hpp"
#include "host/cpu/simd/step.hpp"

namespace gmmvae::cpu {

InstructionSet baseline_instruction_set() {
  return {"baseline", baseline::permute, baseline::kernels<float>(), baseline::kernels<double>(),
          baseline::peak_loops()};
}

}  // namespace gmmvae::cpu
