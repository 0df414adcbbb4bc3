#include "host/io/safetensors.hpp"

#include <gtest/gtest.h>

#include <random>

#include "gmmvae/error.hpp"
#include "tests/io/files.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;
using test::frozen;
using test::put_bytes;
using test::TemporaryFolder;

TEST(Safetensors, ReadsWhatTheReferenceImplementationWrites) {
  const SafetensorsReader floats(frozen("floats.safetensors"));
  EXPECT_EQ(floats.metadata(), (Metadata{{"format", "pt"}}));
  EXPECT_EQ(floats.read<float>("a.weight", {2, 3}), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(floats.read<float>("b", {1}), (std::vector<float>{0.5}));

  const SafetensorsReader types(frozen("types.safetensors"));
  EXPECT_EQ(types.tensors().size(), 5U);
  EXPECT_EQ(types.read<double>("f64", {2}), (std::vector<double>{1.5, -2.5}));
  EXPECT_EQ(types.read<std::int32_t>("i32", {2, 1}), (std::vector<std::int32_t>{7, -8}));
  EXPECT_EQ(types.read<std::int64_t>("i64", {}), (std::vector<std::int64_t>{std::int64_t{1} << 40}));
  EXPECT_TRUE(types.read<float>("empty", {0, 3}).empty());
  EXPECT_EQ(types.tensor("half").type, "BF16");
}

TEST(Safetensors, WritesTheBytesOfTheReferenceImplementation) {
  const TemporaryFolder folder;
  const std::string path = folder / "floats.safetensors";
  const std::vector<float> a = {0, 1, 2, 3, 4, 5};
  const std::vector<float> b = {0.5};
  const TensorToWrite in_pieces{
      "a.weight",
      "F32",
      {2, 3},
      {std::as_bytes(std::span(a).first(2)), std::as_bytes(std::span(a).subspan(2))}};
  write_safetensors(path, std::vector{in_pieces, tensor_of<float>("b", {1}, b)}, {{"format", "pt"}});
  EXPECT_EQ(read_file(path), read_file(frozen("floats.safetensors")));
}

TEST(Safetensors, AsksForTheRightTypeAndShape) {
  const SafetensorsReader floats(frozen("floats.safetensors"));
  const std::string file = frozen("floats.safetensors");
  EXPECT_EQ(error_message<DataError>([&] { (void)floats.read<double>("b", {1}); }),
            file + ": tensor b is F32 and must be F64");
  EXPECT_EQ(error_message<DataError>([&] {
              (void)floats.read<float>("a.weight", {3, 2});
            }),
            file + ": tensor a.weight has the shape (2, 3) and must have (3, 2)");
  EXPECT_EQ(error_message<DataError>([&] { (void)floats.tensor("c"); }), file + " has no tensor c");
  EXPECT_EQ(error_message<DataError>([&] { (void)floats.metadata("x"); }),
            file + " has no x in its __metadata__");
}

/// The file with this header and as many bytes behind it.
std::string file_with(std::string header, std::size_t buffer) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + header +
         std::string(buffer, '\0');
}

TEST(Safetensors, EveryRuleOfTheFormatIsChecked) {
  const TemporaryFolder folder;
  const std::string path = folder / "bad.safetensors";
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const struct {
    std::string bytes;
    std::string reason;
  } cases[] = {
      {"", "it has only 0 bytes"},
      {std::string(8, '\xff'), "its header claims 18446744073709551615 bytes"},
      {file_with("", 0), "its header claims 0 bytes"},
      {file_with("[]", 0), "its header does not start with '{'"},
      {file_with("{" + a, 8), "its header is not valid JSON"},
      {file_with("{" + a + "," + a + "}", 8), "its header has 'a' twice"},
      {file_with(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
       "its header has 'dtype' twice"},
      {file_with(R"({"a":[1]})", 0), "the entry of tensor 'a' is no object"},
      {file_with(R"({"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", 8),
       "the dtype of tensor 'a' is missing or unknown"},
      {file_with(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8),
       "the shape of tensor 'a' is missing or no list of numbers"},
      {file_with(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8),
       "the data_offsets of tensor 'a' are not [begin, end]"},
      {file_with(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
       "tensor 'a' of shape (3,) needs 12 bytes and its offsets give 8"},
      {file_with(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})", 8),
       "tensor 'a' claims the impossible shape (4611686018427387904, 4)"},
      {file_with("{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
       "tensor 'b' overlaps the one before it"},
      {file_with("{" + a + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})", 16),
       "tensor 'b' leaves a gap behind the one before it"},
      {file_with(
           R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551604,18446744073709551608]}})",
           8),
       "tensor 'a' overlaps the one before it"},
      {file_with("{" + a + "}", 9), "1 bytes behind its last tensor belong to none"},
      {file_with(R"({"__metadata__":{"a":1}})", 0), "'a' in its __metadata__ is no text"},
      {file_with(R"({"__metadata__":7})", 0), "its __metadata__ is no object"},
      {file_with("{\"a\":" + std::string(50000, '['), 0), "its header is nested too deeply"},
  };
  for (const auto& [bytes, reason] : cases) {
    put_bytes(path, bytes);
    EXPECT_EQ(error_message<DataError>([&] { SafetensorsReader reader(path); }),
              path + " is not a sound safetensors file: " + reason);
  }
  put_bytes(path, file_with("{" + a + "}   ", 8));
  EXPECT_EQ(SafetensorsReader(path).read<float>("a", {2}), (std::vector<float>{0, 0}));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder / "cut.safetensors";
  for (const char* name : {"floats.safetensors", "types.safetensors"}) {
    const std::string whole = read_file(frozen(name));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      put_bytes(path, whole.substr(0, size));
      EXPECT_THROW(SafetensorsReader reader(path), DataError) << name << " cut to " << size;
    }
  }
}

TEST(Safetensors, DamagedHeadersGiveTensorsOrADataErrorNeverACrash) {
  const TemporaryFolder folder;
  const std::string path = folder / "damaged.safetensors";
  const std::string whole = read_file(frozen("types.safetensors"));
  std::mt19937 random(3);
  for (int trial = 0; trial < 3000; ++trial) {
    std::string bytes = whole;
    for (int i = 0; i < 2; ++i) bytes[random() % bytes.size()] = static_cast<char>(random() % 128);
    put_bytes(path, bytes);
    try {
      const SafetensorsReader reader(path);
      for (const auto& tensor : reader.tensors()) {
        if (tensor.type != "F64") continue;
        EXPECT_EQ(reader.read<double>(tensor.name, tensor.shape).size() * 8, tensor.size);
      }
    } catch (const DataError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace gmmvae
