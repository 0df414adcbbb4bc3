#pragma once

#include "gmmvae/dataset.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/input_file.hpp"

namespace gmmvae {

/// Reads a CSV of numbers, and at most one column of labels. The first line is a header unless it holds a
/// number; without one the columns are called x1, x2, ... Labels that are not all integers are numbered in
/// the order in which they first appear, and their text is kept. Throws DataError with the row (from 1,
/// without the header) and column of a cell that is empty, not a number or not finite, and with the line of a
/// record with too few or many fields.
Dataset read_csv_dataset(const InputFile& file, const LoadOptions& options);

}  // namespace gmmvae
