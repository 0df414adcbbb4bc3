#pragma once

#include <cstddef>
#include <vector>

#include "host/parallel/lanes.hpp"

namespace gmmvae::tsne {

/// Sixteen complex discrete Fourier transforms side by side: Stockham's self-sorting algorithm with radices
/// 5, 4, 3 and 2, one transform a vector lane, so that every operation is a full vector one whatever the
/// length. Element t is 32 floats: sixteen real parts, then sixteen imaginary ones.
class LaneFft {
 public:
  static constexpr std::size_t kElement = 2 * kLanes;

  /// `size` is a product of 2, 3 and 5; see good_size.
  explicit LaneFft(std::size_t size);

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Smallest even size from `least` on that this class transforms.
  static std::size_t good_size(std::size_t least);

  /// sum_t x_t exp(-2 pi i k t / size) of data [size][32]. The result lies in `data` or in `work` [size][32]:
  /// where is returned, and the other is scratch.
  float* forward(float* data, float* work) const { return transform(data, work, 0); }
  /// sum_k x_k exp(+2 pi i k t / size): the inverse but for the factor 1 / size.
  float* backward(float* data, float* work) const { return transform(data, work, kLanes); }

 private:
  /// `real` is where real parts begin: swapping the two kinds turns the direction round.
  float* transform(float* data, float* work, std::size_t real) const;

  std::size_t size_;
  std::vector<std::size_t> radices_;
  std::vector<float> twiddles_;  ///< cosine and sine of 2 pi t / size
};

}  // namespace gmmvae::tsne
