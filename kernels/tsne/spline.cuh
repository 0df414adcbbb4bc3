#pragma once

#include "kernels/gpu.hpp"

// Cubic B-splines at the four nodes around a point; see host/tsne/interpolated_repulsion.cpp.
namespace gmmvae::cuda {

/// Weights of the four nodes around a point at fraction t behind the second one.
__device__ inline void spline(float t, float (&weights)[4]) {
  const float u = 1.0f - t;
  weights[0] = u * u * u * (1.0f / 6.0f);
  weights[1] = 2.0f / 3.0f - t * t * (1.0f - 0.5f * t);
  weights[2] = 2.0f / 3.0f - u * u * (1.0f - 0.5f * u);
  weights[3] = t * t * t * (1.0f / 6.0f);
}
/// Their derivatives by t.
__device__ inline void spline_slope(float t, float (&slopes)[4]) {
  const float u = 1.0f - t;
  slopes[0] = -0.5f * u * u;
  slopes[1] = t * (1.5f * t - 2.0f);
  slopes[2] = -u * (1.5f * u - 2.0f);
  slopes[3] = 0.5f * t * t;
}

/// What a charge of 1 contributes to the potential at nodes 0 to 3 away; see tsne::kernel_near_zero.
struct SelfAction {
  float kernel[4][4];
};

/// sum over m of w_m w_(m+a) for a = 0 .. 3, twice for a > 0, and half its derivative: the weights of one
/// side alone change.
__device__ inline void overlaps(const float (&w)[4], const float (&s)[4], float (&value)[4],
                                float (&turn)[4]) {
  value[0] = (w[0] * w[0] + w[3] * w[3]) + (w[1] * w[1] + w[2] * w[2]);
  value[1] = 2.0f * ((w[0] * w[1] + w[2] * w[3]) + w[1] * w[2]);
  value[2] = 2.0f * (w[0] * w[2] + w[1] * w[3]);
  value[3] = 2.0f * (w[0] * w[3]);
  turn[0] = (w[0] * s[0] + w[3] * s[3]) + (w[1] * s[1] + w[2] * s[2]);
  turn[1] = ((w[0] * s[1] + s[0] * w[1]) + (w[2] * s[3] + s[2] * w[3])) + (w[1] * s[2] + s[1] * w[2]);
  turn[2] = (w[0] * s[2] + s[0] * w[2]) + (w[1] * s[3] + s[1] * w[3]);
  turn[3] = w[0] * s[3] + s[0] * w[3];
}

/// What a point reads, its action on itself taken off; slopes are per node distance.
struct Reading {
  float potential;
  float slope_down;
  float slope_across;
};

/// `nodes` is the first of the 4 x 4 nodes around the point, rows `stride` apart.
__device__ inline void read_nodes(float beyond_down, float beyond_across, const float* nodes, unsigned stride,
                                  const SelfAction& self, Reading& out) {
  float down[4];
  float down_slope[4];
  float across[4];
  float across_slope[4];
  spline(beyond_down, down);
  spline(beyond_across, across);
  spline_slope(beyond_down, down_slope);
  spline_slope(beyond_across, across_slope);
  out = {0.0f, 0.0f, 0.0f};
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    float value = 0.0f;
    float turned = 0.0f;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const float node = nodes[static_cast<std::size_t>(r) * stride + c];
      value += across[c] * node;
      turned += across_slope[c] * node;
    }
    out.potential += down[r] * value;
    out.slope_down += down_slope[r] * value;
    out.slope_across += down[r] * turned;
  }
  float down_overlap[4];
  float down_turn[4];
  float across_overlap[4];
  float across_turn[4];
  overlaps(down, down_slope, down_overlap, down_turn);
  overlaps(across, across_slope, across_overlap, across_turn);
#pragma unroll
  for (int a = 0; a < 4; ++a) {
    float own = 0.0f;
    float own_turn = 0.0f;
#pragma unroll
    for (int b = 0; b < 4; ++b) {
      own += across_overlap[b] * self.kernel[a][b];
      own_turn += across_turn[b] * self.kernel[a][b];
    }
    out.potential -= down_overlap[a] * own;
    out.slope_down -= down_turn[a] * own;
    out.slope_across -= down_overlap[a] * own_turn;
  }
}

}  // namespace gmmvae::cuda
