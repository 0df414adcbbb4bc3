#include "host/io/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/io/array.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/excerpt.hpp"

namespace gmmvae {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr const char* kMetadataKey = "__metadata__";
constexpr std::uint64_t kLongestHeader = 100'000'000;  // the format's own limit
constexpr std::size_t kAlignment = 8;
/// The header is an object of objects whose members are lists.
constexpr int kDeepest = 3;

const std::map<std::string, std::size_t>& type_sizes() {
  static const std::map<std::string, std::size_t> sizes = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
      {"I8", 1},  {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}};
  return sizes;
}

template <class T>
const char* type_name();
template <>
const char* type_name<float>() {
  return "F32";
}
template <>
const char* type_name<double>() {
  return "F64";
}
template <>
const char* type_name<std::int32_t>() {
  return "I32";
}
template <>
const char* type_name<std::int64_t>() {
  return "I64";
}

[[noreturn]] void broken(const std::string& file, std::string_view reason) {
  throw DataError(fmt::format("{} is not a sound safetensors file: {}", file, reason));
}

/// JSON lets a key appear twice, safetensors does not: remembers the keys of every open object.
class DuplicateCheck {
 public:
  explicit DuplicateCheck(const std::string& file) : file_(file) {}

  bool operator()(int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kDeepest) broken(file_, "its header is nested too deeply");
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key && !keys_.back().insert(value.get<std::string>()).second) {
      broken(file_, fmt::format("its header has '{}' twice", excerpt(value.get<std::string>())));
    }
    return true;
  }

 private:
  const std::string& file_;
  std::vector<std::set<std::string>> keys_;
};

std::vector<std::uint64_t> unsigned_list(const nlohmann::json& object, const char* key,
                                         const std::string& file, const std::string& tensor) {
  const auto found = object.find(key);
  const auto is_unsigned = [](const nlohmann::json& value) { return value.is_number_unsigned(); };
  if (found == object.end() || !found->is_array() ||
      !std::all_of(found->begin(), found->end(), is_unsigned)) {
    broken(file, fmt::format("the {} of tensor '{}' is missing or no list of numbers", key, excerpt(tensor)));
  }
  return found->get<std::vector<std::uint64_t>>();
}

SafetensorsReader::Tensor parse_tensor(const std::string& file, const std::string& name,
                                       const nlohmann::json& value, std::uint64_t buffer_start) {
  if (!value.is_object()) broken(file, fmt::format("the entry of tensor '{}' is no object", excerpt(name)));
  SafetensorsReader::Tensor tensor;
  tensor.name = name;
  const auto type = value.find("dtype");
  if (type == value.end() || !type->is_string() || !type_sizes().contains(type->get<std::string>())) {
    broken(file, fmt::format("the dtype of tensor '{}' is missing or unknown", excerpt(name)));
  }
  tensor.type = type->get<std::string>();
  tensor.shape = unsigned_list(value, "shape", file, name);
  const std::vector<std::uint64_t> offsets = unsigned_list(value, "data_offsets", file, name);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    broken(file, fmt::format("the data_offsets of tensor '{}' are not [begin, end]", excerpt(name)));
  }
  tensor.size = offsets[1] - offsets[0];
  tensor.offset = buffer_start + offsets[0];
  std::vector<std::size_t> bytes = tensor.shape;
  bytes.push_back(type_sizes().at(tensor.type));
  std::size_t needed = 0;
  try {
    needed = element_count(bytes);
  } catch (const std::overflow_error&) {
    broken(file, fmt::format("tensor '{}' claims the impossible shape {}", excerpt(name),
                             shape_text(tensor.shape)));
  }
  if (needed != tensor.size) {
    broken(file, fmt::format("tensor '{}' of shape {} needs {} bytes and its offsets give {}", excerpt(name),
                             shape_text(tensor.shape), needed, tensor.size));
  }
  return tensor;
}

}  // namespace

SafetensorsReader::SafetensorsReader(const std::string& path) : file_(path) {
  std::uint64_t length = 0;
  if (file_.size() < sizeof(length)) broken(file_.name(), fmt::format("it has only {} bytes", file_.size()));
  file_.read(0, &length, sizeof(length));
  const std::uint64_t rest = file_.size() - sizeof(length);
  if (length > kLongestHeader || length < 2) {
    broken(file_.name(), fmt::format("its header claims {} bytes", length));
  }
  if (length > rest) {
    broken(file_.name(),
           fmt::format("it is cut off: its header has {} bytes and {} are there", length, rest));
  }
  std::string header(length, '\0');
  file_.read(sizeof(length), header.data(), header.size());
  if (header[0] != '{') broken(file_.name(), "its header does not start with '{'");
  parse(header);
  check_offsets(rest - length);
}

void SafetensorsReader::parse(const std::string& header) {
  nlohmann::json root;
  try {
    root = nlohmann::json::parse(header, DuplicateCheck(file_.name()));
  } catch (const nlohmann::json::exception&) {
    broken(file_.name(), "its header is not valid JSON");
  }
  if (!root.is_object()) broken(file_.name(), "its header is no JSON object");
  for (const auto& [name, value] : root.items()) {
    if (name != kMetadataKey) {
      tensors_.push_back(parse_tensor(file_.name(), name, value, sizeof(std::uint64_t) + header.size()));
      continue;
    }
    if (!value.is_object()) broken(file_.name(), "its __metadata__ is no object");
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string())
        broken(file_.name(), fmt::format("'{}' in its __metadata__ is no text", excerpt(key)));
      metadata_[key] = text.get<std::string>();
    }
  }
  std::ranges::stable_sort(tensors_, [](const Tensor& a, const Tensor& b) {
    return std::pair(a.offset, a.size) < std::pair(b.offset, b.size);  // an empty tensor before its neighbour
  });
}

void SafetensorsReader::check_offsets(std::uint64_t buffer_size) const {
  const std::uint64_t start = file_.size() - buffer_size;
  std::uint64_t place = start;
  for (const Tensor& tensor : tensors_) {
    if (tensor.offset != place) {
      broken(file_.name(), fmt::format("tensor '{}' {} the one before it", excerpt(tensor.name),
                                       tensor.offset < place ? "overlaps" : "leaves a gap behind"));
    }
    if (tensor.size > file_.size() - place) {
      broken(file_.name(), fmt::format("it is cut off: tensor '{}' ends at byte {} and the file at {}",
                                       excerpt(tensor.name), place + tensor.size, file_.size()));
    }
    place += tensor.size;
  }
  if (place != file_.size()) {
    broken(file_.name(), fmt::format("{} bytes behind its last tensor belong to none", file_.size() - place));
  }
}

const std::string& SafetensorsReader::metadata(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    throw DataError(fmt::format("{} has no {} in its __metadata__", file_name(), key));
  }
  return found->second;
}

const SafetensorsReader::Tensor& SafetensorsReader::tensor(std::string_view name) const {
  const auto found = std::ranges::find(tensors_, name, &Tensor::name);
  if (found == tensors_.end()) throw DataError(fmt::format("{} has no tensor {}", file_name(), name));
  return *found;
}

template <class T>
std::vector<T> SafetensorsReader::read(std::string_view name, const std::vector<std::size_t>& shape) const {
  const Tensor& found = tensor(name);
  if (found.type != type_name<T>()) {
    throw DataError(
        fmt::format("{}: tensor {} is {} and must be {}", file_name(), name, found.type, type_name<T>()));
  }
  if (found.shape != shape) {
    throw DataError(fmt::format("{}: tensor {} has the shape {} and must have {}", file_name(), name,
                                shape_text(found.shape), shape_text(shape)));
  }
  std::vector<T> values(found.size / sizeof(T));
  file_.read(found.offset, values.data(), found.size);
  return values;
}

template <class T>
TensorToWrite tensor_of(std::string name, std::vector<std::size_t> shape, std::span<const T> values) {
  return {std::move(name), type_name<T>(), std::move(shape), {std::as_bytes(values)}};
}

void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  std::uint64_t place = 0;
  for (const TensorToWrite& tensor : tensors) {
    std::uint64_t size = 0;
    for (const auto& piece : tensor.pieces) size += piece.size();
    if (size != element_count(tensor.shape) * type_sizes().at(tensor.type)) {
      throw UsageError(fmt::format("cannot write {}: the {} bytes of tensor {} do not fit its shape {}", path,
                                   size, tensor.name, shape_text(tensor.shape)));
    }
    header[tensor.name] = {
        {"dtype", tensor.type}, {"shape", tensor.shape}, {"data_offsets", {place, place + size}}};
    place += size;
  }
  // A file name in the configuration need not be valid UTF-8; JSON must be.
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const std::uint64_t length = text.size();
  AtomicFile file(path);
  file.write(&length, sizeof(length));
  file.write(text);
  for (const TensorToWrite& tensor : tensors) {
    for (const auto& piece : tensor.pieces) file.write(piece.data(), piece.size());
  }
  file.commit();
}

#define GMMVAE_TENSOR_ELEMENT(T)                                                                        \
  template std::vector<T> SafetensorsReader::read<T>(std::string_view, const std::vector<std::size_t>&) \
      const;                                                                                            \
  template TensorToWrite tensor_of<T>(std::string, std::vector<std::size_t>, std::span<const T>);
GMMVAE_TENSOR_ELEMENT(float)
GMMVAE_TENSOR_ELEMENT(double)
GMMVAE_TENSOR_ELEMENT(std::int32_t)
GMMVAE_TENSOR_ELEMENT(std::int64_t)
#undef GMMVAE_TENSOR_ELEMENT

}  // namespace gmmvae
