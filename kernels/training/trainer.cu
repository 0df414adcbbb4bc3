#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "gmmvae/error.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/training/kernels.hpp"
#include "kernels/training/pack.cuh"
#include "kernels/training/shapes.hpp"
#include "kernels/training/tiled.hpp"
#include "kernels/training/trainers.hpp"

namespace gmmvae::cuda {
namespace {

std::size_t batch_of(const TrainingJob& job) {
  return std::min(job.config.batch, job.data.rows);
}

/// Hands out parts of one device allocation, each aligned to 256 bytes; counts where there is no memory yet.
class Parts {
 public:
  explicit Parts(unsigned char* memory) : memory_(memory) {}
  template <class T>
  T* take(std::size_t count) {
    T* part = memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + used_);
    used_ += (count * sizeof(T) + 255) / 256 * 256;
    return part;
  }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  unsigned char* memory_;
  std::size_t used_ = 0;
};

bool keeps_best(const TrainingJob& job) {
  return job.config.patience > 0 && !job.validation.empty();
}

/// The parts of device memory that belong to one job, but for its points.
void take_parts(Parts& parts, const TrainingJob& job, const LaidOutModel& model, Placement placement,
                TrainingTask& task) {
  const auto packed = static_cast<std::size_t>(model.plan.parameters);
  task.parameters = parts.take<float>(packed);
  task.moments = parts.take<float>(4 * packed);
  task.best_parameters = keeps_best(job) ? parts.take<float>(packed) : nullptr;
  const bool in_shared = placement == Placement::resident || placement == Placement::fused;
  task.workspace = in_shared ? nullptr : parts.take<float>(packed + model.workspace_floats());
}

}  // namespace

DeviceLimits current_device_limits() {
  // cudaGetDeviceProperties asks the driver for everything, in milliseconds; these are looked up.
  const auto attribute = [device = current_device()](cudaDeviceAttr name) {
    int value = 0;
    GPU_CHECK(cudaDeviceGetAttribute(&value, name, device));
    return value;
  };
  return {static_cast<std::size_t>(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin)),
          static_cast<std::size_t>(attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor)),
          attribute(cudaDevAttrMultiProcessorCount)};
}

class ModelTrainer::Implementation {
 public:
  Implementation(std::span<TrainingJob> jobs, cudaStream_t stream, std::optional<Placement> placement,
                 Products products)
      : stream_(stream), products_(products) {
    for (TrainingJob& job : jobs) {
      if (job.state.status != TrainingStatus::running) continue;
      if (job.state.epoch >= job.config.epochs) {
        job.state.status = TrainingStatus::finished;
        continue;
      }
      jobs_.push_back(&job);
    }
    if (jobs_.empty()) return;
    plan(placement);
    allocate();
    upload();
  }
  ~Implementation() { cudaStreamSynchronize(stream_); }  // the host's copies are in use until then

  [[nodiscard]] std::size_t running() const {
    return static_cast<std::size_t>(std::count_if(jobs_.begin(), jobs_.end(), [](const TrainingJob* job) {
      return job->state.status == TrainingStatus::running;
    }));
  }

  [[nodiscard]] std::string description() const {
    std::set<std::string> sentences;
    for (const auto& [key, launch_class] : classes_) sentences.insert(launch_class.budget.why);
    std::string text;
    for (const std::string& sentence : sentences) text += (text.empty() ? "" : "\n") + sentence;
    return text;
  }

  void launch(std::uint64_t epochs) {
    if (running() == 0 || epochs == 0) return;
    make_history(epochs);
    std::vector<int> order;
    for (const auto& [key, launch_class] : classes_) {
      if (launch_class.budget.placement == Placement::tiled) {
        launch_tiled(launch_class, epochs);
        continue;
      }
      for (const int task : launch_class.tasks) {
        if (job(task).state.status == TrainingStatus::running) order.push_back(task);
      }
    }
    order_ = to_device(order, stream_);
    const int* next = order_.data();
    for (const auto& [key, launch_class] : classes_) {
      const auto blocks = std::count_if(launch_class.tasks.begin(), launch_class.tasks.end(), [&](int task) {
        return job(task).state.status == TrainingStatus::running;
      });
      if (blocks == 0 || launch_class.budget.placement == Placement::tiled) continue;
      const Placement placement = launch_class.budget.placement;
      const auto start = placement == Placement::fused      ? launch_fused
                         : placement == Placement::resident ? launch_resident
                                                            : launch_streamed;
      start(tasks_device_.data(), next, static_cast<int>(blocks), shapes_.tables(), launch_class.budget,
            static_cast<int>(epochs), stream_);
      next += blocks;
    }
  }

  std::uint64_t collect() {
    // Here and not in launch(): copies to pageable memory wait, and other devices would start one by one.
    copy_to_host(std::span<TaskState>(new_states_), states_device_.data(), stream_);
    copy_to_host(std::span<double>(history_), history_device_.data(), stream_);
    GPU_CHECK(cudaStreamSynchronize(stream_));
    std::uint64_t done = 0;
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      TrainingState& state = jobs_[i]->state;
      if (state.status != TrainingStatus::running) continue;
      const TaskState& now = new_states_[i];
      const double* rows = history_.data() + (tasks_[i].history - history_device_.data());
      for (int r = 0; r < now.new_rows; ++r)
        state.history.append(
            {rows + static_cast<std::size_t>(r) * state.history.width(), state.history.width()});
      state.epoch = now.epoch;
      state.status = now.status;
      if (now.has_best) state.best_epoch = now.best_epoch;
      done += static_cast<std::uint64_t>(now.new_rows);
    }
    return done;
  }

  void download() {
    if (jobs_.empty()) return;
    std::vector<TaskState> states = to_host(states_device_, stream_);
    std::vector<PackItem> items;
    float* canonical = staging_.data();
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      const auto packed = static_cast<std::ptrdiff_t>(shapes_[tasks_[i].plan].plan.parameters);
      float* moments = tasks_[i].moments + 2 * packed * states[i].moments;
      for (float* from : {tasks_[i].parameters, moments, moments + packed, tasks_[i].best_parameters}) {
        if (from == nullptr) continue;
        items.push_back({tasks_[i].plan, placements_[i], canonical, from});
        canonical += jobs_[i]->state.parameters.size();
      }
    }
    const DeviceArray<PackItem> items_device = to_device(items, stream_);
    launch_unpack(items_device.data(), static_cast<int>(items.size()), shapes_.tables(), stream_);
    const std::vector<float> all = to_host(staging_, stream_);
    const float* from = all.data();
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      TrainingState& state = jobs_[i]->state;
      const std::size_t size = state.parameters.size();
      const auto take = [&](std::vector<float>& to) {
        to.assign(from, from + size);
        from += size;
      };
      take(state.parameters);
      take(state.first_moment);
      take(state.second_moment);
      if (tasks_[i].best_parameters == nullptr) continue;
      if (states[i].has_best) {
        take(state.best_parameters);
      } else {
        from += size;
      }
    }
  }

 private:
  /// Models that start with the same kernel, block and amount of shared memory.
  struct LaunchClass {
    Budget budget;
    std::vector<int> tasks;  ///< numbers
  };

  TrainingJob& job(int task) { return *jobs_[static_cast<std::size_t>(task)]; }

  void plan(std::optional<Placement> placement) {
    const DeviceLimits limits = current_device_limits();
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      const TrainingJob& job = *jobs_[i];
      if (std::max(job.data.rows, job.validation.rows) > most_points)
        throw DataError("The device trains and validates on up to 2^30 points.");
      const int shape = shapes_.add(job.architecture, job.objective, batch_of(job));
      const LaidOutModel& model = shapes_[shape];
      const Budget budget = placement
                                ? budget_for(*placement, model, job.data.rows, limits, job.config.arithmetic)
                                : choose_budget(model, job.data.rows, limits, job.config.arithmetic);
      LaunchClass& same =
          classes_[{static_cast<std::size_t>(budget.placement), static_cast<std::size_t>(budget.threads),
                    budget.shared_bytes, static_cast<std::size_t>(budget.hidden_layers),
                    static_cast<std::size_t>(budget.arithmetic)}];
      same.budget = budget;
      same.tasks.push_back(static_cast<int>(i));
      TrainingTask task;
      task.plan = shape;
      task.data_in_shared = budget.data_in_shared ? 1 : 0;
      task.rows = static_cast<int>(job.data.rows);
      task.validation_rows = static_cast<int>(job.validation.rows);
      const TrainingConfig& config = job.config;
      task.config = {config.learning_rate, config.adam_beta1, config.adam_beta2,
                     config.adam_epsilon,  config.schedule,   config.epochs,
                     config.patience,      config.seed,       job.model};
      task.loss =
          loss_constants(job.objective, job.architecture.data_dim, job.architecture.latent, job.log_jacobian);
      tasks_.push_back(task);
      placements_.push_back(budget.placement);
    }
  }

  void allocate() {
    shapes_.upload(stream_);
    std::size_t canonical = 0;
    const auto lay_out_all = [&](unsigned char* memory) {
      Parts parts(memory);
      canonical = 0;
      for (std::size_t i = 0; i < jobs_.size(); ++i) {
        take_parts(parts, *jobs_[i], shapes_[tasks_[i].plan], placements_[i], tasks_[i]);
        canonical += jobs_[i]->state.parameters.size() *
                     (tasks_[i].best_parameters != nullptr || keeps_best(*jobs_[i]) ? 4 : 3);
      }
      return parts.used();
    };
    memory_ = DeviceArray<unsigned char>(lay_out_all(nullptr), stream_);
    lay_out_all(memory_.data());
    staging_ = DeviceArray<float>(canonical, stream_);
    states_device_ = DeviceArray<TaskState>(jobs_.size(), stream_);
    for (std::size_t i = 0; i < jobs_.size(); ++i) tasks_[i].state = states_device_.data() + i;
  }

  /// Points that jobs share are copied once.
  const float* upload_points(MatrixView<float> points) {
    if (points.empty()) return nullptr;
    auto [found, is_new] = points_.try_emplace({points.data, points.size()});
    if (is_new) found->second = to_device(std::span<const float>(points.data, points.size()), stream_);
    return found->second.data();
  }

  void upload() {
    std::vector<TaskState> states(jobs_.size());
    std::vector<PackItem> items;
    std::vector<float> canonical;
    canonical.reserve(staging_.size());
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      const TrainingState& state = jobs_[i]->state;
      TrainingTask& task = tasks_[i];
      task.data = upload_points(jobs_[i]->data);
      task.validation = upload_points(jobs_[i]->validation);
      const auto add = [&](const std::vector<float>& from, float* to) {
        items.push_back({task.plan, placements_[i], staging_.data() + canonical.size(), to});
        canonical.insert(canonical.end(), from.begin(), from.end());
      };
      const auto packed = static_cast<std::ptrdiff_t>(shapes_[task.plan].plan.parameters);
      add(state.parameters, task.parameters);
      add(state.first_moment, task.moments);
      add(state.second_moment, task.moments + packed);
      if (task.best_parameters != nullptr)
        add(state.best_parameters.empty() ? state.parameters : state.best_parameters, task.best_parameters);
      states[i].epoch = state.epoch;
      if (state.history.epochs() > 0) {
        states[i].has_first = 1;
        states[i].first_loss = state.history.loss(0);
      }
      if (!state.best_parameters.empty()) {
        states[i].has_best = 1;
        states[i].best_epoch = state.best_epoch;
        states[i].best_elbo = state.history.elbo_validation(state.best_epoch - 1);
      }
    }
    memory_.fill_with_zeros();  // the padding of the second buffer of moments is read
    copy_to_device(staging_.data(), std::span<const float>(canonical), stream_);
    copy_to_device(states_device_.data(), std::span<const TaskState>(states), stream_);
    const DeviceArray<PackItem> items_device = to_device(items, stream_);
    launch_pack(items_device.data(), static_cast<int>(items.size()), shapes_.tables(), stream_);
    new_states_.resize(jobs_.size());
  }

  /// One model after another, each by the whole device.
  void launch_tiled(const LaunchClass& launch_class, std::uint64_t epochs) {
    for (const int number : launch_class.tasks) {
      if (job(number).state.status != TrainingStatus::running) continue;
      const TrainingTask& task = tasks_[static_cast<std::size_t>(number)];
      const auto [found, is_new] = tiled_.try_emplace(number);
      if (is_new)
        found->second =
            std::make_unique<TiledEpochs>(task, shapes_[task.plan], shapes_.tables(), products_, stream_);
      found->second->launch(task, epochs);
    }
  }

  /// Room for the rows of a launch; the tasks learn where theirs go.
  void make_history(std::uint64_t epochs) {
    std::size_t size = 0;
    for (const TrainingJob* job : jobs_) size += epochs * job->state.history.width();
    if (history_.size() != size) {
      history_.assign(size, 0.0);
      history_device_ = DeviceArray<double>(size, stream_);
      history_device_.fill_with_zeros();
      std::size_t offset = 0;
      for (std::size_t i = 0; i < jobs_.size(); ++i) {
        tasks_[i].history = history_device_.data() + offset;
        offset += epochs * jobs_[i]->state.history.width();
      }
      tasks_device_ = to_device(tasks_, stream_);
    }
  }

  cudaStream_t stream_;
  Products products_;
  std::vector<TrainingJob*> jobs_;
  Shapes shapes_;
  std::vector<TrainingTask> tasks_;  ///< one a job
  std::vector<Placement> placements_;
  std::map<std::vector<std::size_t>, LaunchClass> classes_;
  std::map<std::pair<const float*, std::size_t>, DeviceArray<float>> points_;
  DeviceArray<unsigned char> memory_;  ///< parameters, moments and workspaces of all jobs
  DeviceArray<float> staging_;         ///< canonical vectors on their way in and out
  DeviceArray<TrainingTask> tasks_device_;
  DeviceArray<TaskState> states_device_;
  DeviceArray<double> history_device_;
  DeviceArray<int> order_;
  std::map<int, std::unique_ptr<TiledEpochs>> tiled_;  ///< by number of the task
  std::vector<TaskState> new_states_;
  std::vector<double> history_;
};

ModelTrainer::ModelTrainer(std::span<TrainingJob> jobs, cudaStream_t stream,
                           std::optional<Placement> placement, Products products)
    : implementation_(std::make_unique<Implementation>(jobs, stream, placement, products)) {}
ModelTrainer::~ModelTrainer() = default;

std::size_t ModelTrainer::device_bytes(const TrainingJob& job, std::uint64_t epochs,
                                       const DeviceLimits& limits) {
  const LaidOutModel model = lay_out(job.architecture, job.objective, batch_of(job));
  const Budget budget = choose_budget(model, job.data.rows, limits);
  Parts parts(nullptr);
  TrainingTask task;
  take_parts(parts, job, model, budget.placement, task);
  parts.take<float>(4 * job.state.parameters.size());
  parts.take<double>(epochs * job.state.history.width());
  parts.take<float>(job.data.size());
  parts.take<float>(job.validation.size());
  return parts.used();
}

std::size_t ModelTrainer::running() const {
  return implementation_->running();
}
std::string ModelTrainer::description() const {
  return implementation_->description();
}
void ModelTrainer::launch(std::uint64_t epochs) {
  implementation_->launch(epochs);
}
std::uint64_t ModelTrainer::collect() {
  return implementation_->collect();
}
void ModelTrainer::download() {
  implementation_->download();
}

}  // namespace gmmvae::cuda
