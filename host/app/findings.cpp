#include "host/app/findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <optional>
#include <string_view>
#include <thread>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/sweep.hpp"
#include "host/cpu/cgroup_quota.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

/// The number after "key" in a file of "key value" lines, such as the kernel's.
std::optional<double> value_in(const fs::path& file, const std::string& key) {
  std::ifstream stream(file);
  std::string word;
  while (stream >> word) {
    double value = 0.0;
    if (word == key && stream >> value) return value;
  }
  return std::nullopt;
}

/// Bytes that the cgroup allows (v2, then v1), where it sets a limit at all.
std::optional<double> cgroup_memory() {
  constexpr double none = 1e18;  // v1 writes "no limit" as a number near 2^63
  for (const char* file : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    double limit = 0.0;
    if (std::ifstream stream(file); stream >> limit && limit < none) return limit;
  }
  return std::nullopt;
}

std::size_t affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<std::size_t>(CPU_COUNT(&set)) : 1;
}

/// File systems by the number that statfs(2) gives them (linux/magic.h, and their own sources).
struct FileSystem {
  long magic;
  std::string_view name;
  bool network;
};
constexpr std::array<FileSystem, 19> kFileSystems = {{{0xef53, "ext4", false},
                                                      {0x58465342, "xfs", false},
                                                      {0x9123683e, "btrfs", false},
                                                      {0x2fc12fc1, "zfs", false},
                                                      {0xf2f52010, "f2fs", false},
                                                      {0x794c7630, "overlay", false},
                                                      {0x01021994, "tmpfs", false},
                                                      {0x858458f6, "ramfs", false},
                                                      {0x6969, "nfs", true},
                                                      {0x517b, "smb", true},
                                                      {0xff534d42, "cifs", true},
                                                      {0xfe534d42, "smb2", true},
                                                      {0x0bd00bd0, "lustre", true},
                                                      {0x47504653, "gpfs", true},
                                                      {0x19830326, "beegfs", true},
                                                      {0x00c36400, "ceph", true},
                                                      {0x5346414f, "afs", true},
                                                      {0x01021997, "9p", true},
                                                      {0x65735546, "fuse", true}}};

struct Volume {
  std::string name = "an unknown file system";
  bool network = false, memory = false;
};

Volume volume_of(const fs::path& folder) {
  struct statfs info = {};
  if (statfs(folder.c_str(), &info) != 0) return {};
  const auto* found = std::find_if(kFileSystems.begin(), kFileSystems.end(), [&](const FileSystem& known) {
    return known.magic == static_cast<long>(info.f_type & 0xffffffff);
  });
  if (found == kFileSystems.end())
    return {fmt::format("file system {:#x}", info.f_type & 0xffffffff), false, false};
  return {std::string(found->name), found->network, found->name == "tmpfs" || found->name == "ramfs"};
}

/// The variables that say what a launcher gave this process.
std::vector<std::pair<std::string, std::string>> launcher_variables(const char* const* environment) {
  std::vector<std::pair<std::string, std::string>> found;
  for (; *environment != nullptr; ++environment) {
    const std::string_view text = *environment;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const bool ours = text.starts_with("SLURM_") || text.starts_with("OMPI_COMM_WORLD_") ||
                      text.starts_with("JOB_COMPLETION") || text.starts_with("PMIX_RANK");
    if (ours) found.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::string gibibytes(double bytes) {
  return fmt::format("{:.1f} GiB", bytes / (1024.0 * 1024.0 * 1024.0));
}

Finding examine_processor() {
  const double quota = cpu::cgroup_quota();
  const std::size_t threads = available_threads();
  Finding finding{"processor", "ok", make_cpu_backend()->description(), "", {}};
  finding.facts = {{"threads", threads},
                   {"affinity", affinity()},
                   {"online", std::thread::hardware_concurrency()},
                   {"cgroup_quota", nullptr}};
  if (quota > 0.0) {
    finding.facts["cgroup_quota"] = quota;
    finding.found += fmt::format(", the cgroup allows the time of {:g}", quota);
  }
  if (affinity() < std::thread::hardware_concurrency())
    finding.found +=
        fmt::format(", affinity lets it use {} of {}", affinity(), std::thread::hardware_concurrency());
  return finding;
}

Finding examine_memory() {
  const std::optional<double> available = value_in("/proc/meminfo", "MemAvailable:");
  if (!available) return {"memory", "note", "unknown: /proc/meminfo is not there", "mount /proc", {}};
  double bytes = *available * 1024.0;
  Finding finding{"memory", "ok", fmt::format("{} available", gibibytes(bytes)), "", {}};
  finding.facts = {{"available_bytes", bytes}, {"cgroup_limit_bytes", nullptr}};
  if (const std::optional<double> limit = cgroup_memory()) {
    finding.facts["cgroup_limit_bytes"] = *limit;
    finding.found += fmt::format(", the cgroup allows {}", gibibytes(*limit));
    bytes = std::min(bytes, *limit);
  }
  if (bytes < 256.0 * 1024.0 * 1024.0) {
    finding.state = "note";
    finding.fix = "large data sets will not fit: end other programs, or ask for more memory";
  }
  return finding;
}

Finding examine_folder(const std::string& name, const fs::path& folder, const std::string& fix) {
  const Volume volume = volume_of(folder);
  Finding finding{name, "ok", fmt::format("{} on {}", folder.string(), volume.name), "", {}};
  finding.facts = {{"folder", folder.string()}, {"file_system", volume.name}, {"network", volume.network}};
  if (access(folder.c_str(), W_OK) != 0) {
    finding.state = "missing";
    finding.found += " is not writable";
    finding.fix = fix;
    return finding;
  }
  struct statvfs space = {};
  if (statvfs(folder.c_str(), &space) == 0) {
    const double free = static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize);
    finding.facts["free_bytes"] = free;
    finding.found += fmt::format(", {} free", gibibytes(free));
    if (free < 64.0 * 1024.0 * 1024.0) finding.fix = "make room: results are written whole or not at all";
  }
  if (finding.fix.empty() && volume.network)
    finding.fix = "sweeps are safe there, one SQLite file a shard; never run the same shard twice at once";
  if (finding.fix.empty() && volume.memory)
    finding.fix = "it is memory: move what is to outlive this machine's next start elsewhere";
  if (!finding.fix.empty()) finding.state = "note";
  return finding;
}

Finding examine_launcher(const char* const* environment) {
  Finding finding{"launcher", "ok", "none: a sweep runs whole, as shard 0 of 1", "", {}};
  std::string cpus;
  finding.facts["variables"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : launcher_variables(environment)) {
    finding.facts["variables"][name] = value;
    if (name == "SLURM_CPUS_PER_TASK") cpus = value;
    if (name == "SLURM_JOB_ID")
      finding.found = fmt::format("Slurm job {}: a sweep runs whole, as shard 0 of 1", value);
  }
  try {
    if (const std::optional<Shard> shard = launcher_shard(environment)) {
      finding.found =
          fmt::format("{}: a sweep runs shard {} of {}", shard->source, shard->index, shard->count);
      finding.facts["shard"] = shard->index;
      finding.facts["shards"] = shard->count;
    }
  } catch (const UsageError& error) {
    finding.state = "note";
    finding.found = error.what();
    finding.fix = "give sweeps --shard I/N";
    return finding;
  }
  if (const std::string threads = fmt::format("{}", available_threads()); !cpus.empty() && cpus != threads) {
    finding.state = "note";
    finding.fix =
        fmt::format("Slurm gave {} CPUs a task, but {} can be used: give --threads {}", cpus, threads, cpus);
  }
  return finding;
}

}  // namespace gmmvae
