#include "tests/export/onnx_interpreter.hpp"

#include <cmath>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <vector>

#include "tests/export/protobuf_reader.hpp"

namespace gmmvae::test {
namespace {

using Values = std::map<std::string, Matrix<double>>;

/// TensorProto as a matrix: a vector becomes one row, a number 1x1.
Matrix<double> tensor(const ProtobufFields& proto) {
  std::vector<std::size_t> shape;
  for (std::size_t i = 0; i < proto.count(1); ++i)
    shape.push_back(static_cast<std::size_t>(proto.integer(1, i)));
  const std::size_t cols = shape.empty() ? 1 : shape.back();
  const std::size_t rows = shape.size() < 2 ? 1 : shape[0];
  const std::string_view raw = proto.text(9);
  Matrix<double> values(rows, cols);
  const auto fill = [&]<class T>(T) {
    if (raw.size() != values.size() * sizeof(T))
      throw std::runtime_error("a tensor has other bytes than its shape");
    for (std::size_t i = 0; i < values.size(); ++i) {
      T value;
      std::memcpy(&value, raw.data() + i * sizeof(T), sizeof(T));
      values.data()[i] = static_cast<double>(value);
    }
  };
  switch (proto.integer(2)) {
    case 1:
      fill(float{});
      break;
    case 7:
      fill(std::int64_t{});
      break;
    case 11:
      fill(double{});
      break;
    default:
      throw std::runtime_error("unknown element type");
  }
  return values;
}

ProtobufFields attribute(const ProtobufFields& node, std::string_view name) {
  for (std::size_t i = 0; i < node.count(5); ++i) {
    if (node.message(5, i).text(1) == name) return node.message(5, i);
  }
  throw std::runtime_error("an attribute is missing");
}
std::int64_t integer_attribute(const ProtobufFields& node, std::string_view name) {
  const ProtobufFields found = attribute(node, name);
  if (found.integer(20) != 2) throw std::runtime_error("an attribute is no INT");
  return found.integer(3);
}
double real_attribute(const ProtobufFields& node, std::string_view name) {
  const ProtobufFields found = attribute(node, name);
  if (found.integer(20) != 1) throw std::runtime_error("an attribute is no FLOAT");
  return found.real32(2);
}

Matrix<double> map(const Matrix<double>& x, const std::function<double(double)>& f) {
  Matrix<double> y(x.rows(), x.cols());
  for (std::size_t i = 0; i < x.size(); ++i) y.data()[i] = f(x.data()[i]);
  return y;
}

/// Broadcasting of a row or a number over the rows of `a`.
Matrix<double> combine(const Matrix<double>& a, const Matrix<double>& b,
                       const std::function<double(double, double)>& f) {
  if ((b.rows() != 1 && b.rows() != a.rows()) || (b.cols() != 1 && b.cols() != a.cols()))
    throw std::runtime_error("shapes do not broadcast");
  Matrix<double> y(a.rows(), a.cols());
  for (std::size_t r = 0; r < a.rows(); ++r) {
    for (std::size_t c = 0; c < a.cols(); ++c)
      y(r, c) = f(a(r, c), b(b.rows() == 1 ? 0 : r, b.cols() == 1 ? 0 : c));
  }
  return y;
}

/// A B^T + C, with transB = 1.
Matrix<double> gemm(const Matrix<double>& a, const Matrix<double>& b, const Matrix<double>& c) {
  if (a.cols() != b.cols() || c.rows() != 1 || c.cols() != b.rows())
    throw std::runtime_error("shapes of Gemm");
  Matrix<double> y(a.rows(), b.rows());
  for (std::size_t r = 0; r < a.rows(); ++r) {
    for (std::size_t o = 0; o < b.rows(); ++o) {
      double sum = c(0, o);
      for (std::size_t i = 0; i < a.cols(); ++i) sum += a(r, i) * b(o, i);
      y(r, o) = sum;
    }
  }
  return y;
}

/// Columns [first, first + width).
Matrix<double> columns(const Matrix<double>& x, std::size_t first, std::size_t width) {
  Matrix<double> y(x.rows(), width);
  for (std::size_t r = 0; r < x.rows(); ++r) {
    for (std::size_t c = 0; c < width; ++c) y(r, c) = x(r, first + c);
  }
  return y;
}

void split(const ProtobufFields& node, const Matrix<double>& x, const Matrix<double>& widths,
           Values& values) {
  if (integer_attribute(node, "axis") != 1 || widths.size() != node.count(2))
    throw std::runtime_error("Split");
  std::size_t first = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const auto width = static_cast<std::size_t>(widths.data()[i]);
    values[std::string(node.text(2, i))] = columns(x, first, width);
    first += width;
  }
  if (first != x.cols()) throw std::runtime_error("Split does not take all columns");
}

Matrix<double> elementwise(const std::string& operation, const ProtobufFields& node,
                           const Matrix<double>& x) {
  if (operation == "Relu") return map(x, [](double v) { return v > 0 ? v : 0.0; });
  if (operation == "Tanh") return map(x, [](double v) { return std::tanh(v); });
  if (operation == "Exp") return map(x, [](double v) { return std::exp(v); });
  if (operation == "Erf") return map(x, [](double v) { return std::erf(v); });
  if (operation == "Softplus")
    return map(x, [](double v) { return std::log1p(std::exp(-std::abs(v))) + std::max(v, 0.0); });
  if (operation == "Cast") {
    const bool single = integer_attribute(node, "to") == 1;
    return map(x, [=](double v) { return single ? static_cast<float>(v) : v; });
  }
  if (operation == "Elu" || operation == "LeakyRelu") {
    const double alpha = real_attribute(node, "alpha");
    const bool elu = operation == "Elu";
    return map(x, [=](double v) { return v >= 0 ? v : elu ? alpha * std::expm1(v) : alpha * v; });
  }
  throw std::runtime_error("unknown operator " + operation);
}

void run_node(const ProtobufFields& node, Values& values) {
  const std::string operation(node.text(4));
  const auto in = [&](std::size_t i) -> const Matrix<double>& {
    return values.at(std::string(node.text(1, i)));
  };
  if (operation == "Split") return split(node, in(0), in(1), values);
  Matrix<double> result;
  if (operation == "Gemm") {
    if (integer_attribute(node, "transB") != 1) throw std::runtime_error("transB");
    result = gemm(in(0), in(1), in(2));
  } else if (operation == "Add") {
    result = combine(in(0), in(1), std::plus<>());
  } else if (operation == "Sub") {
    result = combine(in(0), in(1), std::minus<>());
  } else if (operation == "Mul") {
    result = combine(in(0), in(1), std::multiplies<>());
  } else if (operation == "Div") {
    result = combine(in(0), in(1), std::divides<>());
  } else {
    result = elementwise(operation, node, in(0));
  }
  values[std::string(node.text(2))] = std::move(result);
}

}  // namespace

std::map<std::string, Matrix<double>> run_onnx(std::string_view file, const std::string& input,
                                               const Matrix<double>& points) {
  const ProtobufFields model(file), graph = model.message(7);
  if (model.integer(1) != 8 || model.message(8).integer(2) != 13) throw std::runtime_error("other versions");
  if (graph.message(11).text(1) != input) throw std::runtime_error("other input");
  Values values{{input, points}}, outputs;
  for (std::size_t i = 0; i < graph.count(5); ++i)
    values[std::string(graph.message(5, i).text(8))] = tensor(graph.message(5, i));
  for (std::size_t i = 0; i < graph.count(1); ++i) run_node(graph.message(1, i), values);
  for (std::size_t i = 0; i < graph.count(12); ++i) {
    const std::string name(graph.message(12, i).text(1));
    outputs[name] = values.at(name);
  }
  return outputs;
}

}  // namespace gmmvae::test
