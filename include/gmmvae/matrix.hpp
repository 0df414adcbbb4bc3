#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace gmmvae {

/// A read-only, contiguous, row-major block of numbers that somebody else owns.
template <class T>
struct MatrixView {
  const T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;

  [[nodiscard]] bool empty() const { return rows == 0 || cols == 0; }
  [[nodiscard]] std::size_t size() const { return rows * cols; }
  [[nodiscard]] std::span<const T> row(std::size_t r) const { return {data + r * cols, cols}; }
  T operator()(std::size_t r, std::size_t c) const { return data[r * cols + c]; }
};

/// A row-major matrix that owns its numbers; rows are samples, columns are dimensions.
template <class T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t cols, T value = T{})
      : rows_(rows), cols_(cols), values_(rows * cols, value) {}
  /// `values` holds rows * cols numbers in row-major order.
  Matrix(std::size_t rows, std::size_t cols, std::vector<T> values)
      : rows_(rows), cols_(cols), values_(std::move(values)) {}

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t cols() const { return cols_; }
  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  T* data() { return values_.data(); }
  [[nodiscard]] const T* data() const { return values_.data(); }
  [[nodiscard]] const std::vector<T>& values() const { return values_; }
  std::span<T> row(std::size_t r) { return {values_.data() + r * cols_, cols_}; }
  [[nodiscard]] std::span<const T> row(std::size_t r) const { return {values_.data() + r * cols_, cols_}; }
  T& operator()(std::size_t r, std::size_t c) { return values_[r * cols_ + c]; }
  T operator()(std::size_t r, std::size_t c) const { return values_[r * cols_ + c]; }
  operator MatrixView<T>() const { return {values_.data(), rows_, cols_}; }  // NOLINT(google-explicit-constructor)
  bool operator==(const Matrix&) const = default;

 private:
  std::size_t rows_ = 0;
  std::size_t cols_ = 0;
  std::vector<T> values_;
};

}  // namespace gmmvae
