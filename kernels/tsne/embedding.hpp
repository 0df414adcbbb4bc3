#pragma once

#include "gmmvae/tsne.hpp"
#include "kernels/gpu.hpp"

// t-SNE on the current CUDA device, as the backend calls it: Backend's operations of these names.
namespace gmmvae::cuda {

Affinities tsne_affinities(MatrixView<float> x, const TsneOptions& options, cudaStream_t stream);
TsneGradient tsne_gradient(const Affinities& affinities, MatrixView<float> y, GradientMethod method,
                           cudaStream_t stream);
Embedding embed(MatrixView<float> x, const TsneOptions& options, const TsneControl& control,
                const TsneState* resume, cudaStream_t stream);
Embedding embed(const Affinities& affinities, MatrixView<float> x, const TsneOptions& options,
                const TsneControl& control, const TsneState* resume, cudaStream_t stream);
Matrix<float> tsne_transform(MatrixView<float> x, MatrixView<float> y, MatrixView<float> new_points,
                             cudaStream_t stream);

}  // namespace gmmvae::cuda
