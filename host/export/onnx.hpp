#pragma once

#include <cstddef>
#include <string>

#include "gmmvae/vae.hpp"

namespace gmmvae {

// A model's two networks as ONNX files (operators of opset 13, IR version 8), which any ONNX runtime runs.
// Raw units go in and come out: the scaler is a part of the graph, in double as it is here. The number of
// points N is free. Weights stand under PyTorch's names; metadata_props hold `gmmvae_version`, `config` and
// `decoder_variance` (scaled units).

/// `x` f32 [N,D] to `mean` and `variance` f32 [N,Z] of the posterior. Throws UsageError for a model that is
/// not there, DataError for one of 2 GiB, protobuf's limit, or more.
std::string onnx_encoder(const Vae& vae, std::size_t model);

/// `z` f32 [N,Z] to `x` f32 [N,D], the decoder's mean. Throws as onnx_encoder.
std::string onnx_decoder(const Vae& vae, std::size_t model);

}  // namespace gmmvae
