#include "host/io/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/io/input_file.hpp"

namespace gmmvae {
namespace {

static_assert(std::endian::native == std::endian::little, "files are written as the machine holds numbers");

/// Elements converted at a time: small enough to stay in the second-level cache.
constexpr std::size_t kBlock = 1 << 14;

/// IEEE 754 binary16, which C++20 has no type for.
struct Half {
  std::uint16_t bits;
};

float to_float(Half half) {
  const int exponent = half.bits >> 10 & 0x1f;
  const int fraction = half.bits & 0x3ff;
  float magnitude = 0.0F;
  if (exponent == 0x1f) {
    magnitude =
        fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  }
  return (half.bits & 0x8000) != 0 ? -magnitude : magnitude;
}

template <class From>
From load(const unsigned char* bytes, bool swap) {
  std::array<unsigned char, sizeof(From)> raw{};
  std::copy_n(bytes, sizeof(From), raw.begin());
  if (swap) std::reverse(raw.begin(), raw.end());
  return std::bit_cast<From>(raw);
}

template <class To, class From>
To convert(From value, const std::string& name) {
  if constexpr (std::is_same_v<From, Half>) {
    return static_cast<To>(to_float(value));
  } else {
    if constexpr (std::is_integral_v<To>) {
      if (!std::in_range<To>(value)) {
        throw DataError(
            fmt::format("{} holds {}, which does not fit into {} bits", name, value, 8 * sizeof(To)));
      }
    }
    return static_cast<To>(value);
  }
}

/// Where the next element in Fortran order belongs in C order.
class FortranOrder {
 public:
  explicit FortranOrder(const std::vector<std::size_t>& shape)
      : shape_(shape), strides_(shape.size()), index_(shape.size(), 0) {
    std::size_t stride = 1;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      strides_[axis] = stride;
      stride *= shape[axis];
    }
  }
  std::size_t next() {
    const std::size_t result = offset_;
    for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
      offset_ += strides_[axis];
      if (++index_[axis] < shape_[axis]) break;
      offset_ -= strides_[axis] * shape_[axis];
      index_[axis] = 0;
    }
    return result;
  }

 private:
  const std::vector<std::size_t>& shape_;
  std::vector<std::size_t> strides_;
  std::vector<std::size_t> index_;
  std::size_t offset_ = 0;
};

template <class To, class From>
void read_converted(ByteStream& stream, const NpyHeader& header, std::vector<To>& values) {
  std::vector<unsigned char> raw(std::min(kBlock, values.size()) * sizeof(From));
  FortranOrder order(header.shape);
  for (std::size_t first = 0; first < values.size(); first += kBlock) {
    const std::size_t count = std::min(kBlock, values.size() - first);
    stream.read(raw.data(), count * sizeof(From));
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t place = header.fortran_order ? order.next() : first + i;
      const From value = load<From>(raw.data() + i * sizeof(From), header.big_endian);
      values[place] = convert<To>(value, stream.name());
    }
  }
}

template <class To, class From>
void read_values(ByteStream& stream, const NpyHeader& header, std::vector<To>& values) {
  constexpr bool kFromFloat = std::is_floating_point_v<From> || std::is_same_v<From, Half>;
  if constexpr (std::is_integral_v<To> && kFromFloat) {
    throw DataError(fmt::format("{} holds floating-point numbers where integers are needed", stream.name()));
  } else {
    const bool as_it_is = std::is_same_v<To, From> && !header.big_endian && !header.fortran_order;
    if (as_it_is) {
      stream.read(values.data(), values.size() * sizeof(To));
    } else {
      read_converted<To, From>(stream, header, values);
    }
  }
}

/// The name without the file's path would be ambiguous, so messages carry the stream's whole name.
Matrix<float> points_from(ByteStream& stream, const NpyHeader& header) {
  if (header.shape.size() != 2) {
    throw DataError(fmt::format(
        "{} has the shape {}; data points need two axes, (samples, dimensions){}", stream.name(),
        shape_text(header.shape),
        header.shape.size() == 1 ? ": reshape it to (n, 1) if these are one-dimensional points" : ""));
  }
  if (header.shape[0] == 0 || header.shape[1] == 0) {
    throw DataError(
        fmt::format("{} holds no data: its shape is {}", stream.name(), shape_text(header.shape)));
  }
  Matrix<float> points(header.shape[0], header.shape[1], read_npy_values<float>(stream, header));
  require_finite(points, stream.name());
  return points;
}

}  // namespace

template <class T>
std::vector<T> read_npy_values(ByteStream& stream, const NpyHeader& header) {
  std::vector<T> values(element_count(header.shape));
  switch (header.type) {
    case ElementType::b1:
    case ElementType::u1:
      read_values<T, std::uint8_t>(stream, header, values);
      break;
    case ElementType::i1:
      read_values<T, std::int8_t>(stream, header, values);
      break;
    case ElementType::i2:
      read_values<T, std::int16_t>(stream, header, values);
      break;
    case ElementType::i4:
      read_values<T, std::int32_t>(stream, header, values);
      break;
    case ElementType::i8:
      read_values<T, std::int64_t>(stream, header, values);
      break;
    case ElementType::u2:
      read_values<T, std::uint16_t>(stream, header, values);
      break;
    case ElementType::u4:
      read_values<T, std::uint32_t>(stream, header, values);
      break;
    case ElementType::u8:
      read_values<T, std::uint64_t>(stream, header, values);
      break;
    case ElementType::f2:
      read_values<T, Half>(stream, header, values);
      break;
    case ElementType::f4:
      read_values<T, float>(stream, header, values);
      break;
    case ElementType::f8:
      read_values<T, double>(stream, header, values);
      break;
  }
  return values;
}

Array read_npy_array(ByteStream& stream) {
  const NpyHeader header = read_npy_header(stream);
  Array array{header.shape, {}};
  switch (header.type) {
    case ElementType::f2:
    case ElementType::f4:
      array.values = read_npy_values<float>(stream, header);
      break;
    case ElementType::f8:
      array.values = read_npy_values<double>(stream, header);
      break;
    case ElementType::i8:
    case ElementType::u4:
    case ElementType::u8:
      array.values = read_npy_values<std::int64_t>(stream, header);
      break;
    default:
      array.values = read_npy_values<std::int32_t>(stream, header);
      break;
  }
  return array;
}

Matrix<float> read_npy_points(ByteStream& stream) {
  return points_from(stream, read_npy_header(stream));
}

Matrix<float> read_npy_points(const std::string& path) {
  const InputFile file(path);
  FileSection stream(file);
  return read_npy_points(stream);
}

Array read_npy_array(const std::string& path) {
  const InputFile file(path);
  FileSection stream(file);
  return read_npy_array(stream);
}

void require_finite(MatrixView<float> points, const std::string& name) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::isfinite(points.data[i])) continue;
    throw DataError(fmt::format("{} has {} in row {}, column {} (counted from 1)", name,
                                std::isnan(points.data[i]) ? "NaN" : "a number beyond single precision",
                                i / points.cols + 1, i % points.cols + 1));
  }
}

template <class T>
std::string npy_descr() {
  return fmt::format("<{}{}", std::is_floating_point_v<T> ? 'f' : 'i', sizeof(T));
}

template <class T>
void write_npy(const std::string& path, const std::vector<std::size_t>& shape, std::span<const T> values) {
  if (element_count(shape) != values.size()) {
    throw UsageError(fmt::format("cannot write {}: {} numbers do not make an array of shape {}", path,
                                 values.size(), shape_text(shape)));
  }
  AtomicFile file(path);
  file.write(npy_header_bytes(npy_descr<T>(), shape));
  file.write(values.data(), values.size_bytes());
  file.commit();
}

void write_npy(const std::string& path, MatrixView<float> matrix) {
  write_npy<float>(path, {matrix.rows, matrix.cols}, {matrix.data, matrix.size()});
}

void write_npy(const std::string& path, const Array& array) {
  std::visit(
      [&](const auto& values) {
        using T = typename std::decay_t<decltype(values)>::value_type;
        write_npy<T>(path, array.shape, values);
      },
      array.values);
}

#define GMMVAE_NPY_ELEMENT(T)                                                \
  template std::vector<T> read_npy_values<T>(ByteStream&, const NpyHeader&); \
  template std::string npy_descr<T>();                                       \
  template void write_npy<T>(const std::string&, const std::vector<std::size_t>&, std::span<const T>);
GMMVAE_NPY_ELEMENT(float)
GMMVAE_NPY_ELEMENT(double)
GMMVAE_NPY_ELEMENT(std::int32_t)
GMMVAE_NPY_ELEMENT(std::int64_t)
#undef GMMVAE_NPY_ELEMENT

}  // namespace gmmvae
