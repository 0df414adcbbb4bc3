#include "host/export/onnx_graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

constexpr std::int64_t kIrVersion = 8, kOpset = 13;

template <class T>
constexpr std::int64_t element_type() {
  if constexpr (std::is_same_v<T, float>) return kOnnxFloat;
  if constexpr (std::is_same_v<T, double>) return kOnnxDouble;
  return kOnnxInt64;
}

/// ValueInfoProto: f32 [N,width].
ProtobufMessage matrix_value(const std::string& name, std::size_t width) {
  ProtobufMessage rows, columns, shape, tensor, type, value;
  rows.text(2, "N");  // dim_param: any number
  columns.integer(1, static_cast<std::int64_t>(width));
  shape.message(1, rows);
  shape.message(1, columns);
  tensor.integer(1, kOnnxFloat);
  tensor.message(2, shape);
  type.message(1, tensor);
  value.text(1, name);
  value.message(2, type);
  return value;
}

}  // namespace

OnnxAttribute OnnxAttribute::integer(std::string_view name, std::int64_t value) {
  constexpr std::int64_t kind = 2;  // AttributeType INT
  OnnxAttribute attribute;
  attribute.message_.text(1, name);
  attribute.message_.integer(3, value);
  attribute.message_.integer(20, kind);
  return attribute;
}

OnnxAttribute OnnxAttribute::real(std::string_view name, float value) {
  constexpr std::int64_t kind = 1;  // AttributeType FLOAT
  OnnxAttribute attribute;
  attribute.message_.text(1, name);
  attribute.message_.real32(2, value);
  attribute.message_.integer(20, kind);
  return attribute;
}

void OnnxGraph::input(const std::string& name, std::size_t width) {
  inputs_.message(11, matrix_value(name, width));
}

void OnnxGraph::output(const std::string& name, std::size_t width) {
  outputs_.message(12, matrix_value(name, width));
}

template <class T>
void OnnxGraph::initializer(const std::string& name, const std::vector<std::size_t>& shape,
                            std::span<const T> values) {
  ProtobufMessage tensor;
  for (const std::size_t size : shape) tensor.integer(1, static_cast<std::int64_t>(size));
  tensor.integer(2, element_type<T>());
  tensor.text(8, name);
  const auto bytes = std::as_bytes(values);
  tensor.text(9, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  initializers_.message(5, tensor);
}
template void OnnxGraph::initializer(const std::string&, const std::vector<std::size_t>&,
                                     std::span<const float>);
template void OnnxGraph::initializer(const std::string&, const std::vector<std::size_t>&,
                                     std::span<const double>);
template void OnnxGraph::initializer(const std::string&, const std::vector<std::size_t>&,
                                     std::span<const std::int64_t>);

std::string OnnxGraph::constant(const std::string& name, float value) {
  if (std::find(constants_.begin(), constants_.end(), name) == constants_.end()) {
    initializer<float>(name, {}, std::span(&value, 1));
    constants_.push_back(name);
  }
  return name;
}

std::string OnnxGraph::node(std::string_view operation, const std::vector<std::string>& inputs,
                            const std::vector<OnnxAttribute>& attributes, std::vector<std::string> outputs) {
  if (outputs.empty()) outputs.push_back(fmt::format("{}.value_{}", name_, ++made_up_));
  ProtobufMessage node;
  for (const std::string& input : inputs) node.text(1, input);
  for (const std::string& output : outputs) node.text(2, output);
  node.text(3, fmt::format("{}.{}", outputs.front(), operation));
  node.text(4, operation);
  for (const OnnxAttribute& attribute : attributes) node.message(5, attribute.message());
  nodes_.message(1, node);
  return outputs.front();
}

std::string OnnxGraph::model(std::string_view version,
                             const std::map<std::string, std::string>& metadata) const {
  ProtobufMessage graph, opset, model;
  graph.fields(nodes_);
  graph.text(2, name_);
  for (const ProtobufMessage* fields : {&initializers_, &inputs_, &outputs_}) graph.fields(*fields);
  opset.text(1, "");  // the standard operators
  opset.integer(2, kOpset);
  model.integer(1, kIrVersion);
  model.text(2, "gmmvae");
  model.text(3, version);
  model.message(7, graph);
  model.message(8, opset);
  for (const auto& [key, value] : metadata) {
    ProtobufMessage entry;
    entry.text(1, key);
    entry.text(2, value);
    model.message(14, entry);
  }
  if (model.bytes().size() > std::numeric_limits<std::int32_t>::max())
    throw DataError(fmt::format("the {} takes {} bytes, but an ONNX file holds at most 2 GiB", name_,
                                model.bytes().size()));
  return model.bytes();
}

}  // namespace gmmvae
