#include <fmt/format.h>

#include <string>

#include "gmmvae/error.hpp"
#include "gmmvae/sweep.hpp"
#include "host/io/spelled_number.hpp"

namespace gmmvae {
namespace {

class Variables {
 public:
  explicit Variables(const char* const* environment) : environment_(environment) {}

  [[nodiscard]] std::optional<std::uint64_t> get(std::string_view name) const {
    for (const char* const* entry = environment_; *entry != nullptr; ++entry) {
      const std::string_view text = *entry;
      if (text.size() <= name.size() || text[name.size()] != '=' || !text.starts_with(name)) continue;
      const std::string_view value = text.substr(name.size() + 1);
      const auto number = spelled_number<std::uint64_t>(value);
      if (!number)
        throw UsageError(fmt::format("{} is '{}', no whole number; give --shard I/N", name, value));
      return number;
    }
    return std::nullopt;
  }

 private:
  const char* const* environment_;
};

Shard checked(std::uint64_t index, std::uint64_t count, std::string source) {
  if (count == 0 || index >= count)
    throw UsageError(
        fmt::format("{}: there is no shard {} of {}; they are counted from 0", source, index, count));
  return {index, count, std::move(source)};
}

std::optional<Shard> slurm_shard(const Variables& variables) {
  std::uint64_t index = 0, count = 1;
  std::string source;
  if (const auto id = variables.get("SLURM_ARRAY_TASK_ID")) {
    const std::uint64_t lowest = variables.get("SLURM_ARRAY_TASK_MIN").value_or(0);
    const std::uint64_t step = variables.get("SLURM_ARRAY_TASK_STEP").value_or(1);
    const auto tasks = variables.get("SLURM_ARRAY_TASK_COUNT");
    if (!tasks || *id < lowest || step == 0 || (*id - lowest) % step != 0)
      throw UsageError("Slurm's array variables contradict each other; give --shard I/N");
    index = (*id - lowest) / step;
    count = *tasks;
    source = "Slurm's array";
  }
  // Without srun, PROCID is 0 however many tasks were asked for: only a step's own count says they all run.
  if (const auto tasks = variables.get("SLURM_STEP_NUM_TASKS")) {
    index = index * *tasks + variables.get("SLURM_PROCID").value_or(0);
    count *= *tasks;
    source += source.empty() ? "srun" : " and srun";
  }
  if (source.empty()) return std::nullopt;
  return checked(index, count, source);
}

}  // namespace

Shard parse_shard(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto index = spelled_number<std::uint64_t>(text.substr(0, slash));
  const auto count =
      slash == std::string_view::npos ? std::nullopt : spelled_number<std::uint64_t>(text.substr(slash + 1));
  if (!index || !count) throw UsageError(fmt::format("--shard takes I/N as in 0/4, not '{}'", text));
  return checked(*index, *count, "--shard");
}

std::optional<Shard> launcher_shard(const char* const* environment) {
  const Variables variables(environment);
  if (const auto rank = variables.get("OMPI_COMM_WORLD_RANK")) {
    if (const auto size = variables.get("OMPI_COMM_WORLD_SIZE")) return checked(*rank, *size, "mpirun");
  }
  if (const auto index = variables.get("JOB_COMPLETION_INDEX")) {
    const auto count = variables.get("JOB_COMPLETIONS");
    if (!count)
      throw UsageError(
          "JOB_COMPLETION_INDEX is set, but not JOB_COMPLETIONS, the number of completions: set it in the "
          "job, "
          "or give --shard I/N");
    return checked(*index, *count, "the indexed job");
  }
  return slurm_shard(variables);
}

}  // namespace gmmvae
