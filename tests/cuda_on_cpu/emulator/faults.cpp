#include <cstdio>

#include "block.hpp"

namespace emu {
namespace {

void report_in_block(const char* text) {
  char line[600];
  std::snprintf(line, sizeof line, "block (%u,%u,%u): %s", blockIdx.x, blockIdx.y, blockIdx.z, text);
  report(line);
}

const char* name(const char* file) {
  return file ? file : "?";
}

}  // namespace

void BlockRunner::report_fault() {
  const Fault& f = fault_;
  char text[500] = "";
  const auto write = [&](const char* format, auto... values) {
    std::snprintf(text, sizeof text, format, values...);
  };
  switch (f.kind) {
    case Fault::two_barriers:
      write("barrier divergence: thread %d at %s:%d, thread %d at %s:%d", f.first, name(f.first_file),
            f.first_line, f.second, name(f.second_file), f.second_line);
      break;
    case Fault::exited_before_barrier:
      write("barrier divergence: thread %d has exited, thread %d waits at %s:%d", f.first, f.second,
            name(f.second_file), f.second_line);
      break;
    case Fault::not_in_mask:
      write("lane %d is not in its own mask at %s:%d", f.first, name(f.first_file), f.first_line);
      break;
    case Fault::no_such_lane:
      write("mask %08x names lanes that a warp of %d threads does not have, at %s:%d",
            static_cast<unsigned>(f.asked), f.second, name(f.first_file), f.first_line);
      break;
    case Fault::two_warp_places:
      write("warp divergence: lane %d at %s:%d, lane %d at %s:%d", f.first, name(f.first_file), f.first_line,
            f.second, name(f.second_file), f.second_line);
      break;
    case Fault::trap:
      write("__trap()%s", "");
      break;
    case Fault::shared_too_large:
      write("static shared memory of %zu bytes in %d variables; the limit is %zu bytes", f.asked, f.first + 1,
            f.available);
      break;
    case Fault::arena_too_large:
      write("sub-array %d ends at byte %zu of dynamic shared memory; the launch gave %zu bytes", f.first,
            f.asked, f.available);
      break;
    case Fault::none:
      break;
  }
  report_in_block(text);
}

void BlockRunner::report_deadlock() {
  constexpr int most_shown = 4;
  int waiting = 0;
  char text[500];
  int used = std::snprintf(text, sizeof text, "deadlock:");
  for (int i = 0; i < thread_count; ++i) {
    const CudaThread& thread = threads_[i];
    if (thread.state != ThreadState::at_barrier && thread.state != ThreadState::at_warp) continue;
    if (waiting++ >= most_shown || used >= 400) continue;
    used +=
        std::snprintf(text + used, sizeof text - static_cast<std::size_t>(used), " thread %d at %s %s:%d;", i,
                      thread.state == ThreadState::at_barrier ? "barrier" : "warp operation",
                      name(thread.file), thread.line);
    if (used > 400) used = 400;
  }
  std::snprintf(text + used, sizeof text - static_cast<std::size_t>(used), " %d waiting, %d exited", waiting,
                thread_count - live_);
  report_in_block(text);
}

}  // namespace emu
