#include "block.hpp"

#include <utility>
#include <vector>

uint3 threadIdx{};
uint3 blockIdx{};
dim3 blockDim{};
dim3 gridDim{};

namespace emu {

BlockRunner block_runner;

EMU_UNINSTRUMENTED void fiber_main() {
  fiber_entered();
  BlockRunner& runner = block_runner;
  for (;;) {
    const int rank = runner.starting_;
    runner.begin(rank);
    runner.call_.run(runner.call_.arguments);
    runner.finish(runner.threads_[rank]);
    const int next = runner.pop();
#if EMU_TSAN
    runner.resume(next);  // every thread has a stack and an identity of its own
#else
    if (next >= 0 && !runner.fault_.kind && !runner.threads_[next].fiber) {
      runner.starting_ = next;  // a thread that never waits needs no switch
      continue;
    }
    runner.idle_[runner.idle_count_++] = runner.running_;
    runner.resume(next);
#endif
  }
}

EMU_UNINSTRUMENTED std::uint64_t BlockRunner::next_random() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_;
}

EMU_UNINSTRUMENTED void BlockRunner::push(int rank) {
  ready_[ready_tail_] = rank;
  if (++ready_tail_ == thread_count) ready_tail_ = 0;
  ++ready_count_;
}

EMU_UNINSTRUMENTED int BlockRunner::pop() {
  if (!ready_count_) return -1;
  const int rank = ready_[ready_head_];
  if (++ready_head_ == thread_count) ready_head_ = 0;
  --ready_count_;
  return rank;
}

EMU_UNINSTRUMENTED void BlockRunner::release_batch() {
  if (settings_.order == Order::reverse) {
    for (int i = batch_count_; i-- > 0;) push(batch_[i]);
  } else {
    if (settings_.order == Order::random) {
      for (int i = batch_count_; i > 1; --i) {
        const int j = static_cast<int>(next_random() % static_cast<unsigned>(i));
        const int other = batch_[i - 1];
        batch_[i - 1] = batch_[j];
        batch_[j] = other;
      }
    }
    for (int i = 0; i < batch_count_; ++i) push(batch_[i]);
  }
  batch_count_ = 0;
}

Fiber* BlockRunner::new_fiber() {
  Fiber* fiber = create_fiber(settings_.stack_bytes, static_cast<std::size_t>(fiber_count_), fiber_main);
  fibers_[fiber_count_++] = fiber;
  return fiber;
}

EMU_UNINSTRUMENTED Fiber* BlockRunner::free_fiber([[maybe_unused]] int rank) {
#if EMU_TSAN
  // the fibers shift from block to block, so that equal threadIdx in two blocks are two threads to TSan
  return idle_[(rank + static_cast<int>(blocks_run_ % 1000) * 7) % thread_count];
#else
  return idle_count_ ? idle_[--idle_count_] : new_fiber();
#endif
}

// The running thread cannot go on: another one does, and this call returns when its turn has come again.
EMU_UNINSTRUMENTED void BlockRunner::suspend() {
  CudaThread* thread = current;
  const int next = pop();
  if (next == thread->rank) {
    thread->state = ThreadState::running;
    return;
  }
  happens_before_release(&end_object_);  // should the block be given up, the host is ordered after this
  thread->fiber = running_;
  resume(next);
  current = thread;
  threadIdx = thread->index;
  thread->state = ThreadState::running;
  thread->fiber = nullptr;
}

EMU_UNINSTRUMENTED void BlockRunner::resume(int rank) {
  Fiber* from = running_;
  if (rank < 0 || fault_.kind) {  // nobody can run: the host finds out why
    running_ = &host_;
  } else if (threads_[rank].fiber) {
    running_ = threads_[rank].fiber;
  } else {
    starting_ = rank;
    running_ = free_fiber(rank);
  }
  switch_fiber(from, running_);
}

EMU_UNINSTRUMENTED void BlockRunner::begin(int rank) {
  current = &threads_[rank];
  current->state = ThreadState::running;
  threadIdx = current->index;
  happens_before_acquire(&start_object_);
}

EMU_UNINSTRUMENTED void BlockRunner::finish(CudaThread& thread) {
  happens_before_release(&end_object_);
  thread.state = ThreadState::done;
  --live_;
  const int warp = thread.rank >> 5;
  warp_live_[warp] &= ~(1u << (thread.rank & 31));
  if (waiting_ && waiting_ == live_) release_barrier();
  if (warp_waiting_[warp]) complete_warp_ops(warp, warp_waiting_[warp]);
}

EMU_UNINSTRUMENTED void BlockRunner::give_way() {
  if (!ready_count_) return;
  current->state = ThreadState::ready;
  push(current->rank);
  suspend();
}

EMU_UNINSTRUMENTED void BlockRunner::stop(const Fault& fault) {
  if (!fault_.kind) fault_ = fault;
  happens_before_release(&end_object_);
  resume(-1);
}

void BlockRunner::set_up(dim3 grid, dim3 block, std::size_t dynamic_shared) {
  settings_ = config();
  atomic_yield = settings_.atomic_yield && settings_.order == Order::random;
  gridDim = grid;
  blockDim = block;
  thread_count = static_cast<int>(block.x * block.y * block.z);
  warps_ = (thread_count + 31) / 32;
  random_ = settings_.seed * 0x9E3779B97F4A7C15ull + 1;
  for (int i = 0; i < thread_count; ++i) {
    const auto rank = static_cast<unsigned>(i);
    threads_[i].rank = i;
    threads_[i].index = {rank % block.x, rank / block.x % block.y, rank / (block.x * block.y)};
  }
  drop_shared_variables();
  dynamic_bytes_ = dynamic_shared;
  new_dynamic_memory();
  idle_count_ = 0;
  for (int i = 0; i < fiber_count_; ++i) idle_[idle_count_++] = fibers_[i];
  adopt_host_stack(host_);
#if EMU_TSAN
  while (fiber_count_ < thread_count) idle_[idle_count_++] = new_fiber();
#endif
}

EMU_UNINSTRUMENTED bool BlockRunner::run_block(uint3 index) {
  blockIdx = index;
  live_ = thread_count;
  waiting_ = ready_head_ = ready_tail_ = ready_count_ = 0;
  pending_all_ = 1;
  pending_any_ = pending_count_ = 0;
  fault_ = Fault{};
  ++blocks_run_;
  for (int i = 0; i < warps_; ++i) {
    warp_live_[i] = ~0u;
    warp_waiting_[i] = 0;
  }
  if (thread_count & 31) warp_live_[warps_ - 1] = (1u << (thread_count & 31)) - 1;
  if (!settings_.inter_block_races) happens_before_acquire(&end_object_);
  new_block_memory();
  happens_before_release(&start_object_);
  batch_count_ = 0;
  for (int i = 0; i < thread_count; ++i) {
    threads_[i].state = ThreadState::fresh;
    threads_[i].fiber = nullptr;
    threads_[i].file = nullptr;
    threads_[i].gathers = 0;
    batch_[batch_count_++] = i;
  }
  release_batch();
  running_ = &host_;
  current = nullptr;
  resume(pop());
  if (live_ == 0 && !fault_.kind) return red_zones_whole();
  happens_before_acquire(&end_object_);
  if (fault_.kind)
    report_fault();
  else
    report_deadlock();
  restart_fibers();
  return false;
}

void BlockRunner::restart_fibers() {
  for (int i = 0; i < fiber_count_; ++i) restart_fiber(*fibers_[i], fiber_main);
}

bool BlockRunner::run_grid(dim3 grid, dim3 block, std::size_t dynamic_shared, const KernelCall& call) {
  const std::size_t blocks = std::size_t(grid.x) * grid.y * grid.z;
  set_up(grid, block, dynamic_shared);
  call_ = call;
  std::vector<std::size_t> order;  // of the blocks; empty: as they are numbered
  if (settings_.order != Order::forward) {
    for (std::size_t i = blocks; i-- > 0;) order.push_back(i);
    if (settings_.order == Order::random) {
      for (std::size_t i = blocks; i > 1; --i) std::swap(order[i - 1], order[next_random() % i]);
    }
  }
  bool good = true;
  for (std::size_t i = 0; i < blocks && good; ++i) {
    const std::size_t b = order.empty() ? i : order[i];
    good = run_block({static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                      static_cast<unsigned>(b / (std::size_t(grid.x) * grid.y))});
  }
  tear_down();
  return good;
}

}  // namespace emu
