#pragma once

#include <cstddef>
#include <string>

#include "gmmvae/training.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

// One model's numbers for NumPy, pandas, R and spreadsheets.

/// Every parameter as f32 under PyTorch's name and shape, `scaler.offset` and `scaler.scale` as f64 [D], and
/// `decoder_variance` f64 [1] or [D] in scaled units.
void write_parameters_npz(const std::string& path, const Vae& vae, std::size_t model);

/// The same as rows `tensor,row,column,value`, indices from 0; a vector has one column.
void write_parameters_csv(const std::string& path, const Vae& vae, std::size_t model);

/// `epoch` i64 [E] from 1 and each column of the history as f64 [E]; NaN where a number does not exist.
void write_history_npz(const std::string& path, const History& history);

}  // namespace gmmvae
