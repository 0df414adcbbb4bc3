#include "host/parallel/thread_pool.hpp"

#include <algorithm>

namespace gmmvae {

namespace {

// A call usually follows the last one within microseconds: looking a little longer is cheaper than a trip to
// the kernel.
constexpr int kSpins = 2000;

template <class Done>
bool spin_until(Done done) {
  for (int i = 0; i < kSpins; ++i) {
    if (done()) return true;
    __builtin_ia32_pause();
  }
  return done();
}

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) {
  for (std::size_t i = 1; i < threads; ++i) workers_.emplace_back([this] { worker(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    ++generation_;
  }
  idle_.notify_all();
  for (std::thread& thread : workers_) thread.join();
}

void ThreadPool::take_tasks() {
  for (std::size_t i = next_.fetch_add(1); i < count_; i = next_.fetch_add(1)) {
    try {
      (*task_)(i);
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!error_ || i < error_task_) {
        error_ = std::current_exception();
        error_task_ = i;
      }
    }
  }
}

void ThreadPool::worker() {
  std::uint32_t seen = 0;
  while (true) {
    if (!spin_until([&] { return generation_.load(std::memory_order_acquire) != seen; })) {
      std::unique_lock lock(mutex_);
      idle_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
    }
    seen = generation_.load(std::memory_order_acquire);
    if (stopping_) return;
    take_tasks();
    if (running_.fetch_sub(1) == 1) running_.notify_all();
  }
}

void ThreadPool::run(std::size_t count, const std::function<void(std::size_t)>& task) {
  if (workers_.empty() || count <= 1) {
    for (std::size_t i = 0; i < count; ++i) task(i);
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    count_ = count;
    task_ = &task;
    next_ = 0;
    error_ = nullptr;
    running_ = static_cast<std::uint32_t>(workers_.size());
    ++generation_;
  }
  idle_.notify_all();
  take_tasks();
  if (!spin_until([this] { return running_.load() == 0; })) {
    for (std::uint32_t left = running_.load(); left != 0; left = running_.load()) running_.wait(left);
  }
  if (error_) std::rethrow_exception(error_);
}

void ThreadPool::for_range(std::size_t size, std::size_t grain,
                           const std::function<void(std::size_t, std::size_t)>& body) {
  grain = std::max<std::size_t>(grain, 1);
  run((size + grain - 1) / grain, [&](std::size_t i) { body(i * grain, std::min(size, (i + 1) * grain)); });
}

}  // namespace gmmvae
