#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "gmmvae/error.hpp"
#include "kernels/training/plan.hpp"

namespace gmmvae::cuda {
namespace {

int checked(std::size_t count, const char* what) {
  if (count > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw Error(ExitCode::failed, std::string(what) + " of the model has " + std::to_string(count) +
                                      " numbers; the kernels count to 2^31: use a smaller batch or width");
  }
  return static_cast<int>(count);
}

int padded(int n) {
  return (n + 3) / 4 * 4;
}

int odd_stride(int n) {
  const int stride = padded(n);
  return stride / 4 % 2 == 0 ? stride + 4 : stride;
}

/// Puts arrays into slots: an array gets a slot whose last user is done before it begins, the smallest that
/// is large enough, else the largest, which grows.
class Slots {
 public:
  /// The array is written first in phase `first` of a step and read last in phase `last`; a barrier lies
  /// between phases. Arrays are given in the order of `first`.
  int take(std::size_t floats, int first, int last) {
    const int size = checked(floats, "an array");
    int best = -1;
    for (int i = 0; i < static_cast<int>(sizes_.size()); ++i) {
      if (last_[at(i)] >= first) continue;
      if (best < 0 || better(sizes_[at(i)], sizes_[at(best)], size)) best = i;
    }
    if (best < 0) {
      best = static_cast<int>(sizes_.size());
      sizes_.push_back(0);
      last_.push_back(0);
    }
    sizes_[at(best)] = std::max(sizes_[at(best)], size);
    last_[at(best)] = last;
    return best;
  }
  [[nodiscard]] const std::vector<int>& sizes() const { return sizes_; }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  static bool better(int candidate, int best, int wanted) {
    if (candidate >= wanted && best >= wanted) return candidate < best;
    return candidate > best;
  }

  std::vector<int> sizes_;
  std::vector<int> last_;
};

/// When the pieces of a step run, see kernels/training/step.cuh; everything in one phase may run at the same
/// time. Layers count through both networks.
struct Phases {
  int encoder;
  int layers;

  [[nodiscard]] int forward(int layer) const { return layer < encoder ? 1 + layer : 2 + layer; }
  [[nodiscard]] int sample() const { return encoder + 1; }
  [[nodiscard]] int compare() const { return layers + 2; }
  [[nodiscard]] int posterior() const { return compare() + 1 + layers - encoder; }
  [[nodiscard]] int input_gradient(int layer) const {
    return layer >= encoder ? compare() + layers - layer : posterior() + encoder - layer;
  }
  [[nodiscard]] int weight_gradient(int layer) const {
    if (layer > 0) return input_gradient(layer) + 1;
    return encoder > 1 ? weight_gradient(1) : posterior() + 1;
  }
  [[nodiscard]] int last() const { return weight_gradient(0); }
};

void lay_out_parameters(LaidOutModel& model, const Architecture& architecture, const Objective& objective) {
  std::vector<DenseShape> shapes = encoder_layers(architecture);
  model.plan.encoder_layers = static_cast<int>(shapes.size());
  const std::vector<DenseShape> decoder = decoder_layers(architecture);
  model.plan.decoder_layers = static_cast<int>(decoder.size());
  shapes.insert(shapes.end(), decoder.begin(), decoder.end());
  std::size_t used = 0;
  for (const DenseShape& shape : shapes) {
    DenseLayer layer;
    layer.in = checked(shape.in, "a layer");
    layer.out = checked(shape.out, "a layer");
    layer.activation = shape.activation;
    layer.weight_stride = odd_stride(layer.in);
    layer.weight = checked(used, "the parameters");
    used += static_cast<std::size_t>(padded(layer.out)) * static_cast<std::size_t>(layer.weight_stride);
    layer.bias = checked(used, "the parameters");
    used += static_cast<std::size_t>(padded(layer.out));
    model.layers.push_back(layer);
  }
  model.plan.log_variance = checked(used, "the parameters");
  if (learns_decoder_variance(objective)) {
    model.plan.log_variances =
        objective.variance_kind == DecoderVarianceKind::learned_per_dim ? model.plan.data_dim : 1;
  }
  used += static_cast<std::size_t>(padded(model.plan.log_variances));
  model.plan.parameters = checked(used, "the parameters");
}

void lay_out_batches(LaidOutModel& model) {
  ModelPlan& plan = model.plan;
  std::vector<DenseLayer>& layers = model.layers;
  const int encoder = plan.encoder_layers;
  const int count = static_cast<int>(layers.size());
  const Phases phases{encoder, count};
  Slots slots;
  const auto rows = static_cast<std::size_t>(plan.batch);
  const auto take = [&](int stride, int first, int last) {
    return slots.take(rows * static_cast<std::size_t>(stride), first, last);
  };
  plan.x_stride = odd_stride(plan.data_dim);
  plan.z_stride = odd_stride(plan.latent);
  plan.x = take(plan.x_stride, 0, phases.last());
  plan.noise = take(plan.z_stride, 0, phases.posterior());
  for (int l = 0; l < count; ++l) {
    DenseLayer& layer = layers[static_cast<std::size_t>(l)];
    const bool head = l == encoder - 1;
    const bool top = l == count - 1;
    if (l == encoder) plan.z = take(plan.z_stride, phases.sample(), phases.weight_gradient(encoder));
    if (l == 0 || l == encoder) {
      layer.input = l == 0 ? plan.x : plan.z;
      layer.input_stride = l == 0 ? plan.x_stride : plan.z_stride;
    } else {
      layer.input = layers[static_cast<std::size_t>(l) - 1].output;
      layer.input_stride = layers[static_cast<std::size_t>(l) - 1].output_stride;
    }
    layer.output_stride = odd_stride(layer.out);
    layer.output =
        take(layer.output_stride, phases.forward(l), phases.weight_gradient(head || top ? l : l + 1));
    if (layer.activation == Activation::gelu)
      layer.slope = take(layer.output_stride, phases.forward(l), phases.input_gradient(l + 1));
    if (head || top) layer.delta = layer.output;  // the loss's gradient is written in place
  }
  for (int l = count - 1; l > 0; --l) {
    DenseLayer& below = layers[static_cast<std::size_t>(l) - 1];
    if (l == encoder) {
      plan.z_gradient = take(plan.z_stride, phases.input_gradient(l), phases.posterior());
    } else {
      below.delta = take(below.output_stride, phases.input_gradient(l), phases.weight_gradient(l - 1));
    }
  }
  model.slot_floats = slots.sizes();
  plan.slots = static_cast<int>(model.slot_floats.size());
}

/// Calls visit(packed offset, canonical offset, count) for every run of numbers that lie together in both
/// layouts.
template <class Visit>
void for_each_run(const LaidOutModel& model, Visit visit) {
  std::size_t canonical = 0;
  const auto run = [&](int packed, int count) {
    visit(static_cast<std::size_t>(packed), canonical, static_cast<std::size_t>(count));
    canonical += static_cast<std::size_t>(count);
  };
  for (const DenseLayer& layer : model.layers) {
    for (int o = 0; o < layer.out; ++o) run(layer.weight + o * layer.weight_stride, layer.in);
    run(layer.bias, layer.out);
  }
  run(model.plan.log_variance, model.plan.log_variances);
}

}  // namespace

std::size_t LaidOutModel::workspace_floats() const {
  return std::accumulate(slot_floats.begin(), slot_floats.end(), std::size_t{0},
                         [](std::size_t sum, int floats) { return sum + static_cast<std::size_t>(floats); });
}

LaidOutModel lay_out(const Architecture& architecture, const Objective& objective, std::size_t batch) {
  LaidOutModel model;
  model.plan.data_dim = checked(architecture.data_dim, "a point");
  model.plan.latent = checked(architecture.latent, "a latent code");
  model.plan.posterior_variance = architecture.posterior_variance;
  model.plan.batch = checked(batch, "a batch");
  lay_out_parameters(model, architecture, objective);
  lay_out_batches(model);
  checked(model.workspace_floats() + static_cast<std::size_t>(model.plan.parameters), "the workspace");
  return model;
}

void pack(const LaidOutModel& model, const float* canonical, float* packed) {
  for_each_run(model, [&](std::size_t to, std::size_t from, std::size_t count) {
    std::copy_n(canonical + from, count, packed + to);
  });
}

void unpack(const LaidOutModel& model, const float* packed, float* canonical) {
  for_each_run(model, [&](std::size_t from, std::size_t to, std::size_t count) {
    std::copy_n(packed + from, count, canonical + to);
  });
}

}  // namespace gmmvae::cuda
