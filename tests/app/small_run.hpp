#pragma once

#include <string>

namespace gmmvae::test {

/// A study of a quarter of a second: three components, few points, two small models.
inline const std::string kSmallRun = " --components 3 --samples 150 --hidden 8 --epochs 12 --seed 3 ";

}  // namespace gmmvae::test
