#pragma once

#include <filesystem>
#include <string>

namespace gmmvae {

/// The folder that `run` leaves behind, and where each thing lies in it.
class RunDirectory {
 public:
  explicit RunDirectory(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Makes the folder this run's own: creates it, or goes on in one that holds the same configuration. Throws
  /// UsageError, naming the first line that differs, where it holds another run; DataError where it holds
  /// anything else or cannot be written. Afterwards config.toml is there.
  void claim(const std::string& config) const;

  /// Throws UsageError for a model's name that is no plain folder name.
  static void require_folder_name(const std::string& model);
  void create_model_folder(const std::string& model) const;

  [[nodiscard]] std::string file(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::string file(const std::string& model, const std::string& name) const {
    return (folder_ / model / name).string();
  }
  [[nodiscard]] std::string path() const { return folder_.string(); }

 private:
  std::filesystem::path folder_;
};

}  // namespace gmmvae
