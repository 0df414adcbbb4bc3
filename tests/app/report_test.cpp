// The verb report: the same page that run leaves, pictures as files, and folders that are not what they
// should be.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "host/io/dataset_file.hpp"
#include "host/io/npy.hpp"
#include "tests/app/small_run.hpp"
#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class ReportTest : public test::ProgramTest {
 protected:
  [[nodiscard]] std::string page(const std::string& name) const { return test::file_bytes(path(name)); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
};

TEST_F(ReportTest, MakesThePageThatRunMadeAndItsPictures) {
  ASSERT_EQ(run("run --out r" + test::kSmallRun).code, 0);
  const std::string first = page("r/report.html");
  fs::remove(path("r/report.html"));
  const json made = object("report r");
  EXPECT_EQ(page("r/report.html"), first);
  EXPECT_GE(made["pictures"].get<int>(), 25);
  EXPECT_THAT(first,
              HasSubstr("Here components = 3, samples = 150, hidden = 8, epochs = 12, seed = 3: this is "
                        "another experiment"));
  ASSERT_EQ(run("report r --threads 2 --out elsewhere.html").code, 0);
  EXPECT_EQ(page("elsewhere.html"), first);
  ASSERT_EQ(run("report r --format svg --out pictures").code, 0);
  std::size_t files = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(path("pictures"))) {
    ++files;
    const std::string svg = test::file_bytes(entry.path().string());
    EXPECT_THAT(svg, testing::StartsWith("<?xml"));
    EXPECT_THAT(svg, testing::EndsWith("</svg>\n"));
    EXPECT_THAT(svg, Not(HasSubstr(">nan")));
  }
  EXPECT_EQ(files, made["pictures"].get<std::size_t>());
  // A converter that fails is quoted in one sentence, and leaves nothing behind.
  fs::create_directory(path("bin"));
  write("bin/rsvg-convert", "#!/bin/sh\necho 'out of ink' >&2\necho more >&2\nexit 3\n");
  fs::permissions(path("bin/rsvg-convert"), fs::perms::owner_all);
  const test::Outcome failed = run("report r --format png --out p", "/dev/null", "PATH=../bin:bin:$PATH");
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, testing::MatchesRegex("[^\n]*rsvg-convert could not [^\n]*: out of ink\n"));
  EXPECT_TRUE(fs::is_empty(path("p")));
  const test::Outcome without = run("report r --format png --out p", "/dev/null", "PATH=/nowhere");
  EXPECT_EQ(without.code, 1);
  EXPECT_THAT(without.err, HasSubstr("librsvg2-bin"));
  EXPECT_TRUE(fs::is_empty(path("p")));
}

TEST_F(ReportTest, NamesAreTextAndPicturesParse) {
  ASSERT_EQ(
      run("run --out r --set 'model.<b>\"& \xC3\xBC\xF0\x9F\x98\x80'\\''.latent=1'" + test::kSmallRun).code,
      0);
  EXPECT_THAT(page("r/report.html"), HasSubstr("&lt;b&gt;&quot;&amp; \xC3\xBC\xF0\x9F\x98\x80&#39;"));
  EXPECT_THAT(page("r/report.html"), Not(HasSubstr("<b>\"")));
  // Columns of a file and names of its points, too.
  write("mine.csv",
        "\"a \"\"q\"\"\",<b>tag</b>,gr\xC3\xBCn & "
        "blau,kind\n1,2,3,<i>\n2,3,5,it's\n4,4,4,<i>\n5,2,1,it's\n3,1,2,<i>\n");
  ASSERT_EQ(run("run --data mine.csv --label kind --hidden 4 --epochs 2 --out own").code, 0);
  EXPECT_THAT(page("own/report.html"), HasSubstr("Density of &lt;b&gt;tag&lt;/b&gt;,"));
  EXPECT_THAT(page("own/report.html"), HasSubstr("data-axes=\"a &quot;q&quot;&#10;&lt;b&gt;tag"));
  EXPECT_THAT(page("own/report.html"), Not(HasSubstr("<b>tag")));
  if (shell("command -v rsvg-convert").code != 0) GTEST_SKIP() << "rsvg-convert is not here";
  // The converter stops at the first picture that is no XML, and with it the command.
  for (const std::string of : {"r", "own"}) {
    const json made = object("report " + of + " --format png --out p" + of);
    std::size_t files = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(path("p" + of))) {
      ++files;
      EXPECT_EQ(test::file_bytes(entry.path().string()).substr(1, 3), "PNG");
    }
    EXPECT_EQ(files, made["pictures"].get<std::size_t>());
  }
}

TEST_F(ReportTest, OfASweep) {
  ASSERT_EQ(run("sweep run beta=0.5,50 lr=0.001,1e9 hidden=8 epochs=6 samples=100 components=4 --out s").code,
            6);
  const json made = object("report s --metric elbo");
  const std::string text = page("s/report.html");
  ASSERT_EQ(run("sweep report s --metric elbo --out again.html").code, 0);
  EXPECT_EQ(page("again.html"), text);
  EXPECT_THAT(text, HasSubstr("4 trials: 2 done, 2 failed, 0 missing"));
  EXPECT_THAT(text, HasSubstr("What failed"));
  EXPECT_THAT(text, HasSubstr("The best"));
  EXPECT_GE(made["pictures"].get<int>(), 4);
}

TEST_F(ReportTest, OfASweepWithMoreMetrics) {
  ASSERT_EQ(
      run("sweep run lr=0.001,0.003,0.01 --metrics kl_data_model,precision hidden=8 epochs=4 samples=80 "
          "components=3 --out s")
          .code,
      0);
  ASSERT_EQ(run("report s --metric kl_data_model").code, 0);
  const std::string text = page("s/report.html");
  EXPECT_THAT(text, HasSubstr("By KL(data || model), nats per point;"));
  EXPECT_THAT(text, HasSubstr("<th>kl data model</th><th>precision</th>"));
  // Less is better: the first rank has the least of the table.
  ASSERT_EQ(run("sweep collect s --out all.csv").code, 0);
  LoadOptions options;
  options.columns = {"kl_data_model"};
  const Dataset all = load_dataset(path("all.csv"), options);
  float least = all.x(0, 0);
  for (const float value : all.x.values()) least = std::min(least, value);
  const std::size_t row = text.find("<tr><td>1</td>");
  EXPECT_THAT(text.substr(row, text.find("</tr>", row) - row),
              HasSubstr(fmt::format("<td>{:.5g}</td>", least)));
  EXPECT_THAT(refusal("report s --metric recall", 2), HasSubstr("without --metrics recall"));
  EXPECT_THAT(refusal("report s --metric recal", 2), HasSubstr("did you mean recall?"));
}

TEST_F(ReportTest, TheBestTrialsCommandsRepeatIt) {
  ASSERT_EQ(run("sweep run beta=0.5,2 seed=4,5 hidden=8 epochs=6 samples=100 components=4 --out s").code, 0);
  ASSERT_EQ(run("report s").code, 0);
  ASSERT_EQ(run("sweep collect s --out all.csv").code, 0);
  const std::string text = page("s/report.html");
  const std::size_t start = text.find("<pre>gmmvae generate") + 5;
  std::string commands = text.substr(start, text.find("</pre>", start) - start);
  EXPECT_THAT(commands, HasSubstr("--beta "));
  const test::Outcome again = shell(commands + " --json");
  ASSERT_EQ(again.code, 0) << again.err;
  const json trained = json::parse(again.out.substr(again.out.find('{')));
  // The very number of the table, as it stands there.
  EXPECT_THAT(page("all.csv"), HasSubstr("," + trained["loss"].dump() + ","));
}

TEST_F(ReportTest, AnyNumberOfColumns) {
  for (const std::string dim : {"1", "5", "20"}) {
    ASSERT_EQ(run("run --objective elbo --components 3 --samples 60 --hidden 8 --epochs 3 --dim " + dim +
                  " --latent " + (dim == "5" ? "4" : "1") + " --out d" + dim)
                  .code,
              0);
    EXPECT_LT(page("d" + dim + "/report.html").size(), std::size_t{2} << 20);
  }
  // Every picture that leaves columns out says so.
  const std::string one = page("d1/report.html"), five = page("d5/report.html"),
                    many = page("d20/report.html");
  EXPECT_THAT(one, HasSubstr("id=\"marginals\""));
  EXPECT_THAT(one, Not(HasSubstr("id=\"pairs\"")));
  EXPECT_THAT(one, Not(HasSubstr("The first")));
  EXPECT_THAT(five, HasSubstr("The first 3 of 5 columns. The same axes for all"));
  EXPECT_THAT(five, HasSubstr("Density of x5, decoder noise included"));
  EXPECT_THAT(five, HasSubstr("The first 4 of 5 columns"));
  EXPECT_THAT(five, HasSubstr("The first 3 of 10 pairs of columns"));
  EXPECT_THAT(five, HasSubstr("the two of 4 dimensions with the largest KL"));
  EXPECT_THAT(many, HasSubstr("The first 6 of 20 columns"));
  EXPECT_THAT(many, HasSubstr("The first 4 of 20 columns"));
}

TEST_F(ReportTest, MorePointsThanPicturesShow) {
  const std::string mixture = " --components 4 --seed 5 ";
  ASSERT_EQ(run("run --objective elbo --hidden 4 --epochs 2 --samples 100 --out r" + mixture).code, 0);
  // The same run, had it had more data, but for an embedding of nothing.
  ASSERT_EQ(run("generate --samples 100000 --out r/data.npz -q" + mixture).code, 0);
  ASSERT_EQ(run("encode --model r/elbo/model.safetensors --data r/data.npz --out r/elbo/latents.npz").code,
            0);
  write_npy(path("r/elbo/tsne.npy"), Matrix<float>(5000, 2));
  ASSERT_EQ(run("report r").code, 0);
  const std::string text = page("r/report.html");
  EXPECT_LT(text.size(), std::size_t{2} << 20);
  EXPECT_THAT(text, HasSubstr("100000 points in 3 dimensions"));
  EXPECT_THAT(text, HasSubstr("The data: 2000 of 100000 points, coloured by component"));
  EXPECT_THAT(text, HasSubstr("The data: 20000 of 100000 points"));  // in the view that turns
  EXPECT_THAT(text, HasSubstr("posterior means of 2000 of 100000 points"));
  EXPECT_THAT(text, HasSubstr("5000 posterior means of 100000"));
  const json pictures = object("report r --format svg --out p");
  std::uintmax_t largest = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(path("p")))
    largest = std::max(largest, entry.file_size());
  EXPECT_GE(pictures["pictures"].get<int>(), 15);
  EXPECT_LT(largest, std::uintmax_t{500000});
  EXPECT_EQ(run("export r --format npz --out e").code, 0);
}

TEST_F(ReportTest, MoreModelsThanPictures) {
  ASSERT_EQ(run("run --components 3 --samples 60 --hidden 4 --epochs 2 --out r --set model.m1.beta=1").code,
            0);
  // Ten of the kind, and one that somebody has yet to train.
  std::ofstream config(path("r/config.toml"), std::ios::app);
  for (int m = 2; m <= 11; ++m) {
    const std::string name = "m" + std::to_string(m);
    config << "\n[model." << name << "]\n";
    if (m <= 10) fs::copy(path("r/m1"), path("r/" + name));
  }
  config.close();
  ASSERT_EQ(run("report r").code, 0);
  const std::string text = page("r/report.html");
  EXPECT_LT(text.size(), std::size_t{2} << 20);
  EXPECT_THAT(text, HasSubstr("The 10 models kept "));
  EXPECT_THAT(text, HasSubstr("1 of 11 models did not come to its end."));
  EXPECT_THAT(text, HasSubstr("of the first 8 of 10 models"));
  EXPECT_THAT(text, HasSubstr("Samples of m8"));
  EXPECT_THAT(text, Not(HasSubstr("Samples of m9")));
  EXPECT_THAT(text, HasSubstr("<td>m10, decoder mean</td>"));
}

TEST_F(ReportTest, SaysWhatIsWrong) {
  // A model that diverged is named on the page, whoever makes it.
  ASSERT_EQ(run("run --out r --set model.elbo.lr=1e9" + test::kSmallRun).code, 5);
  const std::string first = page("r/report.html");
  EXPECT_THAT(first, HasSubstr("the loss of model elbo exploded"));
  ASSERT_EQ(run("report r").code, 0);
  EXPECT_EQ(page("r/report.html"), first);
  EXPECT_THAT(refusal("report", 2), HasSubstr("one folder"));
  EXPECT_THAT(refusal("report r --format pdf", 2), HasSubstr("svg"));
  EXPECT_THAT(refusal("report nowhere", 4), HasSubstr("nowhere"));
  fs::create_directory(path("empty"));
  EXPECT_THAT(refusal("report empty", 4), HasSubstr("neither a run"));
  EXPECT_THAT(refusal("report ''", 4), HasSubstr("'' is no folder"));
  EXPECT_THAT(refusal("report r --out no/such/folder.html", 4), HasSubstr("no/such"));
  // A page must not take the place of what it is made of, or of anything else.
  EXPECT_THAT(refusal("report r --out r/data.npz", 2), HasSubstr(".html"));
  EXPECT_THAT(refusal("report r --format svg --out r/data.npz", 4), HasSubstr("cannot be created"));
  EXPECT_THAT(refusal("report r --metric elbo", 2), HasSubstr("report of a sweep"));
  for (const std::string damaged : {"{\"modes\": {\"captured\": \"many\"}}", "{\"modes\": ", "[]"}) {
    write("r/course/metrics.json", damaged);
    EXPECT_THAT(refusal("report r", 4), HasSubstr("metrics.json"));
  }
  EXPECT_EQ(page("r/report.html"), first);
}

TEST_F(ReportTest, FilesOfAnotherRunAreNamed) {
  ASSERT_EQ(run("run --objective elbo --out r" + test::kSmallRun).code, 0);
  ASSERT_EQ(
      run("run --objective elbo --dim 2 --samples 90 --components 3 --hidden 8 --epochs 2 --out s").code, 0);
  for (const std::string name : {"model.safetensors", "samples.npy", "latents.npz", "tsne.npy"}) {
    fs::copy_file(path("r/elbo/" + name), path("kept"));
    fs::copy_file(path("s/elbo/" + name), path("r/elbo/" + name), fs::copy_options::overwrite_existing);
    EXPECT_THAT(refusal("report r", 4), HasSubstr("r/elbo/" + name + " does not belong to this run"));
    fs::copy_file(path("kept"), path("r/elbo/" + name), fs::copy_options::overwrite_existing);
    fs::remove(path("kept"));
  }
  for (const std::string name : {"model.safetensors", "history.csv", "latents.npz", "tsne.json"}) {
    const std::string whole = page("r/elbo/" + name);
    write("r/elbo/" + name, whole.substr(0, whole.size() / 3));  // a copy that was cut off
    EXPECT_THAT(refusal("report r", 4), HasSubstr("r/elbo/" + name));
    write("r/elbo/" + name, whole);
  }
}

}  // namespace
}  // namespace gmmvae
