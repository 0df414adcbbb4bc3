#pragma once

#include <memory>

#include "gmmvae/kernel_bench.hpp"
#include "host/cpu/plan.hpp"

namespace gmmvae::cpu {

/// The kernels of one instruction set on the calling thread; times are the processor's, of this thread.
std::unique_ptr<KernelBench> make_kernel_bench(const InstructionSet& isa);

/// The processor's name as the system gives it; "" where it does not.
std::string processor_name();

}  // namespace gmmvae::cpu
