#include "host/io/nearest_name.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gmmvae {
namespace {

const std::vector<std::string> kOptions = {"hidden",           "latent", "activation",
                                           "decoder-variance", "lr",     "lr-schedule"};

TEST(NearestName, FindsWhatWasMeant) {
  EXPECT_EQ(nearest_name("hiden", kOptions), "hidden");   // one letter missing
  EXPECT_EQ(nearest_name("laetnt", kOptions), "latent");  // neighbours swapped
  EXPECT_EQ(nearest_name("decoder_variance", kOptions), "decoder-variance");
  EXPECT_EQ(nearest_name("LATENT", kOptions), "latent");
  EXPECT_EQ(nearest_name("rl", kOptions), "lr");  // a swap is one edit
}

TEST(NearestName, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest_name("perplexity", kOptions), "");
  EXPECT_EQ(nearest_name("", kOptions), "");
  EXPECT_EQ(nearest_name("xy", kOptions), "");  // two edits away from "lr", but that is all of it
  EXPECT_EQ(nearest_name("hidden", {}), "");
}

}  // namespace
}  // namespace gmmvae
