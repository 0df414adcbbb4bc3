#include "host/cpu/instruction_sets.hpp"

#include <fmt/core.h>

#include <cstdlib>
#include <string>

#include "gmmvae/error.hpp"

namespace gmmvae::cpu {
namespace {

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && has_avx2();
}

}  // namespace

InstructionSet choose_instruction_set() {
  const char* variable = std::getenv("GMMVAE_ISA");
  const std::string wanted = variable == nullptr ? "" : variable;
  if (!wanted.empty() && wanted != "baseline" && wanted != "avx2" && wanted != "avx512") {
    throw UsageError(fmt::format("GMMVAE_ISA is '{}': it must be baseline, avx2 or avx512", wanted));
  }
  if ((wanted == "avx512" && !has_avx512()) || (wanted == "avx2" && !has_avx2())) {
    throw DeviceError(fmt::format("GMMVAE_ISA asks for {}, which this processor does not have", wanted));
  }
  if (wanted == "avx512" || (wanted.empty() && has_avx512())) return avx512_instruction_set();
  if (wanted == "avx2" || (wanted.empty() && has_avx2())) return avx2_instruction_set();
  return baseline_instruction_set();
}

}  // namespace gmmvae::cpu
