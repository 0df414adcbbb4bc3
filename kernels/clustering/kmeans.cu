// k-means on the device: starts are found on the host, on a sample where there are many points; the runs of
// all tasks and starts then advance side by side, as many as fit.
#include <algorithm>
#include <limits>
#include <memory>

#include "gmmvae/backend.hpp"
#include "host/clustering/seeding.hpp"
#include "host/parallel/thread_pool.hpp"
#include "kernels/clustering/clustering.hpp"
#include "kernels/clustering/lloyd.hpp"
#include "kernels/metrics/points.hpp"

namespace gmmvae::cuda {
namespace {

/// What runs may take on the device at a time.
constexpr std::size_t bytes_at_a_time = std::size_t{1} << 30;

/// Points that one or several tasks are about, on host and device.
struct Shared {
  MatrixView<float> x;
  CentredPoints centred;
  DevicePoints device;

  Shared(MatrixView<float> points, cudaStream_t stream)
      : x(points), centred(points), device(centred.rows, stream) {}
};

/// A task with all that belongs to it.
struct Task {
  const KMeansTask* given = nullptr;
  const Shared* points = nullptr;
  std::unique_ptr<Matrix<float>> sample;  ///< where starts are found on fewer points
  std::unique_ptr<DevicePoints> device_sample;
  KMeansResult best;
  Matrix<float> best_centers;
};

/// One start of one task.
struct Run {
  Task* task = nullptr;
  std::size_t start = 0;
  Matrix<float> centers;
};

LloydStart lloyd_start(const Run& run, const DevicePoints& points) {
  const KMeansOptions& options = run.task->given->options;
  return {points.data(), static_cast<std::size_t>(points.count()), run.centers, options.max_iterations,
          options.tolerance * run.task->points->centred.variance};
}

/// Moves starts on samples first.
void settle_on_samples(std::span<Run> runs, cudaStream_t stream) {
  std::vector<LloydStart> starts;
  for (const Run& run : runs)
    if (run.task->sample) starts.push_back(lloyd_start(run, *run.task->device_sample));
  if (starts.empty()) return;
  std::vector<LloydEnd> ends = Lloyd(starts, stream).run();
  auto end = ends.begin();
  for (Run& run : runs)
    if (run.task->sample) run.centers = std::move((end++)->centers);
}

/// Runs side by side; what is better than the task's best so far is kept.
void advance(std::span<Run> runs, cudaStream_t stream) {
  settle_on_samples(runs, stream);
  std::vector<LloydStart> starts;
  for (const Run& run : runs) starts.push_back(lloyd_start(run, run.task->points->device));
  Lloyd lloyd(starts, stream);
  std::vector<LloydEnd> ends = lloyd.run();
  for (std::size_t r = 0; r < runs.size(); ++r) {
    Task& task = *runs[r].task;
    if (!(ends[r].inertia < task.best.inertia)) continue;
    task.best.inertia = ends[r].inertia;
    task.best.iterations = ends[r].iterations;
    task.best.converged = ends[r].converged;
    task.best.labels = lloyd.labels(r);
    task.best_centers = std::move(ends[r].centers);
  }
}

std::size_t bytes_of(const Run& run) {
  const Task& task = *run.task;
  return Lloyd::device_bytes(task.given->x.rows + (task.sample ? task.sample->rows() : 0), task.given->x.cols,
                             task.given->options.k);
}

std::vector<Run> starts_of(std::vector<Task>& tasks) {
  std::vector<Run> runs;
  for (Task& task : tasks)
    for (std::size_t s = 0; s < std::max<std::size_t>(task.given->options.restarts, 1); ++s)
      runs.push_back({&task, s, {}});
  ThreadPool pool(available_threads());
  pool.run(runs.size(), [&](std::size_t r) {
    const Task& task = *runs[r].task;
    runs[r].centers = plus_plus(task.sample ? *task.sample : task.points->centred.rows, task.given->options,
                                task.given->stream, runs[r].start);
  });
  return runs;
}

}  // namespace

std::vector<KMeansResult> kmeans(std::span<const KMeansTask> given, cudaStream_t stream) {
  std::vector<std::unique_ptr<Shared>> points;
  std::vector<Task> tasks;
  for (const KMeansTask& task : given) {
    check_kmeans(task.x, task.options);
    const bool again = !points.empty() && points.back()->x.data == task.x.data &&
                       points.back()->x.rows == task.x.rows && points.back()->x.cols == task.x.cols;
    if (!again) points.push_back(std::make_unique<Shared>(task.x, stream));
    Task own;
    own.given = &task;
    own.points = points.back().get();
    own.best.inertia = std::numeric_limits<double>::infinity();
    Matrix<float> sample = start_rows(own.points->centred.rows, task.options.seed, task.stream);
    if (sample.rows() < task.x.rows) {
      own.device_sample = std::make_unique<DevicePoints>(sample, stream);
      own.sample = std::make_unique<Matrix<float>>(std::move(sample));
    }
    tasks.push_back(std::move(own));
  }
  std::vector<Run> runs = starts_of(tasks);
  for (std::size_t first = 0; first < runs.size();) {
    std::size_t count = 0, bytes = 0;
    while (first + count < runs.size() && count < 65535) {
      bytes += bytes_of(runs[first + count]);
      if (bytes > bytes_at_a_time && count > 0) break;
      ++count;
    }
    advance(std::span(runs).subspan(first, count), stream);
    first += count;
  }
  std::vector<KMeansResult> out;
  for (Task& task : tasks) {
    finish_kmeans(task.given->x, task.best_centers, task.points->centred.mean, task.best);
    out.push_back(std::move(task.best));
  }
  return out;
}

}  // namespace gmmvae::cuda
