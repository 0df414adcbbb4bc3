#define GMMVAE_ISA_NAMESPACE avx512
#define GMMVAE_VECTOR_BYTES 64
#include "host/cpu/instruction_sets.hpp"
#include "host/cpu/simd/peak.hpp"
#include "host/cpu/simd/permutation.hpp"
#include "host/cpu/simd/step.hpp"

namespace gmmvae::cpu {

InstructionSet avx512_instruction_set() {
  return {"avx512", avx512::permute, avx512::kernels<float>(), avx512::kernels<double>(),
          avx512::peak_loops()};
}

}  // namespace gmmvae::cpu
