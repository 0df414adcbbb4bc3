#include "host/training/identity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/config/implied.hpp"
#include "host/config/values.hpp"

namespace gmmvae {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;

/// The keys and values of a training_identity; the comment that identifies the points counts as a key.
std::vector<Entry> entries_of(std::string_view text) {
  constexpr std::string_view comment = "# ";
  constexpr std::string_view equals = " = ";
  std::vector<Entry> entries;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(comment)) line.remove_prefix(comment.size());
    const std::size_t middle = line.find(equals);
    if (middle != std::string_view::npos)
      entries.emplace_back(line.substr(0, middle), line.substr(middle + equals.size()));
  }
  return entries;
}

std::string value_of(const std::vector<Entry>& entries, std::string_view key) {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.first == key; });
  return found == entries.end() ? implied_value(key).value_or("not set") : std::string(found->second);
}

struct Difference {
  std::string key, was, is;
};

std::optional<Difference> first_difference(const std::string& before, const std::string& now) {
  const std::vector<Entry> old_entries = entries_of(before);
  const std::vector<Entry> new_entries = entries_of(now);
  std::vector<Entry> all = new_entries;
  all.insert(all.end(), old_entries.begin(), old_entries.end());
  for (const auto& [key, unused] : all) {
    std::string was = value_of(old_entries, key), is = value_of(new_entries, key);
    if (was != is) return Difference{std::string(key), std::move(was), std::move(is)};
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t fingerprint(MatrixView<float> x) {
  constexpr std::uint64_t prime = 0x100000001b3;
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto take = [&](std::uint64_t value) { hash = (hash ^ value) * prime; };
  take(x.rows);
  take(x.cols);
  for (std::size_t i = 0; i < x.size(); ++i) {
    take(std::bit_cast<std::uint32_t>(x.data[i]));
    hash ^= hash >> 32;  // a product carries nothing from its high bits down
  }
  return hash;
}

std::string training_identity(const Settings& settings, const Dataset& data) {
  return configuration_identity(settings, "train", data.x);
}

std::string configuration_identity(const Settings& settings, std::string_view verb, MatrixView<float> x,
                                   std::span<const std::string_view> compared) {
  std::string text = fmt::format("# data = {} points in {} dimensions, fingerprint {:016x}\n", x.rows, x.cols,
                                 fingerprint(x));
  for (const Option* option : options_of(settings.verb())) {
    const bool has_effect = option->effect == Effect::result && !option->command_only &&
                            find_option(verb, option->name) != nullptr &&
                            std::find(compared.begin(), compared.end(), option->name) == compared.end();
    if (!has_effect || !settings.is_set(option->name)) continue;
    text += fmt::format("{} = {}\n", option->name, toml_value(*option, settings.text(option->name)));
  }
  return text;
}

bool same_training(const std::string& before, const std::string& now) {
  return !first_difference(before, now);
}

void require_same_training(const std::string& before, const std::string& now, const std::string& file,
                           std::string_view work) {
  if (const std::optional<Difference> changed = first_difference(before, now))
    throw UsageError(
        fmt::format("{} comes from another {}: {} was {} and is now {}; give the same options to go on, or "
                    "another --out or no --resume to start afresh",
                    file, work, changed->key, changed->was, changed->is));
}

}  // namespace gmmvae
