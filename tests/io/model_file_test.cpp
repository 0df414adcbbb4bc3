#include "host/io/model_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gmmvae/error.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/safetensors.hpp"
#include "tests/io/files.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;
using test::frozen;
using test::put_bytes;
using test::TemporaryFolder;

/// 3-5-4 / 2-4-3 with a learned variance: the shape that make_safetensors.py --load expects.
Vae sample_vae(std::size_t models) {
  Vae vae;
  vae.architecture = {3, 2, {5}, {4}, Activation::tanh, PosteriorVariance::softplus_half};
  vae.objective = {ObjectiveKind::elbo, 0.1, DecoderVarianceKind::learned, 1.0 / 3.0, 1e-6};
  vae.scaler = {ScaleKind::standard, {0.1, -1e300, 5e-324}, {1.0 / 3.0, 2.0, 1e-9}};
  vae.models = models;
  vae.config = "lr = 1e-3\ndata = \"a \\\"b\\\".npz\" # µ\n";
  const std::size_t size = ParameterLayout(vae.architecture, vae.objective).size();
  for (std::size_t i = 0; i < models * size; ++i) vae.parameters.push_back(static_cast<float>(i) / 8.0F);
  return vae;
}

void expect_equal(const Vae& a, const Vae& b) {
  EXPECT_EQ(a.architecture, b.architecture);
  EXPECT_EQ(a.objective, b.objective);
  EXPECT_EQ(a.scaler.kind, b.scaler.kind);
  EXPECT_EQ(a.scaler.offset, b.scaler.offset);
  EXPECT_EQ(a.scaler.scale, b.scaler.scale);
  EXPECT_EQ(a.models, b.models);
  EXPECT_EQ(a.config, b.config);
  EXPECT_EQ(a.parameters, b.parameters);
}

TEST(ModelFile, OneModelAndManyComeBackBitForBit) {
  const TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  for (const std::size_t models : {1, 3}) {
    const Vae vae = sample_vae(models);
    save_model(path, vae);
    expect_equal(load_model(path), vae);
  }
}

TEST(ModelFile, TensorsHavePyTorchsNamesShapesAndOrder) {
  const TemporaryFolder folder;
  const std::string path = folder / "model.safetensors";
  const Vae vae = sample_vae(1);
  save_model(path, vae);
  const SafetensorsReader model(path);
  // What torch.save of the same nn.Module holds, written by the reference implementation.
  const SafetensorsReader torch(frozen("foreign.safetensors"));
  ASSERT_EQ(model.tensors().size(), torch.tensors().size());
  for (const auto& tensor : torch.tensors()) {
    EXPECT_EQ(model.tensor(tensor.name).shape, tensor.shape) << tensor.name;
    EXPECT_EQ(model.tensor(tensor.name).type, tensor.type) << tensor.name;
  }
  EXPECT_EQ(model.metadata("format"), "pt");
  EXPECT_EQ(model.tensors()[0].name, "encoder.0.weight");
  // The first weight of the layout is the first of the file: [5,3], numbered by eighths.
  EXPECT_EQ(model.read<float>("encoder.0.weight", {5, 3})[7], 7.0F / 8.0F);
  EXPECT_EQ((model.tensors()[0].offset) % 8, 0U);
}

TEST(ModelFile, ManyModelsShareTensorsWithALeadingDimension) {
  const TemporaryFolder folder;
  const std::string path = folder / "models.safetensors";
  const Vae vae = sample_vae(3);
  save_model(path, vae);
  const std::size_t size = vae.parameters.size() / 3;
  const std::vector<float> bias = SafetensorsReader(path).read<float>("encoder.0.bias", {3, 5});
  for (std::size_t model = 0; model < 3; ++model) {
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(bias[model * 5 + i], vae.parameters[model * size + 15 + i]);
  }
}

TEST(ModelFile, RefusesForeignFiles) {
  EXPECT_EQ(error_message<DataError>([] { load_model(frozen("foreign.safetensors")); }),
            frozen("foreign.safetensors") +
                " is a safetensors file but not a gmmvae model: no architecture in its __metadata__");
  EXPECT_NE(
      error_message<DataError>([] { load_model(frozen("stored.npz")); }).find("not a sound safetensors file"),
      std::string::npos);
}

TEST(ModelFile, RefusesNumbersThatAreNotFinite) {
  const TemporaryFolder folder;
  const std::string path = folder / "nan.safetensors";
  Vae vae = sample_vae(1);
  vae.parameters[16] = std::numeric_limits<float>::quiet_NaN();
  save_model(path, vae);
  EXPECT_EQ(error_message<DataError>([&] { load_model(path); }),
            path + ": tensor encoder.0.bias holds NaN or Inf");
}

/// The message for a model file in which `from` reads `to` (of the same length) instead.
std::string refusal(const std::string& from, const std::string& to) {
  const TemporaryFolder folder;
  const std::string path = folder / "m";
  save_model(path, sample_vae(1));
  std::string bytes = read_file(path);
  const std::size_t place = bytes.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  EXPECT_EQ(from.size(), to.size());
  bytes.replace(place, from.size(), to);
  put_bytes(path, bytes);
  return error_message<DataError>([&] { load_model(path); }).substr(path.size());
}

TEST(ModelFile, RefusesMetadataThatDoesNotFit) {
  EXPECT_EQ(refusal(R"(\"latent\":2)", R"(\"latent\":3)"),
            " is damaged: its tensors are not those of its architecture");
  EXPECT_EQ(refusal(R"(\"latent\":2)", R"(\"latent\":0)"),
            " is damaged: latent in its architecture is missing or wrong");
  EXPECT_EQ(refusal(R"(\"latent\":2)", R"(\"latemt\":2)"),
            " is damaged: latent in its architecture is missing or wrong");
  EXPECT_EQ(refusal(R"(_hidden\":[5])", R"(_hidden\":"5")"),
            " is not a sound safetensors file: its header is not valid JSON");
  EXPECT_EQ(refusal(R"(:\"tanh\")", R"(:\"tamh\")"),
            " is damaged: activation in its architecture: 'tamh' is not a known activation: choose one of "
            "relu, tanh, "
            "softplus, gelu, leaky-relu, elu, identity (did you mean tanh?)");
  EXPECT_EQ(refusal(R"(\"scale\":[0.3)", R"(\"scale\":[-.3)"),
            " is damaged: scaler in its __metadata__ is not valid JSON");
  EXPECT_EQ(refusal(R"(,2.0,1e-09])", R"(,-20,1e-09])"),
            " is damaged: scale in its scaler is missing or wrong");
  EXPECT_EQ(refusal(R"("models":"1")", R"("models":"x")"), " is damaged: 'x' is no number of models");
  EXPECT_EQ(refusal(R"("models":"1")", R"("models":"2")"),
            " is damaged: its tensors are not those of its architecture");
  EXPECT_EQ(refusal("encoder.2.bias", "encoder.3.bias"), " has no tensor encoder.2.bias");
}

TEST(ModelFile, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder / "cut";
  save_model(path, sample_vae(1));
  const std::string whole = read_file(path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put_bytes(path, whole.substr(0, size));
    EXPECT_THROW(load_model(path), DataError) << size;
  }
}

TEST(ModelFile, WillNotWriteParametersThatDoNotFit) {
  const TemporaryFolder folder;
  Vae vae = sample_vae(1);
  vae.parameters.pop_back();
  EXPECT_THROW(save_model(folder / "m", vae), UsageError);
  EXPECT_EQ(folder.count(), 0U);
}

}  // namespace
}  // namespace gmmvae
