// sample, encode, decode and reconstruct as a person runs them, against arithmetic on the model's own
// numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "gmmvae/dataset.hpp"
#include "gmmvae/mixture.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/model_file.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "tests/evaluation/linear_vae.hpp"
#include "tests/support/program.hpp"

namespace gmmvae::test {
namespace {

Matrix<float> points_of(const Array& array) {
  return {array.shape.at(0), array.shape.at(1), std::get<std::vector<float>>(array.values)};
}

/// A trained model, three in a file, and a linear one whose every number is known.
class UseModel : public ProgramTest {
 protected:
  void SetUp() override {
    data_ = make_dataset(draw_mixture({.components = 4}, 3), 200, 3);
    save_dataset(path("data.npz"), data_);
    save_model(path("model.safetensors"), trained_vae(data_, 2));
    save_model(path("many.safetensors"), trained_vae(data_, 2, 3));
    linear_.scaler = {ScaleKind::standard, {1.0, 2.0, 3.0}, {2.0, 0.5, 4.0}};
    save_model(path("linear.safetensors"), linear_.vae());
  }

  Dataset data_;
  LinearVae linear_ = linear_vae(2, 0.3);
};

// In double, from the formulas of LinearVae: mean V (x~ - mu), variance s2 / (|w|^2 + s2) with x~ = (x -
// offset) / scale. Single precision of numbers below 100 that go through two products errs by less than 1e-4.
TEST_F(UseModel, EncodeGivesTheExactPosteriorOfALinearModel) {
  const auto object = this->object("encode --model linear.safetensors --data data.npz --out latents.npz");
  EXPECT_EQ(object.at("out"), "latents.npz");
  EXPECT_EQ(object.at("points"), 200);
  EXPECT_EQ(object.at("latent"), 2);
  const NpzReader file(path("latents.npz"));
  EXPECT_EQ(file.keys(), (std::vector<std::string>{"mean", "variance"}));
  const Matrix<float> mean = points_of(file.read("mean")), variance = points_of(file.read("variance"));
  ASSERT_EQ(mean.rows(), 200u);
  ASSERT_EQ(mean.cols(), 2u);
  std::vector<double> kl(2);
  for (std::size_t j = 0; j < 2; ++j) {
    double norm = 0.0;
    for (std::size_t d = 0; d < 3; ++d) norm += linear_.w(d, j) * linear_.w(d, j);
    for (std::size_t i = 0; i < 200; ++i) {
      double expected = 0.0;
      for (std::size_t d = 0; d < 3; ++d) {
        const double scaled = (data_.x(i, d) - linear_.scaler.offset[d]) / linear_.scaler.scale[d];
        expected += linear_.w(d, j) * (scaled - linear_.mu[d]) / (norm + 0.3);
      }
      const double v = 0.3 / (norm + 0.3);
      ASSERT_NEAR(mean(i, j), expected, 1e-4);
      ASSERT_NEAR(variance(i, j), v, 1e-6);
      kl[j] += 0.5 * (expected * expected + v - 1.0 - std::log(v)) / 200.0;
    }
    EXPECT_NEAR(object.at("kl_per_dimension").at(j), kl[j], 1e-3 * kl[j]);
  }
}

TEST_F(UseModel, DecodeGivesTheExactMeanOfALinearModel) {
  const Matrix<float> latents(3, 2, {0.0F, 0.0F, 1.5F, -2.0F, -0.25F, 3.0F});
  write_npy(path("z.npy"), latents);
  ASSERT_EQ(run("decode --model linear.safetensors --data z.npy --out x.npy").code, 0);
  const Matrix<float> x = points_of(read_npy_array(path("x.npy")));
  ASSERT_EQ(x.rows(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t d = 0; d < 3; ++d) {
      const double scaled = linear_.w(d, 0) * latents(i, 0) + linear_.w(d, 1) * latents(i, 1) + linear_.mu[d];
      EXPECT_NEAR(x(i, d), linear_.scaler.offset[d] + linear_.scaler.scale[d] * scaled, 1e-4);
    }
  }
}

TEST_F(UseModel, DecodingWhatEncodeWroteIsReconstructing) {
  for (const char* model : {"model.safetensors", "many.safetensors --index 2"}) {
    const std::string common = std::string(" --model ") + model;
    ASSERT_EQ(run("encode --data data.npz --out latents.npz" + common).code, 0);
    ASSERT_EQ(run("decode --data latents.npz --out decoded.npy" + common).code, 0);
    const auto object = this->object("reconstruct --data data.npz --out reconstructed.npy" + common);
    EXPECT_EQ(file_bytes(path("decoded.npy")), file_bytes(path("reconstructed.npy"))) << model;
    const Matrix<float> points = points_of(read_npy_array(path("reconstructed.npy")));
    double error = 0.0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double difference = static_cast<double>(points.data()[i]) - data_.x.data()[i];
      error += difference * difference / static_cast<double>(points.size());
    }
    EXPECT_NEAR(object.at("mean_squared_error"), error, 1e-9 * error);
    // A trained model reconstructs better than the data's mean does.
    EXPECT_LT(error, 0.8 * object.at("mean_variance").get<double>());
  }
}

TEST_F(UseModel, EveryFormatHoldsTheSamePoints) {
  save_points(path("points.csv"), data_.x);
  save_points(path("points.npy"), data_.x);
  const std::string common = "reconstruct --model model.safetensors ";
  ASSERT_EQ(run(common + "--data data.npz --out npz.npy").code, 0);
  for (const char* input : {"points.csv", "points.npy"}) {
    ASSERT_EQ(run(common + "--data " + input + " --out other.npy").code, 0);
    EXPECT_EQ(file_bytes(path("npz.npy")), file_bytes(path("other.npy"))) << input;
  }
  for (const char* input : {"points.csv", "points.npy", "data.npz"}) {
    ASSERT_EQ(run(common + "--data - --out piped.npy", path(input)).code, 0) << input;
    EXPECT_EQ(file_bytes(path("npz.npy")), file_bytes(path("piped.npy"))) << input;
  }
  ASSERT_EQ(run(common + "--data data.npz --out text.csv").code, 0);
  // Shortest round-trip decimals: the same bits.
  EXPECT_EQ(load_dataset(path("text.csv")).x, points_of(read_npy_array(path("npz.npy"))));
  EXPECT_TRUE(file_bytes(path("text.csv")).starts_with("x1,x2,x3\n"));
}

TEST_F(UseModel, DecodeTakesLatentsFromAnyFormat) {
  ASSERT_EQ(run("encode --model model.safetensors --data data.npz --out latents.npz").code, 0);
  const NpzReader file(path("latents.npz"));
  save_points(path("z.csv"), points_of(file.read("mean")));
  save_points(path("x.npz"), points_of(file.read("mean")));
  const std::string common = "decode --model model.safetensors ";
  ASSERT_EQ(run(common + "--data latents.npz --out a.npy").code, 0);
  ASSERT_EQ(run(common + "--data z.csv --out b.npy").code, 0);
  ASSERT_EQ(run(common + "--data x.npz --key x --out c.npy").code, 0);
  ASSERT_EQ(run(common + "--data - --out d.npy", path("latents.npz")).code, 0);
  for (const char* other : {"b.npy", "c.npy", "d.npy"})
    EXPECT_EQ(file_bytes(path("a.npy")), file_bytes(path(other))) << other;
  EXPECT_NE(refusal(common + "--data x.npz --out e.npy", 4).find("has no array mean"), std::string::npos);
}

// x = mu + W z + noise: mean and covariance of LinearVae::law(). A mean of n draws errs by sqrt(v / n), a
// covariance by about sqrt((v_a v_b + c^2) / n); five of those are exceeded about once in 2 million.
TEST_F(UseModel, SamplesOfALinearModelFollowItsLaw) {
  constexpr double n = 20000;
  const auto object = this->object("sample --model linear.safetensors --count 20000 --out samples.npy");
  EXPECT_EQ(object.at("points"), 20000);
  EXPECT_EQ(object.at("noise"), true);
  EXPECT_NEAR(object.at("decoder_variance").at(0), 0.3, 1e-7);
  const Mixture law = linear_.law();
  const Moments got = moments(points_of(read_npy_array(path("samples.npy"))));
  const Matrix<double> expected = law.covariance();
  for (std::size_t a = 0; a < 3; ++a) {
    EXPECT_NEAR(got.mean[a], law.mean()[a], 5.0 * std::sqrt(expected(a, a) / n));
    for (std::size_t b = 0; b < 3; ++b) {
      const double variance = expected(a, a) * expected(b, b) + expected(a, b) * expected(a, b);
      EXPECT_NEAR(got.covariance(a, b), expected(a, b), 5.0 * std::sqrt(variance / n));
    }
  }
}

TEST_F(UseModel, SamplesWithoutNoiseLieInTheDecodersPlane) {
  EXPECT_EQ(object("sample --model linear.safetensors --noise off --out means.csv").at("noise"), false);
  const Dataset means = load_dataset(path("means.csv"));
  ASSERT_EQ(means.x.rows(), 1000u);  // the default count
  // The third scaled axis is orthogonal to both columns of W: without noise it is mu exactly.
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_NEAR(means.x(i, 2), 3.0 + 4.0 * linear_.mu[2], 1e-5);
  // The same z with and without noise: differences are the noise alone, of variance 0.3 in scaled units.
  ASSERT_EQ(run("sample --model linear.safetensors --out noisy.csv").code, 0);
  const Dataset noisy = load_dataset(path("noisy.csv"));
  double square = 0.0;
  for (std::size_t i = 0; i < 1000; ++i) {
    for (std::size_t d = 0; d < 3; ++d) {
      const double difference = (noisy.x(i, d) - means.x(i, d)) / linear_.scaler.scale[d];
      square += difference * difference / 3000.0;
    }
  }
  EXPECT_NEAR(square, 0.3, 5.0 * 0.3 * std::sqrt(2.0 / 3000.0));
}

TEST_F(UseModel, SeedsAndModelsDifferThreadsDoNot) {
  const std::string common = "sample --model many.safetensors --out ";
  ASSERT_EQ(run(common + "a.npy --threads 1").code, 0);
  ASSERT_EQ(run(common + "b.npy --threads 2").code, 0);
  ASSERT_EQ(run(common + "c.npy --seed 2").code, 0);
  ASSERT_EQ(run(common + "d.npy --index 1").code, 0);
  ASSERT_EQ(run(common + "first.npy --count 10").code, 0);
  EXPECT_EQ(file_bytes(path("a.npy")), file_bytes(path("b.npy")));
  EXPECT_NE(file_bytes(path("a.npy")), file_bytes(path("c.npy")));
  EXPECT_NE(file_bytes(path("a.npy")), file_bytes(path("d.npy")));
  const Matrix<float> all = points_of(read_npy_array(path("a.npy"))),
                      first = points_of(read_npy_array(path("first.npy")));
  for (std::size_t i = 0; i < first.size(); ++i) ASSERT_EQ(first.data()[i], all.data()[i]);
  for (const char* threads : {"1", "2"}) {
    const std::string out = std::string("latents") + threads + ".npz";
    ASSERT_EQ(
        run("encode --model model.safetensors --data data.npz --out " + out + " --threads " + threads).code,
        0);
  }
  EXPECT_EQ(file_bytes(path("latents1.npz")), file_bytes(path("latents2.npz")));
}

TEST_F(UseModel, RescalingFillsTheDatasRangeAndSaysWhatItHides) {
  LinearVae collapsed = linear_;
  for (std::size_t d = 0; d < 3; ++d) collapsed.w(d, 0) = collapsed.w(d, 1) = 0.01;
  save_model(path("collapsed.safetensors"), collapsed.vae());
  const std::string common =
      "sample --model collapsed.safetensors --noise off --rescale-to data.npz --out r.npy";
  const Outcome words = run(common);
  EXPECT_EQ(words.code, 0);
  EXPECT_NE(words.err.find("RESCALED SAMPLES HIDE A COLLAPSE"), std::string::npos) << words.err;
  EXPECT_NE(words.out.find("RESCALED"), std::string::npos);
  const Matrix<float> points = points_of(read_npy_array(path("r.npy")));
  for (std::size_t d = 0; d < 3; ++d) {
    double low = points(0, d), high = low, data_low = data_.x(0, d), data_high = data_low;
    for (std::size_t i = 0; i < points.rows(); ++i) {
      low = std::min<double>(low, points(i, d));
      high = std::max<double>(high, points(i, d));
    }
    for (std::size_t i = 0; i < data_.x.rows(); ++i) {
      data_low = std::min<double>(data_low, data_.x(i, d));
      data_high = std::max<double>(data_high, data_.x(i, d));
    }
    EXPECT_NEAR(low, data_low, 1e-5);
    EXPECT_NEAR(high, data_high, 1e-5);
  }
  const auto object = this->object(common);
  EXPECT_EQ(object.at("rescaled_to"), "data.npz");
  EXPECT_LT(object.at("variance_ratio_before_rescaling").get<double>(), 1e-3);
  EXPECT_EQ(run("sample --model collapsed.safetensors --out plain.npy").err.find("RESCALED"),
            std::string::npos);
}

}  // namespace
}  // namespace gmmvae::test
