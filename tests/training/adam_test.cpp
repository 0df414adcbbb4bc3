// Ten steps of Adam against PyTorch's own: data/make_pytorch_losses.py wrote the points, the parameters and
// the losses.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/vae/names.hpp"
#include "tests/support/backends.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class AdamTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(AdamTest);

TEST_P(AdamTest, TenStepsAsPyTorchTakesThem) {
  std::ifstream file(GMMVAE_TEST_DATA "/training/data/pytorch_losses.json");
  const auto frozen = nlohmann::json::parse(file);
  for (const auto& expected : frozen["cases"]) {
    SCOPED_TRACE(expected["name"].get<std::string>());
    Matrix<float> points(expected["rows"], 3);
    for (std::size_t r = 0; r < points.rows(); ++r)
      for (std::size_t d = 0; d < 3; ++d) points(r, d) = frozen["points"][r][d].get<float>();
    const Architecture architecture = {
        .data_dim = 3,
        .latent = expected["latent"],
        .encoder_hidden = expected["encoder_hidden"],
        .decoder_hidden = expected["decoder_hidden"],
        .activation = parse<Activation>(expected["activation"].get<std::string>()),
        .posterior_variance = parse<PosteriorVariance>(expected["posterior_variance"].get<std::string>())};
    const Objective objective = {
        .kind = parse<ObjectiveKind>(expected["objective"].get<std::string>()),
        .beta = expected["beta"],
        .variance_kind = parse<DecoderVarianceKind>(expected["variance_kind"].get<std::string>()),
        .decoder_variance = expected["decoder_variance"],
        .variance_floor = expected["variance_floor"]};
    TrainingConfig config;
    config.epochs = expected["epochs"];
    config.batch = expected["batch"];
    config.learning_rate = expected["learning_rate"];
    config.seed = expected["seed"];
    OwnedJob owned(points, architecture, objective, config);
    owned.job.model = expected["model"];
    owned.job.state.parameters = expected["parameters"].get<std::vector<float>>();
    train(backend(), owned.job);

    const auto losses = expected["losses"].get<std::vector<double>>();
    ASSERT_EQ(owned.job.state.history.epochs(), losses.size());
    // An order or a noise of another kind moves a loss by some per cent, a different bias correction by 1e-3.
    for (std::size_t epoch = 0; epoch < losses.size(); ++epoch)
      EXPECT_NEAR(owned.job.state.history.loss(epoch), losses[epoch], 1e-5 * losses[epoch])
          << "epoch " << epoch + 1;
  }
}

}  // namespace
}  // namespace gmmvae::test
