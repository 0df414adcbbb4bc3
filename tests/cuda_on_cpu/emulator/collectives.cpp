#include "block.hpp"

namespace emu {

EMU_UNINSTRUMENTED bool BlockRunner::same_place(const CudaThread& a, const CudaThread& b) {
  if (!settings_.strict) return true;
  return a.line == b.line && a.file == b.file;
}

EMU_UNINSTRUMENTED void BlockRunner::block_barrier(int predicate, const char* file, int line) {
  CudaThread& thread = *current;
  thread.state = ThreadState::at_barrier;
  thread.file = file;
  thread.line = line;
  pending_all_ &= predicate != 0;
  pending_any_ |= predicate != 0;
  pending_count_ += predicate != 0;
  // two objects in turn: a thread already at the next barrier must not be ordered before one that has still
  // to leave this one
  char* object = &barrier_object_[epoch_ & 1];
  happens_before_release(object);
  if (++waiting_ == live_) release_barrier();
  suspend();
  happens_before_acquire(object);
}

EMU_UNINSTRUMENTED bool BlockRunner::barrier_is_whole() {
  const CudaThread* first = nullptr;
  const CudaThread* gone = nullptr;
  for (int i = 0; i < thread_count; ++i) {
    const CudaThread& thread = threads_[i];
    if (thread.state == ThreadState::done) gone = &thread;
    if (thread.state != ThreadState::at_barrier) continue;
    if (!first) first = &thread;
    if (same_place(*first, thread)) continue;
    fault_ = {Fault::two_barriers, first->rank, i, 0, 0, first->file, first->line, thread.file, thread.line};
    return false;
  }
  if (gone && first && settings_.strict) {
    fault_ = {
        Fault::exited_before_barrier, gone->rank, first->rank, 0, 0, nullptr, 0, first->file, first->line};
    return false;
  }
  return true;
}

EMU_UNINSTRUMENTED void BlockRunner::release_barrier() {
  ++epoch_;
  if (!barrier_is_whole()) return;
  all_of_predicates = pending_all_;
  any_of_predicates = pending_any_;
  count_of_predicates = pending_count_;
  pending_all_ = 1;
  pending_any_ = pending_count_ = 0;
  waiting_ = batch_count_ = 0;
  for (int i = 0; i < thread_count; ++i) {
    if (threads_[i].state != ThreadState::at_barrier) continue;
    threads_[i].state = ThreadState::ready;
    batch_[batch_count_++] = i;
  }
  release_batch();
}

// All live lanes of the mask meet; the last one to come works out everybody's result.
EMU_UNINSTRUMENTED void BlockRunner::warp_collective(WarpOp op, std::uint32_t mask, const char* file,
                                                     int line) {
  CudaThread& thread = *current;
  const int warp = thread.rank >> 5;
  const int lane = thread.rank & 31;
  thread.op = op;
  thread.mask = mask;
  thread.file = file;
  thread.line = line;
  thread.state = ThreadState::at_warp;
  if (!(mask >> lane & 1)) stop({Fault::not_in_mask, lane, 0, 0, 0, file, line, nullptr, 0});
  const int lanes_there = thread_count - 32 * warp < 32 ? thread_count - 32 * warp : 32;
  const std::uint32_t existing = lanes_there == 32 ? ~0u : (1u << lanes_there) - 1;
  if (settings_.strict && (mask & ~existing)) {
    stop({Fault::no_such_lane, lane, lanes_there, mask, 0, file, line, nullptr, 0});
  }
  const int leader = warp * 32 + __builtin_ctz(mask);
  char* object = &warp_object_[2 * leader + (warp_epoch_[leader] & 1)];
  if (op == WarpOp::sync)
    happens_before_release(object);  // a shuffle orders nothing in memory, __syncwarp does
  warp_waiting_[warp] |= 1u << lane;
  complete_warp_ops(warp, mask);
  suspend();
  if (op == WarpOp::sync) happens_before_acquire(object);
}

EMU_UNINSTRUMENTED void BlockRunner::deliver(WarpOp op, CudaThread* lanes, std::uint32_t members,
                                             std::uint32_t ballot) {
  for (std::uint32_t rest = members; rest; rest &= rest - 1) {
    CudaThread& thread = lanes[__builtin_ctz(rest)];
    if (op == WarpOp::shuffle) {
      thread.source_valid = members >> thread.source & 1;
      const CudaThread& source = lanes[thread.source];
      // a lane that does not take part: undefined on the GPU, NaN here
      thread.result[0] = thread.source_valid ? source.value[0] : ~0ull;
      thread.result[1] = thread.source_valid ? source.value[1] : ~0ull;
    } else if (op == WarpOp::ballot) {
      thread.result[0] = ballot;
    } else if (op == WarpOp::match) {
      std::uint32_t equal = 0;
      for (std::uint32_t others = members; others; others &= others - 1) {
        const int other = __builtin_ctz(others);
        if (lanes[other].value[0] == thread.value[0]) equal |= 1u << other;
      }
      thread.result[0] = equal;
    }
    thread.state = ThreadState::ready;
    batch_[batch_count_++] = thread.rank;
  }
}

// Completes every collective among the waiting lanes `candidates` whose live members are all there.
EMU_UNINSTRUMENTED void BlockRunner::complete_warp_ops(int warp, std::uint32_t candidates) {
  CudaThread* lanes = &threads_[32 * warp];
  candidates &= warp_waiting_[warp];
  while (candidates) {
    const CudaThread& first = lanes[__builtin_ctz(candidates)];
    const std::uint32_t mask = first.mask;
    const std::uint32_t members = mask & warp_live_[warp];
    bool all_there = (warp_waiting_[warp] & members) == members;
    for (std::uint32_t rest = members; all_there && rest; rest &= rest - 1) {
      all_there = lanes[__builtin_ctz(rest)].mask == mask;
    }
    if (!all_there) {
      candidates &= candidates - 1;
      continue;
    }
    std::uint32_t ballot = 0;
    for (std::uint32_t rest = members; rest; rest &= rest - 1) {
      const int lane = __builtin_ctz(rest);
      const CudaThread& thread = lanes[lane];
      if (thread.op != first.op || !same_place(thread, first)) {
        fault_ = {Fault::two_warp_places,
                  first.rank & 31,
                  lane,
                  0,
                  0,
                  first.file,
                  first.line,
                  thread.file,
                  thread.line};
        return;
      }
      if (thread.predicate) ballot |= 1u << lane;
    }
    batch_count_ = 0;
    deliver(first.op, lanes, members, ballot);
    warp_waiting_[warp] &= ~members;
    candidates &= ~members;
    ++warp_epoch_[32 * warp + __builtin_ctz(mask)];
    release_batch();
  }
}

}  // namespace emu
