#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gmmvae/dataset.hpp"

namespace gmmvae {

/// What to take from a data file. An option that the file's format has no use for is a UsageError.
struct LoadOptions {
  std::vector<std::string> columns;  ///< --columns: the CSV columns that are data, in this order; empty: all
  std::optional<std::string>
      label;  ///< --label: the CSV column or .npz array of the labels; unset: `label`, if any
  std::optional<char> delimiter;  ///< --delimiter of a CSV; unset: the comma, or what the first line suggests
  std::optional<std::string> key;  ///< --key: the .npz array of the points; unset: default_key
  std::string default_key = "x";
};

/// Reads .npz, .npy or .csv, told by the name's ending or, for other names and for `-` (standard input), by
/// the first bytes. The truth comes along where it is known: arrays means, covariances and weights of an
/// .npz, or a file mixture_path(path) beside the others. Throws DataError.
Dataset load_dataset(const std::string& path, const LoadOptions& options = {});

/// Writes, by the name's ending, .npz: `x` f32 [N,D], `label` i32 [N], `means` f64 [K,D], `covariances` f64
/// [K,D,D], `weights` f64 [K] (what the data set knows of these); .csv: the columns by name or x1..xD, then
/// label; .npy: x alone. A .csv or .npy gets its mixture in a file beside it. Throws UsageError for other
/// endings.
void save_dataset(const std::string& path, const Dataset& dataset);

/// Writes points [N,D] alone as .npz (`x`), .npy or .csv.
void save_points(const std::string& path, MatrixView<float> points);

/// Where the mixture behind a .csv or .npy is kept: the file's name with .mixture.toml behind it.
std::string mixture_path(const std::string& path);

}  // namespace gmmvae
