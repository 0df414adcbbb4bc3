#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "host/io/byte_stream.hpp"

namespace gmmvae {

/// The element types that .npy files of numbers hold, named as NumPy does without the byte order.
enum class ElementType { b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4, f8 };

std::size_t element_size(ElementType type);

/// What stands before the numbers of a .npy file (NumPy enhancement proposal 1, versions 1.0 to 3.0).
struct NpyHeader {
  ElementType type = ElementType::f4;
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<std::size_t> shape;
};

/// Reads up to the first number and checks that exactly as many bytes follow as the shape needs.
/// Throws DataError: wrong magic, unknown version, damaged header, complex, object, text or structured
/// elements.
NpyHeader read_npy_header(ByteStream& stream);

/// The version 1.0 header that numpy.save writes for a little-endian array in C order; `descr` is "<f4" and
/// the like.
std::string npy_header_bytes(const std::string& descr, const std::vector<std::size_t>& shape);

}  // namespace gmmvae
