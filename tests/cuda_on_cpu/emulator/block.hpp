#pragma once

#include <cstddef>
#include <cstdint>

#include "config.hpp"
#include "fiber.hpp"
#include "language.hpp"

namespace emu {

constexpr int max_threads = 1024;
constexpr int max_warps = max_threads / 32;
constexpr int max_shared_variables = 64;
constexpr int max_red_zones = 64;
constexpr std::size_t red_zone_bytes = 128;
constexpr std::size_t gather_words = 16;  ///< 32-bit words a lane can post in a gather
constexpr std::size_t static_shared_limit = 48 << 10;

enum class ThreadState : std::uint8_t { fresh, running, ready, at_barrier, at_warp, done };
enum class WarpOp : std::uint8_t { sync, shuffle, ballot, match };

/// One CUDA thread of the block that runs: where it is, and what it offers to the collective it waits in.
struct CudaThread {
  uint3 index;
  int rank;
  Fiber* fiber;  ///< null while it has not started or is running
  ThreadState state;
  WarpOp op;
  bool source_valid;  ///< of a shuffle: the lane read from takes part
  std::uint32_t mask;
  int source;
  int predicate;
  const char* file;
  int line;
  std::uint64_t value[2];
  std::uint64_t result[2];
  unsigned gathers;
  std::uint32_t posted[2][gather_words];
};

/// What stopped a block; plain data, because it is noted down on a kernel's stack and told on the host's.
struct Fault {
  enum Kind {
    none,
    two_barriers,
    exited_before_barrier,
    not_in_mask,
    no_such_lane,
    two_warp_places,
    trap,
    shared_too_large,
    arena_too_large
  } kind;
  int first;
  int second;
  std::size_t asked;
  std::size_t available;
  const char* first_file;
  int first_line;
  const char* second_file;
  int second_line;
};

/// A kernel with its arguments, as the scheduler sees it.
struct KernelCall {
  void (*run)(const void*);
  const void* arguments;
};

/// Runs the blocks of a launch one after another and the threads of a block as fibers. A thread runs until it
/// ends or waits; who comes next is a queue, filled in the configured order. Everything that kernels call is
/// uninstrumented.
class BlockRunner {
 public:
  /// False when a block failed; the reason has been reported. Not reentrant: the caller holds the runtime's
  /// lock.
  bool run_grid(dim3 grid, dim3 block, std::size_t dynamic_shared, const KernelCall& call);

  // what a kernel calls
  void block_barrier(int predicate, const char* file, int line);
  void warp_collective(WarpOp op, std::uint32_t mask, const char* file, int line);
  void give_way();
  void stop(const Fault& fault);
  void* shared_variable(const void* key, std::size_t bytes, std::size_t alignment);
  void* take_shared(std::size_t& logical, int& pieces, std::size_t bytes, std::size_t alignment);
  char* dynamic_shared() { return dynamic_; }
  [[nodiscard]] std::size_t dynamic_shared_bytes() const { return dynamic_bytes_; }

  CudaThread* current = nullptr;
  int thread_count = 0;
  int all_of_predicates = 1, any_of_predicates = 0, count_of_predicates = 0;  ///< of the last barrier
  char fence_object = 0;
  bool atomic_yield = false;

 private:
  friend void fiber_main();
  struct SharedVariable {
    const void* key;
    char* memory;
    std::size_t bytes;
  };

  bool run_block(uint3 index);
  void set_up(dim3 grid, dim3 block, std::size_t dynamic_shared);
  void tear_down();
  void report_fault();
  void report_deadlock();
  void restart_fibers();

  // scheduling (block.cpp)
  Fiber* free_fiber(int rank);
  Fiber* new_fiber();
  void suspend();
  void resume(int rank);
  void begin(int rank);
  void finish(CudaThread& thread);
  void release_batch();
  void push(int rank);
  int pop();
  std::uint64_t next_random();

  // barriers and warps (collectives.cpp)
  void release_barrier();
  bool barrier_is_whole();
  void complete_warp_ops(int warp, std::uint32_t candidates);
  bool same_place(const CudaThread& a, const CudaThread& b);
  void deliver(WarpOp op, CudaThread* lanes, std::uint32_t members, std::uint32_t ballot);

  // a block's memory (shared_memory.cpp)
  void new_block_memory();
  void drop_shared_variables();
  void new_dynamic_memory();
  bool red_zones_whole();

  Config settings_;
  CudaThread threads_[max_threads] = {};
  int warps_ = 0, live_ = 0, waiting_ = 0;
  int ready_[max_threads] = {}, ready_head_ = 0, ready_tail_ = 0, ready_count_ = 0;
  int batch_[max_threads] = {}, batch_count_ = 0;
  std::uint32_t warp_live_[max_warps] = {}, warp_waiting_[max_warps] = {};
  int pending_all_ = 1, pending_any_ = 0, pending_count_ = 0;

  Fiber host_;
  Fiber* running_ = nullptr;
  Fiber* fibers_[max_threads] = {};
  int fiber_count_ = 0;
  Fiber* idle_[max_threads] = {};
  int idle_count_ = 0;
  int starting_ = -1;
  KernelCall call_{};
  Fault fault_{};
  std::uint64_t random_ = 1, blocks_run_ = 0;

  char* dynamic_ = nullptr;
  std::size_t dynamic_bytes_ = 0;
  SharedVariable shared_[max_shared_variables] = {};
  int shared_count_ = 0;
  std::size_t shared_bytes_ = 0;
  char* arena_ = nullptr;  ///< TSan: static shared memory comes from here
  std::size_t arena_used_ = 0;
  std::size_t red_zones_[max_red_zones] = {};  ///< offsets in dynamic_
  int red_zone_count_ = 0;

  // ThreadSanitizer's synchronisation objects
  char barrier_object_[2] = {}, warp_object_[2 * max_threads] = {}, warp_epoch_[max_threads] = {};
  unsigned epoch_ = 0;
  char start_object_ = 0, end_object_ = 0;
};

extern BlockRunner block_runner;

/// Marks memory as never written: 0xff bytes, and unknown to MemorySanitizer.
void make_fresh(void* memory, std::size_t bytes, bool poison);

}  // namespace emu
