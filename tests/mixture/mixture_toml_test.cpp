#include "host/mixture/mixture_toml.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

class MixtureToml : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml";
  }
  void TearDown() override { std::filesystem::remove(path_); }

  void write(const std::string& text) const { std::ofstream(path_) << text; }

  /// The message of the DataError that reading `text` throws, without the path in front, or nothing.
  [[nodiscard]] std::string complaint(const std::string& text) const {
    write(text);
    try {
      read_mixture_toml(path_);
    } catch (const DataError& error) {
      const std::string message = error.what();
      return message.starts_with(path_) ? message.substr(path_.size()) : "no path: " + message;
    }
    return "";
  }

  std::string path_;
};

TEST_F(MixtureToml, ReadsEveryFormOfCovariance) {
  write(
      "[[component]]\nweight = 1\nmean = [0, 1.5]\nvariance = 4\n"
      "[[component]]\nweight = 2.0\nmean = [1, 2]\nvariances = [0.5, 3]\n"
      "[[component]]\nweight = 1\nmean = [-1, 0]\ncovariance = [[2, 0.5], [0.5, 1]]\n");
  const Mixture mixture = read_mixture_toml(path_);
  EXPECT_EQ(mixture.weights(), (std::vector<double>{0.25, 0.5, 0.25}));
  EXPECT_EQ(mixture.means().values(), (std::vector<double>{0, 1.5, 1, 2, -1, 0}));
  EXPECT_EQ(mixture.covariances()[0].values(), (std::vector<double>{4, 0, 0, 4}));
  EXPECT_EQ(mixture.covariances()[1].values(), (std::vector<double>{0.5, 0, 0, 3}));
  EXPECT_EQ(mixture.covariances()[2].values(), (std::vector<double>{2, 0.5, 0.5, 1}));
}

TEST_F(MixtureToml, WritesWhatItReadsBitForBit) {
  for (const auto kind : {CovarianceKind::spherical, CovarianceKind::diagonal, CovarianceKind::full}) {
    MixtureSpec spec;
    spec.covariance = kind;
    spec.weights = "dirichlet:1";
    const Mixture mixture = draw_mixture(spec, 3);
    write_mixture_toml(path_, mixture);
    const Mixture back = read_mixture_toml(path_);
    EXPECT_EQ(back.weights(), mixture.weights());
    EXPECT_EQ(back.means(), mixture.means());
    EXPECT_EQ(back.covariances(), mixture.covariances());
  }
}

TEST_F(MixtureToml, SaysWhereTheFileIsWrong) {
  const std::string head = "[[component]]\nweight = 1\nmean = [0, 0]\n";
  EXPECT_EQ(complaint("[[component]]\nweight = = 1\n").substr(0, 3), ":2:");
  EXPECT_EQ(complaint(head + "variances = [1, 2, 3]\n").substr(0, 5), ":4:13");
  EXPECT_EQ(complaint(head + "variance = -1\n").substr(0, 5), ":4:12");
  EXPECT_EQ(complaint(head + "variance = \"one\"\n").substr(0, 5), ":4:12");
  EXPECT_EQ(complaint(head + "variance = nan\n").substr(0, 5), ":4:12");
  EXPECT_EQ(complaint(head + "covariance = [[1, 2], [2, 1]]\n").substr(0, 5), ":4:14");
  EXPECT_EQ(complaint(head + "covariance = [[1, 0.2], [0.1, 1]]\n").substr(0, 5), ":4:14");
  EXPECT_EQ(complaint(head + "covariance = [[1, 0], [0]]\n").substr(0, 5), ":4:23");
  EXPECT_EQ(complaint(head + "sigma = 1\n").substr(0, 3), ":4:");
  EXPECT_EQ(complaint(head).substr(0, 3), ":1:");
  EXPECT_EQ(complaint(head + "variance = 1\nvariances = [1, 1]\n").substr(0, 3), ":5:");
  EXPECT_EQ(complaint("[[component]]\nmean = [0]\nvariance = 1\n").substr(0, 3), ":1:");
  EXPECT_EQ(complaint("components = 3\n").substr(0, 3), ":1:");
  EXPECT_NE(complaint("").find("[[component]]"), std::string::npos);
  EXPECT_NE(complaint(head + "variance = 1\n" + "[[component]]\nweight = 1\nmean = [0]\nvariance = 1\n")
                .find(":7:8"),
            std::string::npos);
}

TEST_F(MixtureToml, AMissingFileIsADataError) {
  EXPECT_THROW(read_mixture_toml(path_ + ".absent"), DataError);
}

}  // namespace
}  // namespace gmmvae
