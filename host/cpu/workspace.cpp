#include "host/cpu/workspace.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <new>

#include "gmmvae/error.hpp"
#include "gmmvae/training.hpp"

namespace gmmvae::cpu {
namespace {

constexpr std::size_t kAlignment = 64;

std::ptrdiff_t whole_vectors(std::ptrdiff_t n, std::ptrdiff_t lanes) {
  return (n + lanes - 1) / lanes * lanes;
}

/// Length of the rows of a copy that is written down its columns. Rows a multiple of 512 bytes apart would
/// share a few sets of the first cache: a vector more each halves the time at width 256.
template <class T>
std::ptrdiff_t row_of_copy(std::ptrdiff_t columns, std::ptrdiff_t lanes) {
  const std::ptrdiff_t length = whole_vectors(columns, lanes);
  return length * static_cast<std::ptrdiff_t>(sizeof(T)) % 512 == 0 ? length + lanes : length;
}

/// Hands out parts of one allocation; a first pass without memory finds its size.
template <class T>
class Arena {
 public:
  explicit Arena(T* memory) : memory_(memory) {}
  T* take(std::ptrdiff_t count) {
    T* part = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += whole_vectors(count, kLine) + kStagger * kLine;
    return part;
  }
  [[nodiscard]] std::ptrdiff_t used() const { return used_; }

 private:
  static constexpr std::ptrdiff_t kLine = kAlignment / sizeof(T);
  /// Lines between arrays. Arrays of a multiple of 4096 bytes that lie end to end have the same low bits in
  /// the addresses of their rows, by which processors first tell whether a load must wait for a store.
  static constexpr std::ptrdiff_t kStagger = 5;

  T* memory_;
  std::ptrdiff_t used_ = 0;
};

}  // namespace

template <class T>
Workspace<T>::Workspace(const Architecture& architecture, const Objective& objective, std::size_t batch,
                        std::ptrdiff_t lanes, Mode mode)
    : batch_(batch) {
  plan_.data_dim = static_cast<std::ptrdiff_t>(architecture.data_dim);
  plan_.latent = static_cast<std::ptrdiff_t>(architecture.latent);
  plan_.posterior_variance = architecture.posterior_variance;
  lay_out_layers(architecture, lanes);
  plan_.loss.variance_learned = learns_decoder_variance(objective);
  plan_.loss.variance_per_dim = objective.variance_kind == DecoderVarianceKind::learned_per_dim;
  plan_.loss.variance_floor = objective.variance_floor;
  plan_.loss.variance_rate_factor = kVarianceRateFactor;
  plan_.loss.log_variance = plan_.parameter_count;
  if (plan_.loss.variance_learned) {
    plan_.parameter_count += whole_vectors(plan_.loss.variance_per_dim ? plan_.data_dim : 1, lanes);
  }
  lay_out_memory(mode, lanes);
}

template <class T>
void Workspace<T>::lay_out_layers(const Architecture& architecture, std::ptrdiff_t lanes) {
  std::vector<DenseShape> shapes = encoder_layers(architecture);
  plan_.encoder_layers = static_cast<std::ptrdiff_t>(shapes.size());
  const std::vector<DenseShape> decoder = decoder_layers(architecture);
  plan_.decoder_layers = static_cast<std::ptrdiff_t>(decoder.size());
  shapes.insert(shapes.end(), decoder.begin(), decoder.end());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const bool first_of_network = i == 0 || static_cast<std::ptrdiff_t>(i) == plan_.encoder_layers;
    LayerPlan<T> layer;
    layer.in = static_cast<std::ptrdiff_t>(shapes[i].in);
    layer.out = static_cast<std::ptrdiff_t>(shapes[i].out);
    layer.activation = shapes[i].activation;
    layer.planar_input = first_of_network || layers_.back().planar_output;
    layer.planar_output = 2 * layer.out <= lanes;  // below half a vector, padding costs more than planar sums
    layer.rows = layer.planar_output ? layer.out : layer.in;
    layer.stride = whole_vectors(layer.planar_output ? layer.in : layer.out, lanes);
    layer.weight = plan_.parameter_count;
    layer.bias = layer.weight + layer.rows * layer.stride;
    layer.bias_padded = whole_vectors(layer.out, lanes);
    plan_.parameter_count = layer.bias + layer.bias_padded;
    layers_.push_back(layer);
  }
}

template <class T>
void Workspace<T>::lay_out_memory(Mode mode, std::ptrdiff_t lanes) {
  plan_.batch_stride = whole_vectors(static_cast<std::ptrdiff_t>(batch_), lanes);
  const std::ptrdiff_t samples =
      plan_.batch_stride;  // rows behind the batch are read by whole vectors of samples
  const auto assign = [&](Arena<T>& arena) {
    plan_.parameters = arena.take(plan_.parameter_count);
    if (mode == Mode::train) {
      plan_.first_moment = arena.take(plan_.parameter_count);
      plan_.second_moment = arena.take(plan_.parameter_count);
    }
    if (mode == Mode::gradient) plan_.gradient = arena.take(plan_.parameter_count);
    std::ptrdiff_t widest = 0;
    for (LayerPlan<T>& layer : layers_) {
      layer.output_stride = layer.planar_output ? samples : whole_vectors(layer.out, lanes);
      const std::ptrdiff_t size = layer.planar_output ? layer.out * samples : samples * layer.output_stride;
      layer.output = arena.take(size);
      if (layer.activation == Activation::gelu) layer.slope = arena.take(size);
      widest = std::max(widest, size);
      if (mode != Mode::use && !layer.planar_input && !layer.planar_output) {
        layer.transposed_stride = row_of_copy<T>(layer.in, lanes);
        layer.transposed = arena.take(layer.out * layer.transposed_stride);
      }
    }
    plan_.loss.squared_error_weight = arena.take(plan_.data_dim);
    plan_.x = arena.take(plan_.data_dim * samples);
    plan_.noise = arena.take(plan_.latent * samples);
    plan_.mean = arena.take(2 * plan_.latent * samples);
    plan_.variance = arena.take(plan_.latent * samples);
    plan_.z = arena.take(plan_.latent * samples);
    plan_.y = arena.take(plan_.data_dim * samples);
    if (mode != Mode::use) {
      plan_.z_gradient = arena.take(plan_.latent * samples);
      // A gradient is used up once its layer and the one below are done: two buffers take turns.
      T* const delta[2] = {arena.take(widest), arena.take(widest)};
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        layers_[i].delta = delta[i % 2];
        layers_[i].bias_gradient = arena.take(layers_[i].bias_padded);
      }
    }
    std::ptrdiff_t longest_row = whole_vectors(plan_.data_dim, lanes);
    for (const LayerPlan<T>& layer : layers_) longest_row = std::max(longest_row, layer.stride);
    // random numbers come four a Philox block and a vector of blocks at a time
    constexpr auto noise_slack = static_cast<std::ptrdiff_t>(2 * 4 * kAlignment);
    plan_.scratch = arena.take(std::max(plan_.latent * samples + noise_slack, longest_row));
    // a narrow last layer writes where a wide one is copied to, and its gradient takes the output's place
    for (const auto& [index, target] :
         {std::pair{plan_.encoder_layers - 1, plan_.mean},
          std::pair{plan_.encoder_layers + plan_.decoder_layers - 1, plan_.y}}) {
      LayerPlan<T>& last = layers_[static_cast<std::size_t>(index)];
      if (!last.planar_output) continue;
      last.output = target;
      if (mode != Mode::use) last.delta = target;
    }
  };
  Arena<T> measure(nullptr);
  assign(measure);
  const std::size_t bytes = static_cast<std::size_t>(measure.used()) * sizeof(T);
  memory_.reset(static_cast<T*>(std::aligned_alloc(kAlignment, bytes)));
  if (!memory_)
    throw Error(ExitCode::failed, fmt::format("out of memory: {} bytes for one model's workspace", bytes));
  std::fill_n(memory_.get(), measure.used(), T{0});
  Arena<T> arena(memory_.get());
  assign(arena);
  plan_.layers = layers_.data();
}

template <class T>
template <class U>
void Workspace<T>::pack(std::span<const U> canonical, T* packed) const {
  const U* from = canonical.data();
  for (const LayerPlan<T>& layer : layers_) {
    T* weight = packed + layer.weight;
    for (std::ptrdiff_t o = 0; o < layer.out; ++o) {
      for (std::ptrdiff_t k = 0; k < layer.in; ++k) {
        weight[layer.planar_output ? o * layer.stride + k : k * layer.stride + o] = static_cast<T>(*from++);
      }
    }
    for (std::ptrdiff_t o = 0; o < layer.out; ++o) packed[layer.bias + o] = static_cast<T>(*from++);
  }
  for (T* to = packed + plan_.loss.log_variance; from != canonical.data() + canonical.size();) {
    *to++ = static_cast<T>(*from++);
  }
}

template <class T>
template <class U>
void Workspace<T>::unpack(const T* packed, std::span<U> canonical) const {
  U* to = canonical.data();
  for (const LayerPlan<T>& layer : layers_) {
    const T* weight = packed + layer.weight;
    for (std::ptrdiff_t o = 0; o < layer.out; ++o) {
      for (std::ptrdiff_t k = 0; k < layer.in; ++k) {
        *to++ = static_cast<U>(weight[layer.planar_output ? o * layer.stride + k : k * layer.stride + o]);
      }
    }
    for (std::ptrdiff_t o = 0; o < layer.out; ++o) *to++ = static_cast<U>(packed[layer.bias + o]);
  }
  for (const T* from = packed + plan_.loss.log_variance; to != canonical.data() + canonical.size();) {
    *to++ = static_cast<U>(*from++);
  }
}

template class Workspace<float>;
template class Workspace<double>;
template void Workspace<float>::pack(std::span<const float>, float*) const;
template void Workspace<float>::pack(std::span<const double>, float*) const;
template void Workspace<double>::pack(std::span<const double>, double*) const;
template void Workspace<float>::unpack(const float*, std::span<float>) const;
template void Workspace<float>::unpack(const float*, std::span<double>) const;
template void Workspace<double>::unpack(const double*, std::span<double>) const;

}  // namespace gmmvae::cpu
