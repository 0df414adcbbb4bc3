// What export writes, decoded by readers that share no code with the writers.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/random.hpp"
#include "host/export/onnx.hpp"
#include "host/export/protobuf.hpp"
#include "host/export/tensorboard.hpp"
#include "host/vae/names.hpp"
#include "host/vae/sampling.hpp"
#include "tests/export/onnx_interpreter.hpp"
#include "tests/export/protobuf_reader.hpp"

namespace gmmvae::test {
namespace {

// The examples of the encoding's description: 150 is 96 01, "testing" in field 2 is 12 07 ...; a negative
// number takes ten bytes.
TEST(Protobuf, WritesTheExamplesOfItsDescription) {
  ProtobufMessage inner, message;
  inner.integer(1, 150);
  message.text(2, "testing");
  message.message(3, inner);
  message.integer(4, -2);
  message.real32(20, 1.0F);
  EXPECT_EQ(message.bytes(), std::string("\x12\x07testing\x1a\x03\x08\x96\x01"
                                         "\x20\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                                         "\xa5\x01\x00\x00\x80\x3f",
                                         9 + 5 + 11 + 6));
  const ProtobufFields read(message.bytes());
  EXPECT_EQ(read.integer(4), -2);
  EXPECT_EQ(read.message(3).integer(1), 150);
}

struct Case {
  Activation activation = Activation::relu;
  PosteriorVariance head = PosteriorVariance::exp;
  ScaleKind scale = ScaleKind::standard;
  DecoderVarianceKind variance = DecoderVarianceKind::learned;
  std::vector<std::size_t> hidden = {7, 5};
};

Matrix<float> some_points(std::size_t rows, std::size_t cols, std::uint64_t seed) {
  const RandomStream random(seed, Purpose::latent_sample, 0);
  Matrix<float> points(rows, cols);
  for (std::size_t i = 0; i < points.size(); ++i)
    points.data()[i] = static_cast<float>(3.0 + 10.0 * random.normal(i));
  return points;
}

/// Two untrained models with a scaler far from one.
Vae vae_of(const Case& c, MatrixView<float> points) {
  Vae vae;
  vae.architecture = {.data_dim = points.cols,
                      .latent = 2,
                      .encoder_hidden = c.hidden,
                      .decoder_hidden = {c.hidden.rbegin(), c.hidden.rend()},
                      .activation = c.activation,
                      .posterior_variance = c.head};
  vae.objective.variance_kind = c.variance;
  vae.scaler = Scaler::fit(c.scale, points);
  vae.models = 2;
  vae.config = "epochs = 3\n";
  for (std::uint32_t model = 0; model < 2; ++model) {
    const std::vector<float> parameters =
        initial_parameters(vae.architecture, vae.objective, Initialization::kaiming_normal, 5, model);
    vae.parameters.insert(vae.parameters.end(), parameters.begin(), parameters.end());
  }
  return vae;
}

Matrix<double> in_double(const Matrix<float>& x) {
  return {x.rows(), x.cols(), std::vector<double>(x.values().begin(), x.values().end())};
}

/// Largest difference relative to the largest number: sums of up to 7 terms in three layers round by a few
/// 2^-24 of that each, far below 1e-6.
double difference(const Matrix<double>& a, const Matrix<float>& b) {
  EXPECT_EQ(a.rows(), b.rows());
  EXPECT_EQ(a.cols(), b.cols());
  double worst = 0.0, largest = 0.0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    worst = std::max(worst, std::abs(a.data()[i] - b.data()[i]));
    largest = std::max(largest, std::abs(static_cast<double>(b.data()[i])));
  }
  return worst / largest;
}

/// An exponential's relative error is its argument's absolute one.
double largest_logarithm(const Matrix<float>& x) {
  double largest = 1.0;
  for (std::size_t i = 0; i < x.size(); ++i)
    largest = std::max(largest, std::abs(std::log(static_cast<double>(x.data()[i]))));
  return largest;
}

TEST(Onnx, EveryNetworkGivesTheNumbersOfTheProgram) {
  std::vector<Case> cases = {{.scale = ScaleKind::none},
                             {.scale = ScaleKind::minmax, .hidden = {}},
                             {.activation = Activation::tanh,
                              .head = PosteriorVariance::softplus_half,
                              .variance = DecoderVarianceKind::learned_per_dim}};
  for (const std::string& name : choices<Activation>())
    cases.push_back({.activation = parse<Activation>(name)});
  const std::unique_ptr<Backend> backend = make_cpu_backend(1);
  const Matrix<float> points = some_points(9, 3, 1), latents = some_points(4, 2, 2);
  for (const Case& c : cases) {
    const Vae vae = vae_of(c, points);
    SCOPED_TRACE(to_string(c.activation) + " " + to_string(c.head) + " " + to_string(c.scale));
    for (std::size_t model = 0; model < 2; ++model) {
      const auto encoded = run_onnx(onnx_encoder(vae, model), "x", in_double(points));
      ASSERT_EQ(encoded.size(), 2u);
      const Posterior posterior = encode_points(*backend, vae, model, points);
      EXPECT_LT(difference(encoded.at("mean"), posterior.mean), 1e-6);
      EXPECT_LT(difference(encoded.at("variance"), posterior.variance),
                1e-6 * largest_logarithm(posterior.variance));
      const auto decoded = run_onnx(onnx_decoder(vae, model), "z", in_double(latents));
      ASSERT_EQ(decoded.size(), 1u);
      EXPECT_LT(difference(decoded.at("x"), decode_points(*backend, vae, model, latents)), 1e-6);
    }
  }
}

TEST(Onnx, LeavesTheNumberOfPointsFreeAndSaysWhatTheModelIs) {
  const Vae vae = vae_of({.hidden = {7}}, some_points(9, 3, 1));
  const std::string file = onnx_decoder(vae, 1);
  const ProtobufFields model(file), graph = model.message(7);
  EXPECT_EQ(model.text(2), "gmmvae");
  const ProtobufFields shape = graph.message(12).message(2).message(1).message(2);
  EXPECT_EQ(shape.message(1, 0).text(2), "N");
  EXPECT_EQ(shape.message(1, 1).integer(1), 3);
  std::vector<std::string> keys, names;
  for (std::size_t i = 0; i < model.count(14); ++i) keys.emplace_back(model.message(14, i).text(1));
  EXPECT_EQ(keys, (std::vector<std::string>{"config", "decoder_variance", "gmmvae_version"}));
  EXPECT_EQ(model.message(14, 0).text(2), vae.config);
  EXPECT_NEAR(std::stod(std::string(model.message(14, 1).text(2))), 0.1, 1e-7);
  for (std::size_t i = 0; i < graph.count(5); ++i) names.emplace_back(graph.message(5, i).text(8));
  for (const char* name : {"decoder.0.weight", "decoder.0.bias", "decoder.2.weight", "decoder.2.bias"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
}

// The polynomial's remainder bit by bit, from its definition in RFC 3720.
std::uint32_t slow_crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
  }
  return ~crc;
}

TEST(TensorBoard, ChecksumsAreTheKnownOnes) {
  // RFC 3720 B.4 and the usual check value of CRC catalogues.
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c(""), 0u);
}

std::uint32_t masked(std::string_view bytes) {
  return std::rotr(slow_crc32c(bytes), 15) + 0xa282ead8;
}

template <class T>
T at(std::string_view bytes, std::size_t place) {
  T value;
  std::memcpy(&value, bytes.data() + place, sizeof(T));
  return value;
}

std::vector<ProtobufFields> events_of(std::string_view file) {
  std::vector<ProtobufFields> events;
  while (!file.empty()) {
    const auto size = at<std::uint64_t>(file, 0);
    EXPECT_EQ(at<std::uint32_t>(file, 8), masked(file.substr(0, 8)));
    const std::string_view data = file.substr(12, size);
    EXPECT_EQ(at<std::uint32_t>(file, 12 + size), masked(data));
    events.emplace_back(data);
    file.remove_prefix(16 + size);
  }
  return events;
}

TEST(TensorBoard, EventsHoldTheHistory) {
  History history(1);  // 8 columns; no validation
  const double none = std::nan("");
  history.append(std::vector<double>{3.5, 3.0, 0.5, 0.5, 0.1, -3.5, none, 2.0});
  history.append(std::vector<double>{2.5, 2.25, 0.25, 0.25, 0.125, -2.5, none, 1.0});
  const std::string file = tensorboard_events(history);
  const std::vector<ProtobufFields> events = events_of(file);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].text(3), "brain.Event:2");
  const std::vector<std::string> names = history.column_names();
  for (std::size_t epoch = 0; epoch < 2; ++epoch) {
    const ProtobufFields& event = events[epoch + 1];
    EXPECT_EQ(event.integer(2), static_cast<std::int64_t>(epoch) + 1);
    EXPECT_EQ(event.real64(1), static_cast<double>(epoch) + 1.0);
    const ProtobufFields summary = event.message(5);
    ASSERT_EQ(summary.count(1), 7u);  // all but elbo_validation
    for (std::size_t i = 0; i < 7; ++i) {
      const std::size_t column = i < 6 ? i : 7;
      EXPECT_EQ(summary.message(1, i).text(1), names[column]);
      EXPECT_EQ(summary.message(1, i).real32(2), static_cast<float>(history.row(epoch)[column]));
    }
  }
}

}  // namespace
}  // namespace gmmvae::test
