#pragma once

namespace gmmvae::cpu {

/// CPUs' worth of time that the cgroup allows, or 0 where it sets no limit (cgroup v2's cpu.max, then v1's
/// quota).
double cgroup_quota();

}  // namespace gmmvae::cpu
