#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

#include "gmmvae/backend.hpp"
#include "host/cpu/cgroup_quota.hpp"

namespace gmmvae {

double cpu::cgroup_quota() {
  std::string quota;
  double period = 0.0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> quota >> period) {
    return quota == "max" || period <= 0.0 ? 0.0 : std::stod(quota) / period;
  }
  double v1_quota = 0.0;
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota_file >> v1_quota && period_file >> period && v1_quota > 0.0 && period > 0.0)
    return v1_quota / period;
  return 0.0;
}

std::size_t available_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::size_t threads = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) threads = static_cast<std::size_t>(CPU_COUNT(&set));
  const double quota = cpu::cgroup_quota();
  if (quota > 0.0) threads = std::min(threads, static_cast<std::size_t>(std::ceil(quota)));
  return std::max<std::size_t>(threads, 1);
}

}  // namespace gmmvae
