#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace gmmvae {

/// A fixed set of threads that share out numbered tasks. Which thread runs a task is left to chance, so a
/// task may depend on nothing but its number; cut the work into a number of tasks that does not depend on the
/// number of threads, and the result does not either.
class ThreadPool {
 public:
  /// `threads` counts the caller too: 1 starts no thread at all, 0 is taken as 1.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] std::size_t threads() const { return workers_.size() + 1; }

  /// Runs task(0) … task(count - 1), the caller among the workers, and returns when all are done. If tasks
  /// throw, the exception of the lowest-numbered one is thrown again. Not to be called from inside a task.
  void run(std::size_t count, const std::function<void(std::size_t)>& task);

  /// Cuts [0, size) into pieces of `grain` (the last one shorter) and runs body(begin, end) for each.
  void for_range(std::size_t size, std::size_t grain,
                 const std::function<void(std::size_t begin, std::size_t end)>& body);

 private:
  void worker();
  void take_tasks();

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::atomic<std::uint32_t> generation_{0};  ///< counts calls of run; workers wait for it to move
  std::atomic<std::uint32_t> running_{0};     ///< workers that have not finished the current call
  std::atomic<std::size_t> next_{0};
  std::size_t count_ = 0;
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::exception_ptr error_;
  std::size_t error_task_ = 0;
  bool stopping_ = false;
};

}  // namespace gmmvae
