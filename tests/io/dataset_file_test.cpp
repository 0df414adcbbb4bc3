#include "host/io/dataset_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "gmmvae/error.hpp"
#include "host/io/input_file.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "tests/io/files.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;
using test::frozen;
using test::put_bytes;
using test::TemporaryFolder;

Mixture sample_mixture() {
  return {{0.25, 0.75},
          Matrix<double>(2, 2, std::vector<double>{0.1, -1.0 / 3.0, 2, 3}),
          {Matrix<double>(2, 2, std::vector<double>{1, 0, 0, 1}),
           Matrix<double>(2, 2, std::vector<double>{2, 0.5, 0.5, 1})}};
}

Dataset sample_dataset() {
  Dataset dataset;
  dataset.x = Matrix<float>(3, 2, std::vector<float>{0.1F, 2, -3, 4e-20F, 5, 6});
  dataset.labels = {1, 0, 1};
  dataset.mixture = sample_mixture();
  return dataset;
}

void expect_mixture(const std::optional<Mixture>& mixture) {
  ASSERT_TRUE(mixture.has_value());
  EXPECT_EQ(mixture->weights(), sample_mixture().weights());
  EXPECT_EQ(mixture->means(), sample_mixture().means());
  EXPECT_EQ(mixture->covariances(), sample_mixture().covariances());
}

TEST(DatasetFile, EveryFormatKeepsThePointsAndTheTruth) {
  const TemporaryFolder folder;
  const Dataset saved = sample_dataset();
  for (const char* name : {"d.npz", "d.csv", "d.npy"}) {
    save_dataset(folder / name, saved);
    const Dataset loaded = load_dataset(folder / name);
    EXPECT_EQ(loaded.x, saved.x) << name;
    EXPECT_EQ(loaded.labels, std::string(name) == "d.npy" ? std::vector<std::int32_t>() : saved.labels)
        << name;
    expect_mixture(loaded.mixture);
  }
  EXPECT_EQ(read_file(folder / "d.csv"), "x1,x2,label\n0.1,2,1\n-3,4e-20,0\n5,6,1\n");
  EXPECT_TRUE(std::filesystem::exists(folder / "d.csv.mixture.toml"));
  EXPECT_TRUE(std::filesystem::exists(folder / "d.npy.mixture.toml"));
}

TEST(DatasetFile, NpzHasTheArraysOfTheContract) {
  const TemporaryFolder folder;
  save_dataset(folder / "d.npz", sample_dataset());
  const NpzReader reader(folder / "d.npz");
  EXPECT_EQ(reader.keys(), (std::vector<std::string>{"x", "label", "means", "covariances", "weights"}));
  EXPECT_EQ(reader.read("x").shape, (std::vector<std::size_t>{3, 2}));
  EXPECT_EQ(reader.read("label"), make_array<std::int32_t>({3}, {1, 0, 1}));
  EXPECT_EQ(reader.read("covariances"), make_array<double>({2, 2, 2}, {1, 0, 0, 1, 2, 0.5, 0.5, 1}));
}

TEST(DatasetFile, ReadsWhatNumpyWrites) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const Dataset dataset = load_dataset(frozen(name));
    EXPECT_EQ(dataset.x, read_npy_points(frozen("le_f4.npy")));
    EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{0, 1, 1, 0}));
    ASSERT_TRUE(dataset.mixture.has_value());
    EXPECT_EQ(dataset.mixture->covariances()[1](2, 2), 0.5);
  }
}

TEST(DatasetFile, KeysAndLabelsByName) {
  EXPECT_EQ(error_message<DataError>([] { load_dataset(frozen("other_keys.npz")); }),
            frozen("other_keys.npz") + " has no array x; choose another with --key: points, target");
  LoadOptions options;
  options.key = "points";
  options.label = "target";
  const Dataset dataset = load_dataset(frozen("other_keys.npz"), options);
  EXPECT_EQ(dataset.x, read_npy_points(frozen("le_f8.npy")));
  EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{2, 2, 7, 7}));
  // Another array than x is not what the mixture describes.
  options = {};
  options.key = "means";
  EXPECT_EQ(error_message<DataError>([&] { load_dataset(frozen("stored.npz"), options); }),
            frozen("stored.npz") + ", array label has the shape (4,); the labels of 2 points need (2,)");
  options.key = "points";
  EXPECT_NE(
      error_message<DataError>([&] { load_dataset(frozen("stored.npz"), options); }).find("it has x, label,"),
      std::string::npos);
}

TEST(DatasetFile, RefusesArraysThatSinglePrecisionLoses) {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& name) {
    return error_message<DataError>([&] { load_dataset(folder / name); });
  };
  const std::string lost =
      ": column 2 varies by 3.5 around 1e+09, where single precision only knows steps of 64: subtract an "
      "offset "
      "from it or scale it first";
  const std::vector<double> seconds = {1, 1000000001, 2, 1000000004.5};
  write_npy<double>(folder / "x.npy", {2, 2}, seconds);
  EXPECT_EQ(refusal("x.npy"), (folder / "x.npy") + lost);
  NpzWriter writer(folder / "x.npz");
  writer.add<double>("x", {2, 2}, seconds);
  writer.commit();
  EXPECT_EQ(refusal("x.npz"), (folder / "x.npz") + ", array x" + lost);
  write_npy(folder / "i.npy", make_array<std::int64_t>({2, 1}, {1000000001, 1000000004}));
  EXPECT_NE(refusal("i.npy").find("column 1 varies by 3 around 1e+09"), std::string::npos);
  // What is kept exactly, or well enough, is taken.
  write_npy<double>(folder / "kept.npy", {2, 2}, std::vector<double>{1e9, 1000001, 1e9 + 64, 1000004.03});
  EXPECT_EQ(load_dataset(folder / "kept.npy").x(1, 0), 1000000064.0F);
  write_npy<double>(folder / "constant.npy", {2, 1}, std::vector<double>{0.1, 0.1 + 1e-16});
  EXPECT_EQ(load_dataset(folder / "constant.npy").x(1, 0), 0.1F);
}

TEST(DatasetFile, ASpreadsheetIsNoArchiveOfArrays) {
  const TemporaryFolder folder;
  NpzWriter writer(folder / "table.xlsx");
  writer.add("[Content_Types].xml", std::vector<std::int32_t>{1});
  writer.commit();
  EXPECT_EQ(error_message<DataError>([&] { load_dataset(folder / "table.xlsx"); }),
            (folder / "table.xlsx") + " is a document of an office program: save its table as CSV");
}

TEST(DatasetFile, OptionsWithoutUseAreRefused) {
  LoadOptions options;
  options.columns = {"x1"};
  EXPECT_EQ(error_message<UsageError>([&] { load_dataset(frozen("le_f4.npy"), options); }),
            "--columns is for a CSV file, and " + frozen("le_f4.npy") + " is not one");
  options = {};
  options.key = "x";
  EXPECT_THROW(load_dataset(frozen("le_f4.npy"), options), UsageError);
  options = {};
  options.label = "label";
  EXPECT_THROW(load_dataset(frozen("le_f4.npy"), options), UsageError);
  options = {};
  options.delimiter = ';';
  EXPECT_THROW(load_dataset(frozen("stored.npz"), options), UsageError);
}

TEST(DatasetFile, OtherNamesAreToldByTheirBytes) {
  const TemporaryFolder folder;
  for (const char* name : {"stored.npz", "le_f4.npy"}) {
    std::filesystem::copy_file(frozen(name), folder / "data.bin",
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(load_dataset(folder / "data.bin").x, read_npy_points(frozen("le_f4.npy")));
  }
  put_bytes(folder / "data.bin", "a,b\n1,2\n");
  EXPECT_EQ(load_dataset(folder / "data.bin").x.values(), (std::vector<float>{1, 2}));
  // A promise in the name is held to.
  put_bytes(folder / "csv.npz", "a,b\n1,2\n");
  EXPECT_EQ(error_message<DataError>([&] { load_dataset(folder / "csv.npz"); }),
            (folder / "csv.npz") + " is not a .npz file: it is no zip archive");
}

/// What load_dataset("-") makes of these bytes on standard input.
Dataset load_from_pipe(const std::string& bytes) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  EXPECT_EQ(::write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  ::close(ends[1]);
  const int standard_input = ::dup(STDIN_FILENO);
  ::dup2(ends[0], STDIN_FILENO);
  ::close(ends[0]);
  Dataset dataset = load_dataset("-");
  ::dup2(standard_input, STDIN_FILENO);
  ::close(standard_input);
  return dataset;
}

TEST(DatasetFile, StandardInputInEveryFormat) {
  const Matrix<float> expected = read_npy_points(frozen("le_f4.npy"));
  EXPECT_EQ(load_from_pipe(read_file(frozen("deflated.npz"))).x, expected);
  EXPECT_EQ(load_from_pipe(read_file(frozen("be_f8_fortran.npy"))).x, expected);
  EXPECT_EQ(load_from_pipe("a,b\n1,2\n").x.values(), (std::vector<float>{1, 2}));
}

TEST(DatasetFile, ThePointsAndTheirMixtureMustFit) {
  const TemporaryFolder folder;
  Dataset dataset = sample_dataset();
  save_dataset(folder / "d.csv", dataset);
  put_bytes(folder / "d.csv", "a,b,c\n1,2,3\n");
  EXPECT_EQ(error_message<DataError>([&] { load_dataset(folder / "d.csv"); }),
            (folder / "d.csv") + ": the points have 3 dimensions and their mixture has 2");
  LoadOptions options;
  options.columns = {"a", "b"};
  EXPECT_FALSE(load_dataset(folder / "d.csv", options).mixture.has_value());

  NpzWriter writer(folder / "bad.npz");
  writer.add<float>("x", dataset.x);
  writer.add<double>("means", {1, 2}, std::vector<double>{0, 0});
  writer.add<double>("covariances", {1, 2, 3}, std::vector<double>(6, 1.0));
  writer.add<double>("weights", std::vector<double>{1});
  writer.commit();
  EXPECT_EQ(
      error_message<DataError>([&] { load_dataset(folder / "bad.npz"); }),
      (folder / "bad.npz") + ": means (1, 2), covariances (1, 2, 3) and weights (1,) do not fit together");
}

TEST(DatasetFile, AMixtureThatIsNoneNamesTheFile) {
  const TemporaryFolder folder;
  NpzWriter writer(folder / "bad.npz");
  writer.add<float>("x", {1, 1}, std::vector<float>{0});
  writer.add<double>("means", {1, 1}, std::vector<double>{0});
  writer.add<double>("covariances", {1, 1, 1}, std::vector<double>{-1});
  writer.add<double>("weights", std::vector<double>{1});
  writer.commit();
  const std::string message = error_message<DataError>([&] { load_dataset(folder / "bad.npz"); });
  EXPECT_EQ(message.substr(0, (folder / "bad.npz").size()), folder / "bad.npz");
}

TEST(DatasetFile, NewPointsDoNotInheritAnOldMixture) {
  const TemporaryFolder folder;
  save_dataset(folder / "d.csv", sample_dataset());
  save_points(folder / "d.csv", sample_dataset().x);
  const Dataset loaded = load_dataset(folder / "d.csv");
  EXPECT_EQ(loaded.x, sample_dataset().x);
  EXPECT_FALSE(loaded.mixture.has_value());
  EXPECT_EQ(folder.count(), 1U);
}

TEST(DatasetFile, TextLabelsAreWrittenAsText) {
  const TemporaryFolder folder;
  put_bytes(folder / "in.csv", "a,label\n1,red\n2,\"dark, blue\"\n3,red\n");
  save_dataset(folder / "out.csv", load_dataset(folder / "in.csv"));
  EXPECT_EQ(read_file(folder / "out.csv"), read_file(folder / "in.csv"));
}

TEST(DatasetFile, OtherEndingsCannotBeWritten) {
  EXPECT_EQ(error_message<UsageError>([] { save_points("points.xlsx", sample_dataset().x); }),
            "cannot write points.xlsx: the name must end in .npz, .npy or .csv");
}

}  // namespace
}  // namespace gmmvae
