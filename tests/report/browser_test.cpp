// Reports in a real browser: what is there, what is drawn, what moves, and what is left without scripts.
#include "tests/report/browser.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

/// A checksum and the number of different colours of the first canvas' pixels.
const std::string kPixels = R"((() => {
  const canvas = document.querySelector('figure.space canvas'), copy = document.createElement('canvas');
  copy.width = canvas.width; copy.height = canvas.height;
  const context = copy.getContext('2d');
  context.drawImage(canvas, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer);
  let sum = 0;
  for (let i = 0; i < pixels.length; ++i) sum = (sum * 31 + pixels[i]) >>> 0;
  return [sum, new Set(pixels).size];
})())";

/// Texts of one column of the table of trials.
std::string column(int index) {
  return "[...document.querySelectorAll('table.sortable tbody tr')].map(r => r.cells[" +
         std::to_string(index) + "].textContent)";
}

/// Text in a picture that hangs over its edge or over another text of the same picture.
const std::string kOverlaps = R"((() => {
  const bad = [];
  for (const svg of document.querySelectorAll('section svg')) {
    const frame = svg.getBoundingClientRect();
    if (!frame.width) continue;
    const texts = [...svg.querySelectorAll('text:not(.halo)')].map(t => [t.getBoundingClientRect(), t.textContent]);
    texts.forEach(([a, name], i) => {
      if (a.left < frame.left - 3 || a.right > frame.right + 3 || a.bottom > frame.bottom + 3)
        bad.push(svg.getAttribute('aria-label') + ': ' + name + ' leaves the picture');
      texts.slice(0, i).forEach(([b, other]) => {
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
          bad.push(svg.getAttribute('aria-label') + ': ' + name + ' over ' + other);
      });
    });
  }
  return bad;
})())";

class BrowserTest : public test::ProgramTest {
 protected:
  void SetUp() override {
    if (test::Browser::program().empty()) GTEST_SKIP() << "chromium is not here";
  }

  static void expect_sections(test::Browser& browser, const Texts& ids) {
    for (const std::string& id : ids)
      EXPECT_TRUE(
          browser.evaluate("document.getElementById('" + id + "').getBoundingClientRect().height > 60")
              .get<bool>())
          << id;
  }

  void check_run_page(test::Browser& browser, const std::string& page) const {
    browser.open(page);
    expect_sections(browser, {"published", "prediction", "space", "modes", "marginals", "pairs", "density",
                              "nats", "distances", "training", "latents", "tsne", "clusters", "settings"});
    EXPECT_EQ(browser.evaluate(kOverlaps).get<Texts>(), Texts());
    EXPECT_FALSE(browser.evaluate("document.documentElement.scrollWidth > innerWidth").get<bool>());
    ASSERT_EQ(browser.evaluate("document.querySelectorAll('figure.space.live').length"), 3) << "no WebGL";
    const json before = browser.evaluate(kPixels);
    EXPECT_GT(before[1].get<int>(), 3);  // paper, box and at least the components
    browser.drag("figure.space canvas", 60, 30);
    const json turned = browser.evaluate(kPixels);
    EXPECT_NE(before[0], turned[0]);
    // Other samples, and a caption that says so; on paper the drawn picture with its own caption.
    const std::string caption = "document.querySelectorAll('figure.space figcaption')[1].textContent";
    EXPECT_THAT(browser.evaluate(caption).get<std::string>(), testing::HasSubstr("decoder mean"));
    browser.click(".space-controls [data-shown=noise]");
    EXPECT_THAT(browser.evaluate(caption).get<std::string>(), testing::HasSubstr("with decoder noise"));
    browser.evaluate("dispatchEvent(new Event('beforeprint'))");
    EXPECT_THAT(browser.evaluate(caption).get<std::string>(), testing::HasSubstr("decoder mean"));
    browser.evaluate("dispatchEvent(new Event('afterprint'))");
    browser.click(".space-controls [data-shown=rescaled]");
    EXPECT_THAT(browser.evaluate(caption).get<std::string>(), testing::HasSubstr("not the model's samples"));
    browser.click(".space-controls button:last-of-type");  // back to where it was
    EXPECT_EQ(browser.evaluate(kPixels)[0], before[0]);
  }

  void check_without_scripts(test::Browser& browser, const std::string& page) const {
    browser.open(page, false);
    EXPECT_EQ(browser.evaluate("document.querySelectorAll('canvas').length"), 0);
    EXPECT_GE(browser
                  .evaluate("[...document.querySelectorAll('figure svg')].filter(s => "
                            "s.getBoundingClientRect().width > 100).length")
                  .get<int>(),
              20);
    EXPECT_TRUE(browser.evaluate("document.querySelector('noscript p').getBoundingClientRect().height > 5")
                    .get<bool>());
    EXPECT_EQ(browser.evaluate("document.querySelector('.space-controls').getBoundingClientRect().height"),
              0);
  }

  void check_sweep_page(test::Browser& browser, const std::string& page) const {
    browser.open(page);
    expect_sections(browser, {"extremes", "importance", "marginals", "heat", "parallel-coordinates", "trials",
                              "settings"});
    EXPECT_EQ(browser.evaluate(kOverlaps).get<Texts>(), Texts());
    // The second column is beta: up, then down, as numbers.
    const auto betas = [&] {
      return browser.evaluate(column(1) + ".map(Number)").get<std::vector<double>>();
    };
    browser.click("table.sortable th:nth-child(2) button");
    std::vector<double> values = betas();
    ASSERT_EQ(values.size(), 12u);
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
    browser.click("table.sortable th:nth-child(2) button");
    values = betas();
    EXPECT_TRUE(std::is_sorted(values.rbegin(), values.rend()));
    browser.click("table.sortable tbody tr:first-child td:first-child");
    const std::string command = browser.evaluate("document.querySelector('.row-command').textContent");
    EXPECT_THAT(command, testing::HasSubstr("gmmvae train --data data.npz"));
    EXPECT_THAT(command, testing::HasSubstr(" --beta 10 "));
    // Another pair and figure in the picker: another picture.
    const std::string picture = "document.querySelector('[data-role=picture]').innerHTML";
    const json before = browser.evaluate(picture);
    browser.evaluate(
        "(() => { const s = document.querySelector('[data-role=metric]'); s.selectedIndex = 3; "
        "s.dispatchEvent(new Event('change')); })()");
    EXPECT_NE(browser.evaluate(picture), before);
    // Fewer lines once a part of an axis is chosen.
    const std::string lines =
        "[...document.querySelectorAll('path.thin')].filter(p => p.style.display !== 'none').length";
    EXPECT_EQ(browser.evaluate(lines), 12);
    browser.evaluate("document.querySelector('figure.parallel').scrollIntoView({behavior: 'instant'})");
    browser.drag("figure.parallel line.rail", 0, 130);
    EXPECT_LT(browser.evaluate(lines).get<int>(), 12);
  }
};

TEST_F(BrowserTest, PagesAreWholeAndAlive) {
  ASSERT_EQ(run("run --components 3 --samples 150 --hidden 8 --epochs 12 --seed 3 --out r").code, 0);
  ASSERT_EQ(
      run("sweep run beta=0.1,1,10 latent=1,2 seed=1,2 hidden=8 epochs=5 samples=100 components=4 --out s")
          .code,
      0);
  ASSERT_EQ(run("report s").code, 0);
  test::Browser browser;
  for (const std::string page : {"r/report.html", "s/report.html"}) {
    browser.open(path(page));
    EXPECT_FALSE(browser.too_wide_for_paper()) << page;
  }
  check_run_page(browser, path("r/report.html"));
  check_without_scripts(browser, path("r/report.html"));
  check_sweep_page(browser, path("s/report.html"));
  EXPECT_EQ(browser.complaints(), Texts());
  for (const std::string& request : browser.requests())
    EXPECT_TRUE(request.starts_with("file:///") || request.starts_with("data:")) << request;
}

}  // namespace
}  // namespace gmmvae
