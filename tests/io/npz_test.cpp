#include "host/io/npz.hpp"

#include <gtest/gtest.h>

#include <random>

#include "gmmvae/error.hpp"
#include "host/io/npy.hpp"
#include "host/io/zip_format.hpp"
#include "tests/io/files.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;
using test::frozen;
using test::put_bytes;
using test::TemporaryFolder;

/// Reads every array, so that every byte and checksum is looked at.
void read_all(const std::string& path) {
  const NpzReader reader(path);
  if (reader.keys().empty()) throw DataError("no arrays");
  for (const std::string& key : reader.keys()) reader.read(key);
}

TEST(Npz, ReadsStoredAndDeflatedArchivesOfNumpy) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const NpzReader reader(frozen(name));
    EXPECT_EQ(reader.keys(), (std::vector<std::string>{"x", "label", "means", "covariances", "weights"}));
    EXPECT_EQ(reader.read("x"), read_npy_array(frozen("le_f4.npy")));
    EXPECT_EQ(reader.read("label"), make_array<std::int32_t>({4}, {0, 1, 1, 0}));
    EXPECT_EQ(reader.read("weights"), make_array<double>({2}, {0.25, 0.75}));
    EXPECT_EQ(reader.read("covariances"),
              make_array<double>({2, 3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 2, 0, 0, 0, 0.5}));
  }
}

TEST(Npz, InflatesMoreThanOneBufferful) {
  const Array x = NpzReader(frozen("long.npz")).read("x");
  ASSERT_EQ(x.shape, (std::vector<std::size_t>{20000, 3}));
  const auto& values = std::get<std::vector<float>>(x.values);
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], static_cast<float>(i % 251));
}

TEST(Npz, ReadsArchivesWrittenToAPipe) {
  EXPECT_EQ(NpzReader(frozen("streamed.npz")).read("x"), read_npy_array(frozen("le_f4.npy")));
}

TEST(Npz, NamesTheKeysThatAreThere) {
  const NpzReader reader(frozen("other_keys.npz"));
  EXPECT_EQ(error_message<DataError>([&] { reader.read("x"); }),
            frozen("other_keys.npz") + " has no array named x; it has points, target");
}

TEST(Npz, RefusesOtherCompressions) {
  const NpzReader reader(frozen("bzip2.npz"));
  EXPECT_EQ(error_message<DataError>([&] { reader.read("x"); }),
            frozen("bzip2.npz") +
                ", array x is compressed with method 12; save it with numpy.savez or numpy.savez_compressed");
}

TEST(Npz, RefusesOtherFiles) {
  EXPECT_EQ(error_message<DataError>([] { NpzReader reader(frozen("le_f4.npy")); }),
            frozen("le_f4.npy") + " is not a .npz file: it is no zip archive");
}

/// Four arrays of all types, written with the given limits.
void write_sample(const std::string& path, ZipLimits limits) {
  NpzWriter writer(path, limits);
  writer.add<float>("x", {3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
  writer.add("label", std::vector<std::int32_t>{0, 1, 2});
  writer.add("weights", std::vector<double>{0.5, 0.25, 0.25});
  writer.add<std::int64_t>("empty", {0, 3}, {});
  writer.commit();
}

void expect_sample(const std::string& path) {
  const NpzReader reader(path);
  EXPECT_EQ(reader.keys(), (std::vector<std::string>{"x", "label", "weights", "empty"}));
  EXPECT_EQ(reader.read("x"), make_array<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(reader.read("label"), make_array<std::int32_t>({3}, {0, 1, 2}));
  EXPECT_EQ(reader.read("weights"), make_array<double>({3}, {0.5, 0.25, 0.25}));
  EXPECT_EQ(reader.read("empty"), make_array<std::int64_t>({0, 3}, {}));
}

TEST(Npz, WritesWhatItReads) {
  const TemporaryFolder folder;
  write_sample(folder / "a.npz", {});
  expect_sample(folder / "a.npz");
  write_sample(folder / "b.npz", {});
  EXPECT_EQ(read_file(folder / "a.npz"), read_file(folder / "b.npz"));
  EXPECT_EQ(folder.count(), 2U);
}

TEST(Npz, Zip64FieldsStandWhereSizesOffsetsOrCountsNeedThem) {
  const TemporaryFolder folder;
  // An entry here has 128 bytes of header and 0 to 24 of numbers: 140 makes some sizes "large", all but the
  // first offset "far"; 400 makes only late offsets far; one entry too many moves the end record alone.
  for (const ZipLimits limits :
       {ZipLimits{140, 100}, ZipLimits{0, 0}, ZipLimits{400, 100}, ZipLimits{100000, 3}}) {
    const std::string path = folder / "limits.npz";
    write_sample(path, limits);
    expect_sample(path);
    std::string bytes = read_file(path);
    const std::size_t end64 = bytes.size() - zip::kEndSize - zip::kEnd64LocatorSize - zip::kEnd64Size;
    ASSERT_EQ(zip::get<std::uint32_t>(bytes, end64), zip::kEnd64);
    // The 64-bit fields are what is read: with one of them changed, the archive is no longer itself.
    ++bytes[end64 + 32];
    put_bytes(path, bytes);
    EXPECT_THROW(read_all(path), DataError);
  }
}

TEST(Npz, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder / "cut.npz";
  write_sample(folder / "zip64.npz", {140, 2});
  for (const std::string& source :
       {frozen("stored.npz"), frozen("deflated.npz"), frozen("streamed.npz"), folder / "zip64.npz"}) {
    const std::string whole = read_file(source);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      put_bytes(path, whole.substr(0, size));
      EXPECT_THROW(read_all(path), DataError) << source << " cut to " << size;
    }
  }
}

TEST(Npz, EveryFlippedBitOfTheNumbersIsFound) {
  const TemporaryFolder folder;
  const std::string path = folder / "flipped.npz";
  write_sample(path, {});
  const std::string whole = read_file(path);
  const std::size_t first = zip::kLocalHeaderSize + std::string("x.npy").size();
  for (std::size_t place = first; place < first + 128 + 24;
       ++place) {  // the .npy inside: header and six floats
    std::string bytes = whole;
    bytes[place] = static_cast<char>(bytes[place] ^ 1 << place % 8);
    put_bytes(path, bytes);
    EXPECT_THROW(read_all(path), DataError) << place;
  }
}

TEST(Npz, DamagedArchivesGiveArraysOrADataErrorNeverACrash) {
  const TemporaryFolder folder;
  const std::string path = folder / "damaged.npz";
  write_sample(folder / "zip64.npz", {140, 2});
  std::mt19937 random(11);
  for (const std::string& source : {frozen("deflated.npz"), folder / "zip64.npz"}) {
    const std::string whole = read_file(source);
    for (int trial = 0; trial < 1500; ++trial) {
      std::string bytes = whole;
      for (int i = 0; i < 2; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
      put_bytes(path, bytes);
      try {
        read_all(path);
      } catch (const DataError& error) {
        EXPECT_NE(std::string(error.what()), "");
      }
    }
  }
}

}  // namespace
}  // namespace gmmvae
