#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/export/protobuf.hpp"

namespace gmmvae {

// Element types of onnx.TensorProto.
inline constexpr std::int64_t kOnnxFloat = 1, kOnnxInt64 = 7, kOnnxDouble = 11;

/// A named number beside a node.
class OnnxAttribute {
 public:
  static OnnxAttribute integer(std::string_view name, std::int64_t value);
  static OnnxAttribute real(std::string_view name, float value);
  [[nodiscard]] const ProtobufMessage& message() const { return message_; }

 private:
  ProtobufMessage message_;
};

/// Builds one ONNX graph node by node, in the order in which they run. Field numbers are those of onnx.proto
/// (ONNX 1.12, Apache-2.0).
class OnnxGraph {
 public:
  explicit OnnxGraph(std::string name) : name_(std::move(name)) {}

  /// An f32 tensor [N,width]; N is free.
  void input(const std::string& name, std::size_t width);
  void output(const std::string& name, std::size_t width);
  /// A tensor that belongs to the graph. T: float, double, std::int64_t.
  template <class T>
  void initializer(const std::string& name, const std::vector<std::size_t>& shape, std::span<const T> values);
  template <class T>
  void initializer(const std::string& name, const std::vector<std::size_t>& shape,
                   const std::vector<T>& values) {
    initializer<T>(name, shape, std::span<const T>(values));
  }
  /// A single number under that name, which is returned; the same name twice is the same number.
  std::string constant(const std::string& name, float value);
  /// Adds a node; without names for its outputs it gets one, made up. Returns the first output's name.
  std::string node(std::string_view operation, const std::vector<std::string>& inputs,
                   const std::vector<OnnxAttribute>& attributes = {}, std::vector<std::string> outputs = {});

  /// The whole file. Throws DataError above protobuf's 2 GiB.
  [[nodiscard]] std::string model(std::string_view version,
                                  const std::map<std::string, std::string>& metadata) const;

 private:
  std::string name_;
  ProtobufMessage nodes_, initializers_, inputs_, outputs_;  ///< fields of GraphProto
  std::vector<std::string> constants_;
  std::size_t made_up_ = 0;
};

}  // namespace gmmvae
