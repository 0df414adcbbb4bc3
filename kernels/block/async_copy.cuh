#pragma once

// Copies from global to shared memory that go on while a thread computes (cp.async, from sm_80 on). What
// other threads copied is there after a barrier that follows everyone's wait.
//
// In the emulator a copy happens when its thread waits for it, and NaNs lie there until then, so that whoever
// reads too early, or still reads what is being replaced, gets wrong results.

#include "kernels/gpu.hpp"

namespace gmmvae::block {

/// The copies of one thread, in groups.
class AsyncCopies {
 public:
  /// The four floats at `to` <- the first `bytes` (0 to 16) at `from`, zeros behind them. Both on 16 bytes.
  __device__ void start(float* to, const float* from, int bytes) {
#if GPU_ARCH >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                     static_cast<unsigned>(__cvta_generic_to_shared(to))),
                 "l"(from), "r"(bytes));
#elif GPU_EMULATED
    for (int i = 0; i < 4; ++i) to[i] = std::numeric_limits<float>::quiet_NaN();
    if (count_ == most) wait<-1>();
    pending_[count_++] = {to, from, bytes, group_};
#else
    copy(to, from, bytes);
#endif
  }
  /// The same for a whole quad.
  __device__ void start(float* to, const float* from) {
#if GPU_ARCH >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                     static_cast<unsigned>(__cvta_generic_to_shared(to))),
                 "l"(from));
#else
    start(to, from, 16);
#endif
  }
  /// The same where a bit of `wanted` is set.
  __device__ void start_if(unsigned wanted, float* to, const float* from) {
#if GPU_ARCH >= 800
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %0, 0; @p cp.async.cg.shared.global [%1], [%2], 16;}" ::"r"(wanted),
        "r"(static_cast<unsigned>(__cvta_generic_to_shared(to))), "l"(from));
#else
    if (wanted != 0) start(to, from, 16);
#endif
  }
  /// What was started since the last call is a group.
  __device__ void close_group() {
#if GPU_ARCH >= 800
    asm volatile("cp.async.commit_group;");
#elif GPU_EMULATED
    ++group_;
#endif
  }
  /// Waits until all groups but the last `Open` are there.
  template <int Open>
  __device__ void wait() {
#if GPU_ARCH >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(Open) : "memory");
#elif GPU_EMULATED
    int kept = 0;
    for (int i = 0; i < count_; ++i) {
      if (pending_[i].group < group_ - Open) {
        copy(pending_[i].to, pending_[i].from, pending_[i].bytes);
      } else {
        pending_[kept++] = pending_[i];
      }
    }
    count_ = kept;
#endif
  }

 private:
#if GPU_ARCH < 800
  __device__ static void copy(float* to, const float* from, int bytes) {
    for (int i = 0; i < 4; ++i) to[i] = 4 * i < bytes ? from[i] : 0.0f;
  }
#endif
#if GPU_EMULATED
  static constexpr int most = 32;
  struct Copy {
    float* to;
    const float* from;
    int bytes;
    int group;
  };
  Copy pending_[most];
  int count_ = 0;
  int group_ = 0;
#endif
};

}  // namespace gmmvae::block
