#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "block.hpp"

namespace emu {
namespace {
constexpr std::size_t dynamic_alignment = 128;
constexpr std::size_t red_zone_room = max_red_zones * red_zone_bytes;
constexpr unsigned char fresh_byte = 0xff;

char* allocate(std::size_t bytes, std::size_t alignment) {
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes)) std::abort();
  return static_cast<char*>(memory);
}
}  // namespace

void make_fresh(void* memory, std::size_t bytes, bool poison) {
  if (poison) std::memset(memory, fresh_byte, bytes);
#if EMU_MSAN
  __msan_poison(memory, bytes);
#endif
}

// AddressSanitizer sees stale pointers, and ThreadSanitizer sees two blocks' memory as two, because every
// block's is a new allocation; elsewhere it is filled anew.
void BlockRunner::new_block_memory() {
  red_zone_count_ = 0;
  if (EMU_ASAN || EMU_TSAN) {
    drop_shared_variables();
    new_dynamic_memory();
  }
  if (dynamic_) {
    allow(dynamic_, dynamic_bytes_);
    make_fresh(dynamic_, dynamic_bytes_, settings_.poison);
    if (!EMU_ASAN) make_fresh(dynamic_ + dynamic_bytes_, red_zone_room, settings_.poison);
  }
  for (int i = 0; i < shared_count_; ++i) make_fresh(shared_[i].memory, shared_[i].bytes, settings_.poison);
#if EMU_TSAN
  // main's allocation, as TSan takes an allocation for a write by the thread that asks for it
  std::free(arena_);
  arena_ = allocate(static_shared_limit + max_shared_variables * dynamic_alignment, dynamic_alignment);
  arena_used_ = 0;
  make_fresh(arena_, static_shared_limit, settings_.poison);
#endif
}

void BlockRunner::new_dynamic_memory() {
  std::free(dynamic_);
  dynamic_ = dynamic_bytes_ ? allocate(dynamic_bytes_ + red_zone_room, dynamic_alignment) : nullptr;
  if (dynamic_) forbid(dynamic_ + dynamic_bytes_, red_zone_room);
}

void BlockRunner::drop_shared_variables() {
#if !EMU_TSAN
  for (int i = 0; i < shared_count_; ++i) std::free(shared_[i].memory);
#endif
  shared_count_ = 0;
  shared_bytes_ = 0;
}

void BlockRunner::tear_down() {
  happens_before_acquire(&end_object_);
  if (!EMU_ASAN) return;
  drop_shared_variables();
  std::free(dynamic_);
  dynamic_ = nullptr;
}

EMU_UNINSTRUMENTED void* BlockRunner::shared_variable(const void* key, std::size_t bytes,
                                                      std::size_t alignment) {
  for (int i = 0; i < shared_count_; ++i) {
    if (shared_[i].key == key) return shared_[i].memory;
  }
  shared_bytes_ += bytes;
  if (shared_count_ == max_shared_variables || shared_bytes_ > static_shared_limit) {
    stop({Fault::shared_too_large, shared_count_, 0, shared_bytes_, static_shared_limit, nullptr, 0, nullptr,
          0});
  }
  char* memory = nullptr;
#if EMU_TSAN
  arena_used_ = (arena_used_ + alignment - 1) / alignment * alignment;
  memory = arena_ + arena_used_;
  arena_used_ += bytes;
#else
  memory = allocate(bytes, alignment < 16 ? 16 : alignment);
  make_fresh(memory, bytes, settings_.poison);
#endif
  shared_[shared_count_++] = {key, memory, bytes};
  return memory;
}

// Sub-array number `pieces` of the dynamic buffer. `logical` counts as the GPU would lay the arrays out; here
// each is followed by a red zone, for which the buffer has room beyond what the launch asked for.
EMU_UNINSTRUMENTED void* BlockRunner::take_shared(std::size_t& logical, int& pieces, std::size_t bytes,
                                                  std::size_t alignment) {
  const std::size_t first = (logical + alignment - 1) / alignment * alignment;
  logical = first + bytes;
  if (logical > dynamic_bytes_ || pieces == max_red_zones) {
    stop({Fault::arena_too_large, pieces, 0, logical, dynamic_bytes_, nullptr, 0, nullptr, 0});
  }
  char* memory = dynamic_ + first + static_cast<std::size_t>(pieces) * red_zone_bytes;
  const auto zone = static_cast<std::size_t>(memory - dynamic_) + bytes;
  if (pieces == red_zone_count_) {
    red_zones_[red_zone_count_++] = zone;
    allow(memory, bytes);
    forbid(dynamic_ + zone, red_zone_bytes);
  }
  ++pieces;
  return memory;
}

bool BlockRunner::red_zones_whole() {
  if (EMU_ASAN || !settings_.poison) return true;  // ASan has stopped the writer already
  for (int i = 0; i < red_zone_count_; ++i) {
    const auto* zone = reinterpret_cast<const unsigned char*>(dynamic_) + red_zones_[i];
#if EMU_MSAN
    __msan_unpoison(zone, red_zone_bytes);
#endif
    for (std::size_t k = 0; k < red_zone_bytes; ++k) {
      if (zone[k] == fresh_byte) continue;
      char text[200];
      std::snprintf(text, sizeof text,
                    "block (%u,%u,%u): write %zu bytes past the end of shared sub-array %d", blockIdx.x,
                    blockIdx.y, blockIdx.z, k, i);
      report(text);
      return false;
    }
  }
  return true;
}

}  // namespace emu
