#pragma once

#include <map>
#include <string>
#include <string_view>

#include "gmmvae/matrix.hpp"

namespace gmmvae::test {

/// Runs an ONNX file in double precision, node by node as the operators' definitions say
/// (onnx.ai/onnx/operators), for graphs whose values are matrices, vectors and numbers. Shares no code with
/// the writer. Throws std::runtime_error for anything it does not know, and for a tensor whose elements are
/// not as many as its shape says.
std::map<std::string, Matrix<double>> run_onnx(std::string_view file, const std::string& input,
                                               const Matrix<double>& points);

}  // namespace gmmvae::test
