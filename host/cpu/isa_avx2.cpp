#define GMMVAE_ISA_NAMESPACE avx2
#define GMMVAE_VECTOR_BYTES 32
#include "host/cpu/instruction_sets.hpp"
#include "host/cpu/simd/peak.hpp"
#include "host/cpu/simd/permutation.hpp"
#include "host/cpu/simd/step.hpp"

namespace gmmvae::cpu {

InstructionSet avx2_instruction_set() {
  return {"avx2", avx2::permute, avx2::kernels<float>(), avx2::kernels<double>(), avx2::peak_loops()};
}

}  // namespace gmmvae::cpu
