#include "host/sweep/folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <system_error>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/io/atomic_file.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPlanFile = "sweep.toml";

/// Key and value of every line of a plan's TOML.
std::map<std::string, std::string> lines_of(const SweepPlan& plan) {
  std::map<std::string, std::string> lines;
  std::string_view rest;
  const std::string text = plan.to_toml();
  rest = text;
  while (!rest.empty() && rest.front() != '[') {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (const std::size_t equals = line.find(" = "); equals != std::string_view::npos)
      lines.emplace(line.substr(0, equals), line.substr(equals + 3));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lines;
}

std::uint64_t whole(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string difference(const SweepPlan& before, const SweepPlan& now) {
  const auto& old_axes = before.space().axes();
  const auto& new_axes = now.space().axes();
  for (const SweepAxis& axis : new_axes)
    if (std::none_of(old_axes.begin(), old_axes.end(),
                     [&](const SweepAxis& other) { return other.key == axis.key; }))
      return fmt::format("{} is an axis now and was none", axis.key);
  auto was = lines_of(before), is = lines_of(now);
  if (whole(was["points"]) <= whole(is["points"])) was["points"] = is["points"];
  for (const auto& [key, value] : is) was.try_emplace(key, "not set");
  for (const auto& [key, value] : was) {
    const auto found = is.find(key);
    const std::string current = found == is.end() ? "not set" : found->second;
    if (current != value) return fmt::format("{} was {} and is now {}", key, value, current);
  }
  const bool random = was["method"] != "\"grid\"";
  for (const SweepAxis& axis : old_axes) {
    const auto same = std::find_if(new_axes.begin(), new_axes.end(),
                                   [&](const SweepAxis& other) { return other.key == axis.key; });
    if (same == new_axes.end()) return fmt::format("{} was an axis and is none now", axis.key);
    for (const std::string& value : axis.values)
      if (std::find(same->values.begin(), same->values.end(), value) == same->values.end())
        return fmt::format("the axis {} had the value {}, which is gone", axis.key, value);
    // Random points are drawn by their places on the axes, which must stay.
    if (random && same->values.size() != axis.values.size())
      return fmt::format("the axis {} has other values; points drawn before cannot take them in", axis.key);
  }
  return "";
}

/// Whether there is anything in the folder but what a sweep that was killed at its very start leaves there.
bool holds_something(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (!entry.path().filename().string().starts_with(fmt::format("{}.tmp-", kPlanFile))) return true;
  return false;
}

}  // namespace

fs::path plan_path(const fs::path& folder) {
  return folder / kPlanFile;
}

bool is_sweep_folder(const fs::path& folder) {
  std::error_code error;
  return fs::exists(plan_path(folder), error);
}

void claim_sweep_folder(const fs::path& folder, const SweepPlan& plan) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw DataError(fmt::format("the folder {} cannot be created: {}", folder.string(), error.message()));
  const fs::path file = plan_path(folder);
  if (fs::exists(file, error)) {
    const std::string changed = difference(stored_plan(folder), plan);
    if (!changed.empty())
      throw UsageError(
          fmt::format("{} holds another sweep: {}; add values to its axes, or choose another --out",
                      folder.string(), changed));
  } else if (holds_something(folder)) {
    throw DataError(fmt::format("{} is not empty and holds no sweep; choose another --out", folder.string()));
  }
  write_file(file.string(), plan.to_toml());
}

SweepPlan stored_plan(const fs::path& folder) {
  if (!is_sweep_folder(folder))
    throw DataError(fmt::format("{} holds no sweep: there is no {}", folder.string(), kPlanFile));
  return load_plan(Settings("sweep"), plan_path(folder).string(), {});
}

}  // namespace gmmvae
