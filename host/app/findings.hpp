#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gmmvae {

/// One thing that doctor looked at. `state` is ok, note (works, but know this) or missing; `fix` is empty
/// where nothing is wrong. `facts` are the same for programs.
struct Finding {
  std::string name;
  std::string state;
  std::string found;
  std::string fix;
  nlohmann::ordered_json facts = nlohmann::ordered_json::object();
};

/// "1.5 GiB"
std::string gibibytes(double bytes);

/// Instruction set, threads and what limits them.
Finding examine_processor();
/// Memory that is there and what the cgroup allows.
Finding examine_memory();
/// Whether a folder can be written, how much fits, and what kind of file system it lies on.
Finding examine_folder(const std::string& name, const std::filesystem::path& folder, const std::string& fix);
/// What Slurm, mpirun or Kubernetes say of this process; `environment` as in environ.
Finding examine_launcher(const char* const* environment);

}  // namespace gmmvae
