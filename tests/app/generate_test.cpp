// generate as a person runs it, against the mixture's closed forms and NumPy's file formats.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numbers>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "gmmvae/dataset.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "host/mixture/mixture_toml.hpp"
#include "tests/support/program.hpp"

namespace gmmvae::test {
namespace {

using Shape = std::vector<std::size_t>;

class Generate : public ProgramTest {
 protected:
  void write(const std::string& name, const std::string& text) const { write_file(path(name), text); }
};

TEST_F(Generate, WritesTheArraysOfTheContract) {
  const auto object = this->object("generate --components 4 --dim 2 --samples 300 --out data.npz");
  const NpzReader file(path("data.npz"));
  EXPECT_EQ(file.keys(), (std::vector<std::string>{"x", "label", "means", "covariances", "weights"}));
  EXPECT_EQ(file.read("x").shape, (Shape{300, 2}));
  EXPECT_EQ(file.read("label").shape, (Shape{300}));
  EXPECT_EQ(file.read("means").shape, (Shape{4, 2}));
  EXPECT_EQ(file.read("covariances").shape, (Shape{4, 2, 2}));
  EXPECT_EQ(file.read("weights").shape, (Shape{4}));
  EXPECT_TRUE(std::holds_alternative<std::vector<float>>(file.read("x").values));
  EXPECT_TRUE(std::holds_alternative<std::vector<std::int32_t>>(file.read("label").values));
  for (const char* key : {"means", "covariances", "weights"})
    EXPECT_TRUE(std::holds_alternative<std::vector<double>>(file.read(key).values)) << key;
  EXPECT_EQ(object.at("out"), "data.npz");
  EXPECT_TRUE(object.at("mixture_file").is_null());
  EXPECT_EQ(object.at("samples"), 300);
  EXPECT_EQ(object.at("weights"), (std::vector<double>(4, 0.25)));
  EXPECT_FALSE(exists("data.npz.mixture.toml"));
}

TEST_F(Generate, DefaultsAreThoseOfTheCourse) {
  const auto object = this->object("generate --out data.npz");
  EXPECT_EQ(object.at("samples"), 1000);
  EXPECT_EQ(object.at("components"), 10);
  EXPECT_EQ(object.at("dim"), 3);
  const Dataset data = load_dataset(path("data.npz"));
  std::vector<std::uint64_t> counts(10);
  for (const std::int32_t label : data.labels) ++counts.at(static_cast<std::size_t>(label));
  EXPECT_EQ(object.at("points_per_component"), counts);
  for (std::size_t k = 0; k < 10; ++k) {
    for (std::size_t d = 0; d < 3; ++d) {
      EXPECT_LE(std::fabs(data.mixture->means()(k, d)), 10.0);
      EXPECT_EQ(data.mixture->covariances()[k](d, d), 1.0);
    }
  }
}

// Of n points each component k holds about n_k; the mean of its points errs by sqrt(v / n_k), their variance
// by v sqrt(2 / n_k). Five of those are exceeded once in 2 million.
TEST_F(Generate, LabelledPointsFollowTheirComponents) {
  ASSERT_EQ(
      run("generate --covariance full --weights 1,2,5 --components 3 --samples 20000 --sigma 2 --seed 5 "
          "--out data.npz")
          .code,
      0);
  const Dataset data = load_dataset(path("data.npz"));
  const double weights[] = {0.125, 0.25, 0.625};
  for (std::size_t k = 0; k < 3; ++k) {
    std::vector<float> values;
    for (std::size_t i = 0; i < data.x.rows(); ++i) {
      if (data.labels[i] == static_cast<std::int32_t>(k))
        values.insert(values.end(), data.x.row(i).begin(), data.x.row(i).end());
    }
    const std::size_t rows = values.size() / 3;
    const auto n = static_cast<double>(rows);
    EXPECT_NEAR(n / 20000.0, weights[k], 5.0 * std::sqrt(weights[k] * (1.0 - weights[k]) / 20000.0));
    const Moments got = moments(Matrix<float>(rows, 3, values));
    const Matrix<double>& expected = data.mixture->covariances()[k];
    for (std::size_t a = 0; a < 3; ++a) {
      EXPECT_NEAR(got.mean[a], data.mixture->means()(k, a), 5.0 * std::sqrt(expected(a, a) / n));
      for (std::size_t b = 0; b < 3; ++b) {
        const double variance = expected(a, a) * expected(b, b) + expected(a, b) * expected(a, b);
        EXPECT_NEAR(got.covariance(a, b), expected(a, b), 5.0 * std::sqrt(variance / n));
      }
    }
  }
}

TEST_F(Generate, RingAndGridLieWhereTheContractSays) {
  ASSERT_EQ(run("generate --layout ring --components 8 --dim 3 --spread 2 --sigma 0.1 --out ring.npz").code,
            0);
  const Mixture ring = load_dataset(path("ring.npz")).mixture.value();
  for (std::size_t k = 0; k < 8; ++k) {
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(k) / 8.0;
    EXPECT_NEAR(ring.means()(k, 0), 2.0 * std::cos(angle), 1e-12);
    EXPECT_NEAR(ring.means()(k, 1), 2.0 * std::sin(angle), 1e-12);
    EXPECT_NEAR(ring.means()(k, 2), 0.0, 1e-12);
    EXPECT_NEAR(ring.covariances()[k](0, 0), 0.01, 1e-15);
  }
  // ceil(5^(1/2)) = 3 points an axis with step 4: coordinates -4, 0, 4; the first 5 of the 9.
  ASSERT_EQ(run("generate --layout grid --components 5 --dim 2 --spread 4 --out grid.npz").code, 0);
  const Mixture grid = load_dataset(path("grid.npz")).mixture.value();
  std::set<std::pair<double, double>> places;
  for (std::size_t k = 0; k < 5; ++k) {
    for (std::size_t d = 0; d < 2; ++d)
      EXPECT_EQ(std::fabs(grid.means()(k, d)) == 4.0, grid.means()(k, d) != 0.0);
    places.emplace(grid.means()(k, 0), grid.means()(k, 1));
  }
  EXPECT_EQ(places.size(), 5u);
}

// H = D/2 log(2 pi e s^2) for one Gaussian, where both bounds are exact; plus log K for K that do not touch.
TEST_F(Generate, EntropyIsTheClosedForm) {
  const double one = 1.5 * std::log(2.0 * std::numbers::pi * std::numbers::e * 4.0);
  const auto single = object("generate --components 1 --sigma 2 --out one.npz");
  EXPECT_NEAR(single.at("entropy_lower_bound"), one, 1e-12);
  EXPECT_NEAR(single.at("entropy_upper_bound"), one, 1e-12);
  EXPECT_NEAR(single.at("entropy"), one, 5.0 * single.at("entropy_error").get<double>());
  // -log p of a Gaussian varies by D / 2: the standard error of n draws is sqrt(1.5 / n), itself within a few
  // percent.
  const double draws = single.at("entropy_draws");
  EXPECT_NEAR(single.at("entropy_error"), std::sqrt(1.5 / draws), 0.1 * std::sqrt(1.5 / draws));
  const auto apart = object("generate --layout grid --spread 1000 --components 8 --sigma 2 --out many.npz");
  EXPECT_NEAR(apart.at("entropy_lower_bound"), one + std::log(8.0), 1e-12);
  EXPECT_NEAR(apart.at("entropy_upper_bound"), one + std::log(8.0), 1e-12);
  EXPECT_NEAR(apart.at("entropy"), one + std::log(8.0), 5.0 * apart.at("entropy_error").get<double>());
}

TEST_F(Generate, EveryFormatHoldsTheSamePointsAndTruth) {
  for (const char* name : {"a.npz", "a.npy", "a.csv"})
    ASSERT_EQ(run(std::string("generate --out ") + name).code, 0);
  const Dataset npz = load_dataset(path("a.npz")), npy = load_dataset(path("a.npy")),
                csv = load_dataset(path("a.csv"));
  EXPECT_EQ(npz.x, npy.x);
  EXPECT_EQ(npz.x, csv.x);
  EXPECT_EQ(npz.labels, csv.labels);
  EXPECT_TRUE(npy.labels.empty());
  EXPECT_TRUE(file_bytes(path("a.csv")).starts_with("x1,x2,x3,label\n"));
  for (const char* name : {"a.npy.mixture.toml", "a.csv.mixture.toml"}) {
    const Mixture read = read_mixture_toml(path(name));
    EXPECT_EQ(read.means(), npz.mixture->means()) << name;
    EXPECT_EQ(read.covariances(), npz.mixture->covariances()) << name;
    for (std::size_t k = 0; k < 10; ++k) EXPECT_NEAR(read.weights()[k], 0.1, 1e-15);
  }
}

TEST_F(Generate, DrawsFromAMixtureFile) {
  write("two.toml",
        "[[component]]\nweight = 3\nmean = [0.0, 100]\nvariance = 0.25\n"
        "[[component]]\nweight = 1\nmean = [0, -100]\ncovariance = [[2.0, 1.0], [1.0, 2.0]]\n");
  const auto object = this->object("generate --mixture two.toml --samples 400 --out a.npz");
  EXPECT_EQ(object.at("components"), 2);
  EXPECT_EQ(object.at("dim"), 2);
  EXPECT_EQ(object.at("weights"), (std::vector<double>{0.75, 0.25}));
  const Dataset data = load_dataset(path("a.npz"));
  for (std::size_t i = 0; i < 400; ++i) EXPECT_EQ(data.x(i, 1) > 0.0F, data.labels[i] == 0);
  EXPECT_EQ(data.mixture->covariances()[1](0, 1), 1.0);
  // What was written beside a .csv is taken again, and gives the same points for the same seed.
  ASSERT_EQ(run("generate --mixture two.toml --samples 400 --out b.csv").code, 0);
  ASSERT_EQ(run("generate --mixture b.csv.mixture.toml --samples 400 --out c.csv").code, 0);
  EXPECT_EQ(file_bytes(path("b.csv")), file_bytes(path("c.csv")));
  EXPECT_EQ(refusal("generate --mixture two.toml --dim 2 --out d.npz", 2),
            "--dim does not go with --mixture: the file says how the mixture looks");
}

TEST_F(Generate, TheSeedAloneDecides) {
  for (const char* how :
       {"a.npz --threads 1", "b.npz --threads 2", "c.npz --seed 2", "long.npz --samples 1500"})
    ASSERT_EQ(run(std::string("generate --covariance diagonal --out ") + how).code, 0);
  EXPECT_EQ(file_bytes(path("a.npz")), file_bytes(path("b.npz")));
  EXPECT_NE(load_dataset(path("a.npz")).x, load_dataset(path("c.npz")).x);
  const Dataset few = load_dataset(path("a.npz")), more = load_dataset(path("long.npz"));
  for (std::size_t i = 0; i < few.x.size(); ++i) ASSERT_EQ(few.x.data()[i], more.x.data()[i]);
}

TEST_F(Generate, SaysWhatIsOddAboutTheData) {
  EXPECT_NE(run("generate --weights dirichlet:0.01 --out a.npz").err.find("components have no point"),
            std::string::npos);
  EXPECT_NE(run("generate --spread 1e9 --out a.npz").err.find("the points are rounded to steps"),
            std::string::npos);
  EXPECT_EQ(run("generate --out a.npz").err, "wrote a.npz\n");
  EXPECT_EQ(run("generate --out a.npz -q").err, "");
}

TEST_F(Generate, RefusesWhatCannotBeDrawn) {
  write("a.npz", "keep me");
  const std::string out = " --out a.npz";
  EXPECT_EQ(refusal("generate --samples 0" + out, 2),
            "--samples takes a whole number from 1 to 4294967295, not '0'");
  refusal("generate --components 0" + out, 2);
  refusal("generate --dim 0" + out, 2);
  refusal("generate --sigma 0" + out, 2);
  refusal("generate --sigma -1" + out, 2);
  refusal("generate --sigma nan" + out, 2);
  refusal("generate --sigma 1e300" + out, 2);
  refusal("generate --spread inf" + out, 2);
  refusal("generate --layout ring --dim 1" + out, 2);
  EXPECT_NE(refusal("generate --components 20 --samples 10" + out, 2).find("20, more than the 10 points"),
            std::string::npos);
  EXPECT_NE(refusal("generate --weights 1,2,3" + out, 2).find("has 3 numbers, but there are 10"),
            std::string::npos);
  refusal("generate --weights 1,2,-3 --components 3" + out, 2);
  refusal("generate --weights dirichlet:0" + out, 2);
}

TEST_F(Generate, RefusesMixtureFilesWithThePlace) {
  write("a.npz", "keep me");
  const auto refused = [&](const std::string& text) {
    write("m.toml", text);
    return refusal("generate --mixture m.toml --out a.npz", 4);
  };
  const std::string start = "[[component]]\nweight = 1\nmean = [0, 0]\n";
  EXPECT_EQ(refused(""), "m.toml: there is no [[component]] table; a mixture needs at least one");
  EXPECT_TRUE(refused(start + "varianse = 1\n").starts_with("m.toml:4:1: unknown key 'varianse'"));
  EXPECT_TRUE(refused("[[compnent]]\n").starts_with("m.toml:1:3: unknown key 'compnent'"));
  EXPECT_EQ(refused(start + "covariance = [[1, 2], [2, 1]]\n"),
            "m.toml:4:14: covariance is not positive definite");
  EXPECT_EQ(refused(start + "covariance = [[1, 2], [0, 1]]\n"), "m.toml:4:14: covariance is not symmetric");
  EXPECT_EQ(refused(start + "variances = [1, 2, 3]\n"),
            "m.toml:4:13: variances has 3 entries; the mixture has 2 dimensions");
  EXPECT_TRUE(refused(start + "variance = 1\nweight = 2\n").starts_with("m.toml:5:10:"));
  EXPECT_TRUE(refused(start + "variance = -1\n").starts_with("m.toml:4:12: variance must be positive"));
  EXPECT_TRUE(refused(start).starts_with("m.toml:1:1:"));
  refused("[[component]]\nweight = 1\nmean = [1e39]\nvariance = 1\n");
  refusal("generate --mixture nowhere.toml --out a.npz", 4);
}

TEST_F(Generate, RefusesOutputsThatCannotBeWritten) {
  ASSERT_EQ(run("generate --help").code, 0);
  EXPECT_EQ(refusal("generate", 2), "generate needs --out FILE");
  refusal("generate --out a.txt", 2);
  refusal("generate --out plain", 2);
  EXPECT_NE(refusal("generate --out nowhere/a.npz", 4).find("there is no folder nowhere"), std::string::npos);
  std::filesystem::create_directory(path("folder.npz"));
  refusal("generate --out folder.npz", 4);
  for (const char* name : {"full.npz", "full.npy", "full.csv"}) {
    std::filesystem::create_symlink("/dev/full", path(name));
    EXPECT_EQ(refusal(std::string("generate --out ") + name, 4),
              std::string("cannot write ") + name + ": No space left on device");
  }
}

TEST_F(Generate, NamesTheNearestRightWord) {
  EXPECT_NE(refusal("generate --compnents 3 --out a.npz", 2).find("did you mean --components?"),
            std::string::npos);
  EXPECT_NE(refusal("generate --layout rign --out a.npz", 2).find("did you mean ring?"), std::string::npos);
  EXPECT_NE(refusal("generate --set compnents=3 --out a.npz", 2).find("did you mean components?"),
            std::string::npos);
  EXPECT_NE(refusal("generat --out a.npz", 2).find("did you mean generate?"), std::string::npos);
  EXPECT_NE(refusal("generate --epochs 3 --out a.npz", 2).find("it belongs to train"), std::string::npos);
}

}  // namespace
}  // namespace gmmvae::test
