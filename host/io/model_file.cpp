#include "host/io/model_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/io/excerpt.hpp"
#include "host/io/safetensors.hpp"
#include "host/io/spelled_number.hpp"
#include "host/vae/names.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

using Json = nlohmann::ordered_json;

/// Wider than any layer; keeps products of two sizes within 64 bits.
constexpr std::size_t kWidest = std::size_t{1} << 31;

Json to_json(const Architecture& architecture) {
  return {{"data_dim", architecture.data_dim},
          {"latent", architecture.latent},
          {"encoder_hidden", architecture.encoder_hidden},
          {"decoder_hidden", architecture.decoder_hidden},
          {"activation", to_string(architecture.activation)},
          {"posterior_variance", to_string(architecture.posterior_variance)}};
}

Json to_json(const Objective& objective) {
  return {{"kind", to_string(objective.kind)},
          {"beta", objective.beta},
          {"variance_kind", to_string(objective.variance_kind)},
          {"decoder_variance", objective.decoder_variance},
          {"variance_floor", objective.variance_floor}};
}

Json to_json(const Scaler& scaler) {
  return {{"kind", to_string(scaler.kind)}, {"offset", scaler.offset}, {"scale", scaler.scale}};
}

/// One JSON object of the metadata; every failure is a DataError that names the file, the object and the
/// member.
class MetadataObject {
 public:
  MetadataObject(const SafetensorsReader& reader, const std::string& key)
      : file_(reader.file_name()), key_(key) {
    try {
      object_ = Json::parse(reader.metadata(key));
    } catch (const nlohmann::json::exception&) {
      throw DataError(fmt::format("{} is damaged: {} in its __metadata__ is not valid JSON", file_, key_));
    }
  }

  template <class T>
  [[nodiscard]] T get(const char* member) const {
    try {
      return object_.at(member).get<T>();
    } catch (const nlohmann::json::exception&) {
      wrong(member);
    }
  }
  template <class Enum>
  [[nodiscard]] Enum name(const char* member) const {
    try {
      return parse<Enum>(get<std::string>(member));
    } catch (const UsageError& error) {
      throw DataError(fmt::format("{} is damaged: {} in its {}: {}", file_, member, key_, error.what()));
    }
  }
  [[nodiscard]] std::size_t width(const char* member) const { return checked(get_unsigned(member), member); }
  [[nodiscard]] std::vector<std::size_t> widths(const char* member) const {
    std::vector<std::size_t> result;
    if (!object_.is_object() || !object_.contains(member) || !object_[member].is_array()) wrong(member);
    for (const Json& value : object_[member]) {
      if (!value.is_number_unsigned()) wrong(member);
      result.push_back(checked(value.get<std::size_t>(), member));
    }
    return result;
  }
  [[noreturn]] void wrong(const char* member) const {
    throw DataError(fmt::format("{} is damaged: {} in its {} is missing or wrong", file_, member, key_));
  }

 private:
  [[nodiscard]] std::size_t get_unsigned(const char* member) const {
    if (!object_.is_object() || !object_.contains(member) || !object_[member].is_number_unsigned())
      wrong(member);
    return object_[member].get<std::size_t>();
  }
  std::size_t checked(std::size_t value, const char* member) const {
    if (value == 0 || value > kWidest) wrong(member);
    return value;
  }

  std::string file_;
  std::string key_;
  Json object_;
};

Architecture read_architecture(const SafetensorsReader& reader) {
  const MetadataObject object(reader, "architecture");
  Architecture architecture;
  architecture.data_dim = object.width("data_dim");
  architecture.latent = object.width("latent");
  architecture.encoder_hidden = object.widths("encoder_hidden");
  architecture.decoder_hidden = object.widths("decoder_hidden");
  architecture.activation = object.name<Activation>("activation");
  architecture.posterior_variance = object.name<PosteriorVariance>("posterior_variance");
  return architecture;
}

Objective read_objective(const SafetensorsReader& reader) {
  const MetadataObject object(reader, "objective");
  Objective objective;
  objective.kind = object.name<ObjectiveKind>("kind");
  objective.beta = object.get<double>("beta");
  objective.variance_kind = object.name<DecoderVarianceKind>("variance_kind");
  objective.decoder_variance = object.get<double>("decoder_variance");
  objective.variance_floor = object.get<double>("variance_floor");
  return objective;
}

Scaler read_scaler(const SafetensorsReader& reader, std::size_t dim) {
  const MetadataObject object(reader, "scaler");
  Scaler scaler;
  scaler.kind = object.name<ScaleKind>("kind");
  scaler.offset = object.get<std::vector<double>>("offset");
  scaler.scale = object.get<std::vector<double>>("scale");
  if (scaler.offset.size() != dim) object.wrong("offset");
  if (scaler.scale.size() != dim || std::ranges::any_of(scaler.scale, [](double s) { return !(s > 0.0); })) {
    object.wrong("scale");
  }
  return scaler;
}

std::size_t read_models(const SafetensorsReader& reader) {
  const std::string& text = reader.metadata("models");
  const std::size_t models = spelled_number<std::size_t>(text).value_or(0);
  if (models == 0 || models > kWidest) {
    throw DataError(
        fmt::format("{} is damaged: '{}' is no number of models", reader.file_name(), excerpt(text)));
  }
  return models;
}

std::vector<std::size_t> stored_shape(const TensorSlice& slice, std::size_t models) {
  std::vector<std::size_t> shape = slice.shape;
  if (models > 1) shape.insert(shape.begin(), models);
  return shape;
}

/// Puts one tensor of all models where the layout has it.
void read_tensor(const SafetensorsReader& reader, const TensorSlice& slice, std::size_t stride, Vae& vae) {
  const std::vector<float> values = reader.read<float>(slice.name, stored_shape(slice, vae.models));
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    throw DataError(fmt::format("{}: tensor {} holds NaN or Inf", reader.file_name(), slice.name));
  }
  for (std::size_t model = 0; model < vae.models; ++model) {
    std::copy_n(values.data() + model * slice.size, slice.size,
                vae.parameters.data() + model * stride + slice.offset);
  }
}

}  // namespace

void save_model(const std::string& path, const Vae& vae) {
  const ParameterLayout layout(vae.architecture, vae.objective);
  if (vae.parameters.size() != vae.models * layout.size()) {
    throw UsageError(fmt::format("cannot write {}: {} models of {} parameters each are not {} numbers", path,
                                 vae.models, layout.size(), vae.parameters.size()));
  }
  std::vector<TensorToWrite> tensors;
  for (const TensorSlice& slice : layout.tensors()) {
    TensorToWrite tensor{slice.name, "F32", stored_shape(slice, vae.models), {}};
    for (std::size_t model = 0; model < vae.models; ++model) {
      const float* begin = vae.parameters.data() + model * layout.size() + slice.offset;
      tensor.pieces.push_back(std::as_bytes(std::span(begin, slice.size)));
    }
    tensors.push_back(std::move(tensor));
  }
  write_safetensors(path, tensors,
                    {{"format", "pt"},
                     {"gmmvae_version", kVersion},
                     {"models", std::to_string(vae.models)},
                     {"architecture", to_json(vae.architecture).dump()},
                     {"objective", to_json(vae.objective).dump()},
                     {"scaler", to_json(vae.scaler).dump()},
                     {"config", vae.config}});
}

Vae load_model(const std::string& path) {
  const SafetensorsReader reader(path);
  for (const char* key : {"architecture", "objective", "scaler", "models", "config"}) {
    if (reader.metadata().contains(key)) continue;
    throw DataError(fmt::format("{} is a safetensors file but not a gmmvae model: no {} in its __metadata__",
                                reader.file_name(), key));
  }
  Vae vae;
  vae.architecture = read_architecture(reader);
  vae.objective = read_objective(reader);
  vae.scaler = read_scaler(reader, vae.architecture.data_dim);
  vae.models = read_models(reader);
  vae.config = reader.metadata("config");
  const ParameterLayout layout(vae.architecture, vae.objective);
  // Before any memory is reserved: the tensors that are there must be the ones the architecture needs.
  std::uint64_t present = 0;
  for (const SafetensorsReader::Tensor& tensor : reader.tensors()) present += tensor.size;
  if (reader.tensors().size() != layout.tensors().size() ||
      present / sizeof(float) / vae.models != layout.size()) {
    throw DataError(
        fmt::format("{} is damaged: its tensors are not those of its architecture", reader.file_name()));
  }
  vae.parameters.resize(vae.models * layout.size());
  for (const TensorSlice& slice : layout.tensors()) read_tensor(reader, slice, layout.size(), vae);
  return vae;
}

}  // namespace gmmvae
