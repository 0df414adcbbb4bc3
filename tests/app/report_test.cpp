// The verb report: the same page that run leaves, pictures as files, and folders that are not what they
// should be.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kSmall = " --components 3 --samples 150 --hidden 8 --epochs 12 --seed 3 ";

class ReportTest : public test::ProgramTest {
 protected:
  [[nodiscard]] std::string page(const std::string& name) const { return test::file_bytes(path(name)); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
};

TEST_F(ReportTest, MakesThePageThatRunMadeAndItsPictures) {
  ASSERT_EQ(run("run --out r" + kSmall).code, 0);
  const std::string first = page("r/report.html");
  fs::remove(path("r/report.html"));
  const json made = object("report r");
  EXPECT_EQ(page("r/report.html"), first);
  EXPECT_GE(made["pictures"].get<int>(), 25);
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
  const test::Outcome without = run("report r --format png --out p", "/dev/null", "PATH=/nowhere");
  EXPECT_EQ(without.code, 1);
  EXPECT_THAT(without.err, HasSubstr("librsvg2-bin"));
  EXPECT_TRUE(fs::is_empty(path("p")));
}

TEST_F(ReportTest, NamesAreTextAndPicturesParse) {
  ASSERT_EQ(run("run --out r --set 'model.<b>\"& \xC3\xBC\xF0\x9F\x98\x80'\\''.latent=1'" + kSmall).code, 0);
  EXPECT_THAT(page("r/report.html"), HasSubstr("&lt;b&gt;&quot;&amp; \xC3\xBC\xF0\x9F\x98\x80&#39;"));
  EXPECT_THAT(page("r/report.html"), Not(HasSubstr("<b>\"")));
  if (shell("command -v rsvg-convert").code != 0) GTEST_SKIP() << "rsvg-convert is not here";
  // The converter stops at the first picture that is no XML, and with it the command.
  const json made = object("report r --format png --out p");
  std::size_t files = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(path("p"))) {
    ++files;
    EXPECT_EQ(test::file_bytes(entry.path().string()).substr(1, 3), "PNG");
  }
  EXPECT_EQ(files, made["pictures"].get<std::size_t>());
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

TEST_F(ReportTest, OneColumnOrTwenty) {
  for (const std::string dim : {"1", "20"}) {
    ASSERT_EQ(run("run --objective elbo --components 3 --samples 60 --hidden 8 --epochs 3 --dim " + dim +
                  " --latent " + (dim == "1" ? "1" : "3") + " --out d" + dim)
                  .code,
              0);
    EXPECT_THAT(page("d" + dim + "/report.html"), HasSubstr("id=\"marginals\"")) << dim;
    EXPECT_LT(page("d" + dim + "/report.html").size(), std::size_t{2} << 20);
  }
  EXPECT_THAT(page("d20/report.html"), HasSubstr("The first 4 of 20 columns"));
  EXPECT_THAT(page("d1/report.html"), Not(HasSubstr("id=\"pairs\"")));
}

TEST_F(ReportTest, SaysWhatIsWrong) {
  // A model that diverged is named on the page, whoever makes it.
  ASSERT_EQ(run("run --out r --set model.elbo.lr=1e9" + kSmall).code, 5);
  const std::string first = page("r/report.html");
  EXPECT_THAT(first, HasSubstr("the loss of model elbo exploded"));
  ASSERT_EQ(run("report r").code, 0);
  EXPECT_EQ(page("r/report.html"), first);
  EXPECT_THAT(refusal("report", 2), HasSubstr("one folder"));
  EXPECT_THAT(refusal("report r --format pdf", 2), HasSubstr("svg"));
  EXPECT_THAT(refusal("report nowhere", 4), HasSubstr("nowhere"));
  fs::create_directory(path("empty"));
  EXPECT_THAT(refusal("report empty", 4), HasSubstr("neither a run"));
  EXPECT_THAT(refusal("report r --out no/such/folder.html", 4), HasSubstr("no/such"));
  for (const std::string damaged : {"{\"modes\": {\"captured\": \"many\"}}", "{\"modes\": ", "[]"}) {
    write("r/course/metrics.json", damaged);
    EXPECT_THAT(refusal("report r", 4), HasSubstr("metrics.json"));
  }
  EXPECT_EQ(page("r/report.html"), first);
}

}  // namespace
}  // namespace gmmvae
