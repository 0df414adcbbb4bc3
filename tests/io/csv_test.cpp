#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gmmvae/error.hpp"
#include "host/io/csv_dataset.hpp"
#include "host/io/csv_reader.hpp"
#include "host/io/csv_writer.hpp"
#include "host/io/history_csv.hpp"
#include "tests/io/files.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;
using test::put_bytes;
using test::TemporaryFolder;

Dataset load(const std::string& text, const LoadOptions& options = {}) {
  const TemporaryFolder folder;
  put_bytes(folder / "data.csv", text);
  const InputFile file(folder / "data.csv");
  return read_csv_dataset(file, options);
}

/// The message behind the file's name.
std::string refusal(const std::string& text, const LoadOptions& options = {}) {
  const TemporaryFolder folder;
  const std::string path = folder / "data.csv";
  put_bytes(path, text);
  const InputFile file(path);
  const std::string message = error_message<DataError>([&] { read_csv_dataset(file, options); });
  EXPECT_EQ(message.substr(0, path.size()), path);
  return message.substr(std::min(path.size(), message.size()));
}

const Matrix<float> kTwoByTwo(2, 2, std::vector<float>{1, 2, 3, 4.5});

TEST(CsvDataset, HeaderOrNone) {
  const Dataset with = load("a,b\n1,2\n3,4.5\n");
  EXPECT_EQ(with.x, kTwoByTwo);
  EXPECT_EQ(with.column_names, (std::vector<std::string>{"a", "b"}));
  const Dataset without = load("1,2\n3,4.5\n");
  EXPECT_EQ(without.x, kTwoByTwo);
  EXPECT_TRUE(without.column_names.empty());
  EXPECT_TRUE(without.labels.empty());
}

TEST(CsvDataset, LineEndsByteOrderMarkBlanksAndQuotes) {
  EXPECT_EQ(load("a,b\r\n1,2\r\n3,4.5").x, kTwoByTwo);
  EXPECT_EQ(load("\xef\xbb\xbf"
                 "a,b\n1,2\n3,4.5\r\n")
                .column_names[0],
            "a");
  EXPECT_EQ(load("a,b\n\n 1 ,\t2\n\r\n+3,45e-1\n\n").x, kTwoByTwo);
  const Dataset quoted = load("\"a, \"\"first\"\"\",\"line\nbreak\"\n\"1\",2\n3,\"4.5\"\n");
  EXPECT_EQ(quoted.x, kTwoByTwo);
  EXPECT_EQ(quoted.column_names, (std::vector<std::string>{"a, \"first\"", "line\nbreak"}));
}

TEST(CsvDataset, Delimiters) {
  EXPECT_EQ(load("a;b\n1;2\n3;4.5\n").x, kTwoByTwo);
  EXPECT_EQ(load("a\tb\n1\t2\n3\t4.5\n").x, kTwoByTwo);
  LoadOptions options;
  options.delimiter = '|';
  EXPECT_EQ(load("a|b\n1|2\n3|4.5\n", options).x, kTwoByTwo);
}

TEST(CsvDataset, BlanksSeparateNumbers) {
  EXPECT_EQ(load("1 2\n3 4.5\n").x, kTwoByTwo);  // numpy.savetxt
  EXPECT_EQ(load("  1.0e+00   2\r\n   3  4.5 \r\n").x, kTwoByTwo);
  LoadOptions options;
  options.delimiter = ' ';
  const Dataset named = load("a  b label\n1 2 x\n3 4.5  \"y z\"\n", options);
  EXPECT_EQ(named.x, kTwoByTwo);
  EXPECT_EQ(named.label_names, (std::vector<std::string>{"x", "y z"}));
  EXPECT_EQ(load("body mass\n1\n2\n").column_names, (std::vector<std::string>{"body mass"}));
}

TEST(CsvDataset, LabelsAreIntegersOrText) {
  const Dataset integers = load("a,b,label\n1,2,7\n3,4.5,-1.0\n");
  EXPECT_EQ(integers.x, kTwoByTwo);
  EXPECT_EQ(integers.labels, (std::vector<std::int32_t>{7, -1}));
  EXPECT_TRUE(integers.label_names.empty());

  LoadOptions options;
  options.label = "species";
  const Dataset text = load("species,a\nsetosa,1\nvirginica,2\nsetosa,3\n7,4\n", options);
  EXPECT_EQ(text.x.values(), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(text.labels, (std::vector<std::int32_t>{0, 1, 0, 2}));
  EXPECT_EQ(text.label_names, (std::vector<std::string>{"setosa", "virginica", "7"}));
}

TEST(CsvDataset, ColumnsAreChosenInTheOrderAskedFor) {
  LoadOptions options;
  options.columns = {"c", "a"};
  const Dataset dataset = load("a,b,c,label\n1,x,2,0\n3,y,4,1\n", options);
  EXPECT_EQ(dataset.x.values(), (std::vector<float>{2, 1, 4, 3}));
  EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{0, 1}));
  options.columns = {"label"};  // the label column itself may be data
  EXPECT_TRUE(load("a,label\n1,2\n", options).labels.empty());
  options.columns = {"a", "a"};
  EXPECT_THROW(load("a,b\n1,2\n", options), UsageError);
}

TEST(CsvDataset, NonNumericColumnsNameTheColumnsThatWork) {
  EXPECT_EQ(refusal("a,city,b,kind\n1,Paris,2,u\n3,Rome,4,v\n"),
            ": column 'city' is not numeric, it has 'Paris' in row 1 (line 2); use --columns a,b");
  // The text may come late, and in more than one column.
  EXPECT_EQ(refusal("a,b,c,label\n1,2,3,0\n1,2,x,0\n1,y,3,0\n"),
            ": column 'c' is not numeric, it has 'x' in row 2 (line 3); use --columns a");
  EXPECT_EQ(refusal("1,2,setosa\n3,4,virginica\n"),
            ": column 'x3' is not numeric, it has 'setosa' in row 1 (line 1); use --columns x1,x2");
  EXPECT_EQ(refusal("a\nx\n"), ": column 'a' is not numeric, it has 'x' in row 1 (line 2)");
  EXPECT_EQ(refusal(",a,b\n0,1,2\n1,3,4\n"),
            ": the first column has no name, as an index that pandas wrote; use --columns a,b");
  // Columns without names have numbers for theirs.
  EXPECT_EQ(refusal(",0,1\n0,1.5,2\n1,3,4\n"),
            ": the first column has no name, as an index that pandas wrote; use --columns 0,1");
  LoadOptions options;
  options.columns = {"0", "1"};
  EXPECT_EQ(load(",0,1\n0,1,2\n1,3,4.5\n", options).x, kTwoByTwo);
}

TEST(CsvDataset, AFirstLineThatCountsColumnsIsNoPoint) {
  EXPECT_NE(refusal("0,1,2\n1.5,2,3\n4,5,6\n").find("the first line counts the columns from 0"),
            std::string::npos);
  // Among whole numbers it may well be a point, and so may 0,1.
  EXPECT_EQ(load("0,1,2\n3,4,5\n").x.rows(), 2U);
  EXPECT_EQ(load("0,1\n2.5,3\n").x.rows(), 2U);
  EXPECT_EQ(load("0.0,1,2\n3.5,4,5\n").x.rows(), 2U);
}

TEST(CsvDataset, NamesWhatIsNoTextOfNumbers) {
  using namespace std::string_literals;
  EXPECT_EQ(refusal("\xff\xfe"
                    "a\0,\0b\0\n\0"s),
            " is text in UTF-16: save it as UTF-8");
  EXPECT_EQ(refusal("\x1f\x8b\x08\0\0\0\0\0"s),
            " is compressed: unpack it first, as zcat FILE | gmmvae ... --data - does");
  EXPECT_EQ(refusal("PAR1\x15\0\x15"s), " is no text: points are read from .npz, .npy and CSV");
  EXPECT_EQ(refusal("a;b\n1,5;2\n"),
            ": column 'a' is not numeric, it has '1,5' in row 1 (line 2): decimals need a point");
  EXPECT_EQ(refusal("\xfe\xff"
                    "\0a\0,\0b\0\n"s),
            " is text in UTF-16: save it as UTF-8");
}

/// Near 1e9 single precision knows multiples of 64 alone, near 1e6 of 1/16.
TEST(CsvDataset, RefusesColumnsThatSinglePrecisionLoses) {
  EXPECT_EQ(
      refusal("t,a\n1000000001,1\n1000000004.5,2\n"),
      ": column 't' varies by 3.5 around 1e+09, where single precision only knows steps of 64: subtract an "
      "offset from it or scale it first");
  EXPECT_EQ(load("t,a\n1000001,1\n1000004.03,2\n").x(1, 0), 1000004.03F);
  EXPECT_EQ(load("t,a\n1000000000,1\n1000000064,2\n").x(1, 0), 1000000064.0F);  // nothing is lost
  EXPECT_EQ(load("t,a\n0.1,1\n0.1,2\n").x(1, 0), 0.1F);  // a constant has nothing to lose
  LoadOptions options;
  options.columns = {"a"};
  EXPECT_EQ(load("t,a\n1000000001,1\n1000000004.5,2\n", options).x.cols(), 1U);
}

TEST(CsvDataset, BadCellsHaveARowAndAColumn) {
  EXPECT_EQ(refusal("a,b\n1,2\n3,\n"),
            ": row 2 (line 3), column 'b' is empty; use --columns a or remove such rows");
  EXPECT_EQ(refusal("a,b\n1,2\nNA,1\n"),
            ": row 2 (line 3), column 'a' has no number but NA; use --columns b or remove such rows");
  EXPECT_EQ(refusal("a,b,c,d\n1,nan,2,\n"),
            ": row 1 (line 2), column 'b' is NaN; use --columns a,c or remove such rows");
  EXPECT_EQ(refusal("a,b,\n1,2,\n"),  // a comma too many in every line
            ": row 1 (line 2), column '' is empty; use --columns a,b or remove such rows");
  EXPECT_EQ(refusal("a\n1\n.\n"), ": column 'a' is not numeric, it has '.' in row 2 (line 3)");
  EXPECT_EQ(refusal("a,b\n,\n"), ": row 1 (line 2), column 'a' is empty; fill in or remove such rows");
  EXPECT_EQ(refusal("a,b\n1,-inf\n"), ": row 1 (line 2), column 'b' is beyond single precision");
  EXPECT_EQ(refusal("1,2\n3,1e39\n"), ": row 2 (line 2), column 'x2' is beyond single precision");
  EXPECT_EQ(refusal("a,b\n1,1e999\n"), ": row 1 (line 2), column 'b' is beyond single precision");
  EXPECT_EQ(refusal("a,\"b\nc\"\n1,2\n\n1,NaN\n"),
            ": row 2 (line 5), column 'b?c' is NaN; use --columns a or remove such rows");
  EXPECT_EQ(refusal("a,label\n1,x\n2,\n"), ": row 2 (line 3), column 'label' is empty");
  EXPECT_EQ(load("a\n1e-60\n-1e-999\n1e-40\n").x.values(), (std::vector<float>{0, 0, 1e-40F}));
}

TEST(CsvDataset, BadShapesAreRefused) {
  EXPECT_EQ(refusal(""), " is empty");
  EXPECT_EQ(refusal("\n\n"), " is empty");
  EXPECT_EQ(refusal("a,b\n"), " has a header and no rows");
  EXPECT_EQ(refusal("a,b\n1,2\n\n1\n"), ", line 4: 1 fields where the first line has 2");
  EXPECT_EQ(refusal("a,b\n1,2,\n"), ", line 2: 3 fields where the first line has 2");
  EXPECT_EQ(refusal("a,b\n1,\"2\n3,4\n"), ", line 2: a quote is not closed");
  EXPECT_EQ(refusal("a,b\n1,\"2\"3\n"), ", line 2: there is text behind a closing quote");
  EXPECT_EQ(refusal("label\n1\n"), " has no column but its labels");
  LoadOptions options;
  options.columns = {"hight"};
  EXPECT_EQ(refusal("height,width\n1,2\n", options),
            " has no column 'hight'; it has height, width (did you mean height?)");
  options.columns.clear();
  options.label = "class";
  EXPECT_EQ(refusal("a,b\n1,2\n", options), " has no column 'class'; it has a, b");
}

TEST(CsvDataset, RecordsMayCrossTheReadersBlocks) {
  // Three blocks of a megabyte, with quoted cells and line breaks everywhere.
  std::string text = "a,b\n";
  std::vector<float> expected;
  for (int i = 0; i < 200000; ++i) {
    text += i % 7 == 0 ? fmt::format("\"{}\",{}\r\n", i, i + 0.5) : fmt::format("{},{}\n", i, i + 0.5);
    expected.push_back(static_cast<float>(i));
    expected.push_back(static_cast<float>(i) + 0.5F);
  }
  ASSERT_GT(text.size(), 2U << 20);
  EXPECT_EQ(load(text).x.values(), expected);
}

TEST(CsvWriter, EveryFloatReadsBackTheSame) {
  const TemporaryFolder folder;
  const std::vector<float> values = {0.1F,
                                     -0.0F,
                                     1.0F / 3.0F,
                                     std::numeric_limits<float>::max(),
                                     std::numeric_limits<float>::denorm_min(),
                                     16777217.0F,
                                     1e-7F};
  CsvWriter csv(folder / "v.csv");
  csv.cell("v");
  csv.end_row();
  for (const float value : values) {
    csv.cell(value);
    csv.end_row();
  }
  csv.commit();
  const InputFile file(folder / "v.csv");
  const std::vector<float> read = read_csv_dataset(file, {}).x.values();
  ASSERT_EQ(read.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(read[i], values[i]);
    EXPECT_EQ(std::signbit(read[i]), std::signbit(values[i]));
  }
}

TEST(CsvWriter, QuotesWhatNeedsItAndLeavesNanEmpty) {
  const TemporaryFolder folder;
  CsvWriter csv(folder / "q.csv");
  csv.cell("a,b");
  csv.cell("say \"x\"");
  csv.cell(std::numeric_limits<double>::quiet_NaN());
  csv.cell(0.1);
  csv.cell(std::size_t{7});
  csv.end_row();
  csv.commit();
  EXPECT_EQ(read_file(folder / "q.csv"), "\"a,b\",\"say \"\"x\"\"\",,0.1,7\n");
}

TEST(HistoryCsv, HasTheColumnsOfTheContract) {
  const TemporaryFolder folder;
  TrainingState state;
  state.history = History(2);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  state.history.append(std::vector<double>{0.5, 0.25, 0.125, 0.1, 0.025, 0.01, -3.5, nan, 1e-9});
  state.history.append(std::vector<double>{0.25, 0.2, 0.05, 0.05, 0, 0.01, -3, -3.25, 2});
  write_history_csv(folder / "one.csv", std::vector{state});
  EXPECT_EQ(read_file(folder / "one.csv"),
            "epoch,loss,reconstruction,kl,kl_1,kl_2,decoder_variance,elbo,elbo_validation,grad_norm\n"
            "1,0.5,0.25,0.125,0.1,0.025,0.01,-3.5,,1e-09\n"
            "2,0.25,0.2,0.05,0.05,0,0.01,-3,-3.25,2\n");
  write_history_csv(folder / "two.csv", std::vector{state, state});
  const std::string two = read_file(folder / "two.csv");
  EXPECT_EQ(two.substr(0, 17), "model,epoch,loss,");
  EXPECT_NE(two.find("\n0,2,0.25,0.2,"), std::string::npos);
  EXPECT_NE(two.find("\n1,1,0.5,0.25,"), std::string::npos);
  EXPECT_THROW(write_history_csv(folder / "none.csv", {}), UsageError);
}

}  // namespace
}  // namespace gmmvae
