#include "host/io/npy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "gmmvae/error.hpp"
#include "host/io/input_file.hpp"
#include "tests/io/files.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;
using test::frozen;
using test::put_bytes;
using test::TemporaryFolder;

/// What make_arrays.py calls X and INTEGERS.
Matrix<float> expected_points() {
  Matrix<float> x(4, 3);
  for (std::size_t i = 0; i < 12; ++i) x.data()[i] = 0.25F * static_cast<float>(i) - 1.0F;
  return x;
}
Matrix<float> expected_integers() {
  Matrix<float> x(4, 3);
  for (std::size_t i = 0; i < 12; ++i) x.data()[i] = static_cast<float>(i);
  return x;
}

TEST(Npy, ReadsEveryFloatingTypeByteOrderAndMemoryOrder) {
  for (const char* order : {"le", "be"}) {
    for (const char* type : {"f2", "f4", "f8"}) {
      for (const char* layout : {"", "_fortran"}) {
        const std::string name = std::string(order) + "_" + type + layout + ".npy";
        EXPECT_EQ(read_npy_points(frozen(name)), expected_points()) << name;
      }
    }
  }
}

TEST(Npy, ReadsIntegersAndBool) {
  for (const char* name : {"le_i1", "le_i2", "be_i2", "le_i4", "be_i4", "le_i8", "be_i8", "le_u1", "le_u2",
                           "le_u4", "be_u4", "le_u8"}) {
    EXPECT_EQ(read_npy_points(frozen(std::string(name) + ".npy")), expected_integers()) << name;
  }
  Matrix<float> even(4, 3);
  for (std::size_t i = 0; i < 12; i += 2) even.data()[i] = 1.0F;
  EXPECT_EQ(read_npy_points(frozen("bool.npy")), even);
}

TEST(Npy, ReadsHeadersOfVersions2And3) {
  EXPECT_EQ(read_npy_points(frozen("version2.npy")), expected_points());
  EXPECT_EQ(read_npy_points(frozen("version3.npy")), expected_points());
}

TEST(Npy, HalvesKeepSubnormalsAndExtremes) {
  const Matrix<float> x = read_npy_points(frozen("half_special.npy"));
  // 1/3 in half precision is 0x3555 = (1024 + 0x155) / 4096.
  const std::vector<float> expected = {0.0F,      std::ldexp(1.0F, -24), std::ldexp(1023.0F, -24), 65504.0F,
                                       -65504.0F, 1365.0F / 4096.0F};
  EXPECT_EQ(x.values(), expected);
}

TEST(Npy, ArraysKeepTheirTypeAndShape) {
  EXPECT_EQ(read_npy_array(frozen("scalar_f8.npy")), make_array<double>({}, {2.5}));
  EXPECT_EQ(read_npy_array(frozen("vector_i4.npy")), make_array<std::int32_t>({3}, {3, 1, 2}));
  std::vector<float> counting(24);
  for (std::size_t i = 0; i < 24; ++i) counting[i] = static_cast<float>(i);
  EXPECT_EQ(read_npy_array(frozen("cube_f4.npy")), make_array<float>({2, 3, 4}, counting));
  EXPECT_EQ(read_npy_array(frozen("cube_f4_fortran.npy")), make_array<float>({2, 3, 4}, counting));
  EXPECT_TRUE(std::holds_alternative<std::vector<std::int64_t>>(read_npy_array(frozen("le_i8.npy")).values));
}

TEST(Npy, WritesTheBytesThatNumpyWrites) {
  const TemporaryFolder folder;
  for (const char* name : {"le_f4.npy", "le_f8.npy", "le_i4.npy", "le_i8.npy", "scalar_f8.npy",
                           "vector_i4.npy", "cube_f4.npy", "no_rows.npy"}) {
    const std::string copy = folder / name;
    write_npy(copy, read_npy_array(frozen(name)));
    EXPECT_EQ(read_file(copy), read_file(frozen(name))) << name;
  }
}

TEST(Npy, RefusesWhatIsNotAMatrixOfNumbers) {
  const auto refusal = [](const std::string& name) {
    const std::string path = frozen(name);
    std::string message = error_message<DataError>([&] { read_npy_points(path); });
    EXPECT_EQ(message.substr(0, path.size()), path);  // the file comes first
    return message.substr(std::min(message.size(), path.size()));
  };
  EXPECT_EQ(
      refusal("complex.npy"),
      " holds complex numbers ('<c8'); only real numbers can be read: float16 to float64, integers, bool");
  EXPECT_NE(refusal("object.npy").find("holds Python objects"), std::string::npos);
  EXPECT_NE(refusal("structured.npy").find("holds a structured array"), std::string::npos);
  EXPECT_NE(refusal("text.npy").find("holds text"), std::string::npos);
  EXPECT_NE(refusal("dates.npy").find("holds dates"), std::string::npos);
  EXPECT_EQ(refusal("vector_i4.npy"),
            " has the shape (3,); data points need two axes, (samples, dimensions): reshape it to (n, 1) if "
            "these are "
            "one-dimensional points");
  EXPECT_NE(refusal("cube_f4.npy").find("has the shape (2, 3, 4)"), std::string::npos);
  EXPECT_EQ(refusal("no_rows.npy"), " holds no data: its shape is (0, 3)");
  EXPECT_EQ(refusal("nan.npy"), " has NaN in row 3, column 2 (counted from 1)");
  EXPECT_EQ(refusal("inf.npy"), " has a number beyond single precision in row 3, column 2 (counted from 1)");
  EXPECT_EQ(refusal("too_large.npy"),
            " has a number beyond single precision in row 1, column 2 (counted from 1)");
  EXPECT_EQ(refusal("stored.npz"), " is not a .npy file: it does not start with \\x93NUMPY");
}

TEST(Npy, IntegersMustFit) {
  const TemporaryFolder folder;
  const std::string path = folder / "big.npy";
  write_npy(path, make_array<std::int64_t>({2}, {1, 5000000000}));
  const InputFile file(path);
  FileSection stream(file);
  const NpyHeader header = read_npy_header(stream);
  EXPECT_EQ(error_message<DataError>([&] { read_npy_values<std::int32_t>(stream, header); }),
            path + " holds 5000000000, which does not fit into 32 bits");
}

TEST(Npy, ClaimsOfImpossibleShapesAreRefusedBeforeMemoryIsReserved) {
  const TemporaryFolder folder;
  const std::string path = folder / "huge.npy";
  put_bytes(path, npy_header_bytes("<f8", {std::size_t{1} << 40, std::size_t{1} << 40}) + "12345678");
  EXPECT_NE(error_message<DataError>([&] { read_npy_points(path); }).find("impossible shape"),
            std::string::npos);
  put_bytes(path, npy_header_bytes("<f8", {std::size_t{1} << 40, 1}) + "12345678");
  EXPECT_NE(error_message<DataError>([&] { read_npy_points(path); }).find("is cut off"), std::string::npos);
  put_bytes(path, npy_header_bytes("<f8", {0, std::size_t{1} << 40, std::size_t{1} << 40}));
  EXPECT_NE(error_message<DataError>([&] { read_npy_points(path); }).find("impossible shape"),
            std::string::npos);
}

TEST(Npy, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder / "cut.npy";
  for (const char* name : {"le_f4.npy", "be_f8_fortran.npy", "version3.npy"}) {
    const std::string whole = read_file(frozen(name));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      put_bytes(path, whole.substr(0, size));
      EXPECT_THROW(read_npy_points(path), DataError) << name << " cut to " << size;
    }
    put_bytes(path, whole + "x");
    EXPECT_THROW(read_npy_points(path), DataError) << name << " with one byte too many";
  }
}

TEST(Npy, DamagedHeadersGiveAnArrayOrADataErrorNeverACrash) {
  const TemporaryFolder folder;
  const std::string path = folder / "damaged.npy";
  const std::string whole = read_file(frozen("le_f4.npy"));
  std::mt19937 random(7);
  for (int trial = 0; trial < 2000; ++trial) {
    std::string bytes = whole;
    for (int i = 0; i < 3; ++i) bytes[random() % 128] = static_cast<char>(random());
    put_bytes(path, bytes);
    try {
      EXPECT_FALSE(read_npy_points(path).empty());
    } catch (const DataError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace gmmvae
