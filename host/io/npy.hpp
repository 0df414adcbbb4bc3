#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/io/array.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/byte_stream.hpp"
#include "host/io/npy_header.hpp"

namespace gmmvae {

// Reading. Any real element type, byte order and C or Fortran order; results are in C order. All throw
// DataError.

/// The numbers behind a header, converted to T: float, double, std::int32_t or std::int64_t. Integers are
/// read from integers and bools alone, and must fit.
template <class T>
std::vector<T> read_npy_values(ByteStream& stream, const NpyHeader& header);

/// Any array, as the smallest of f4, f8, i4, i8 that holds its element type.
Array read_npy_array(ByteStream& stream);

/// Data points [N,D]: two axes, at least one row and column, all finite; else a DataError with the row and
/// column.
Matrix<float> read_npy_points(ByteStream& stream);

/// The same from a file.
Matrix<float> read_npy_points(const std::string& path);
Array read_npy_array(const std::string& path);

/// Throws DataError with row and column, both counted from 1, where a number is NaN or infinite.
void require_finite(MatrixView<float> points, const std::string& name);

// Writing: version 1.0, little-endian, C order, byte for byte as numpy.save does.

/// "<f4", "<f8", "<i4", "<i8"
template <class T>
std::string npy_descr();

template <class T>
void write_npy(const std::string& path, const std::vector<std::size_t>& shape, std::span<const T> values);
void write_npy(const std::string& path, MatrixView<float> matrix);
void write_npy(const std::string& path, const Array& array);

}  // namespace gmmvae
