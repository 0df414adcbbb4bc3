#pragma once

#include <string>
#include <string_view>

#include "gmmvae/dataset.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/vae.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

// What verbs do with files: reading what their options name, and making sure of outputs before any work.

/// The data set that --data names, read as --key, --columns, --label and --delimiter say.
Dataset read_data(const Settings& settings);
/// The same for another option that names a data set.
Dataset read_data(const Settings& settings, std::string_view option);

/// Latent points that --data names: read the same way, but an .npz is taken to be what encode wrote.
Dataset read_latents(const Settings& settings);

/// A model file with the one model in it that --index names.
struct ChosenModel {
  Vae vae;
  std::size_t index = 0;
};
ChosenModel read_model(const Settings& settings);
/// The same from a file that another option or argument names.
ChosenModel read_model(const Settings& settings, const std::string& file);

/// The path of an output option, after a look whether it can be written: the work is not to be lost at its
/// end. Throws UsageError where it is missing, has another ending than those in `endings` (separated by
/// blanks; "" for any) or is one of the verb's inputs; DataError where it cannot be written.
std::string writable_path(const Settings& settings, std::string_view option, std::string_view endings);

/// Whether that is there, and neither a folder nor a device.
bool is_regular_file(const std::string& path);

/// Whether two paths name one file, be it there or not.
bool same_place(const std::string& a, const std::string& b);

/// Points to a .npy or .csv file, columns x1 .. xD.
void write_points(const std::string& path, MatrixView<float> points);

}  // namespace gmmvae
