#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "gmmvae/sweep.hpp"
#include "host/config/values.hpp"
#include "host/io/spelled_number.hpp"

namespace gmmvae {
namespace {

constexpr std::uint64_t kMostTrials = std::uint64_t{1} << 53;
constexpr std::uint64_t kLargestChunk = 1024;
/// So that a chunk keeps some threads busy.
constexpr std::uint64_t kSmallestChunk = 4;
/// So that a small sweep still has chunks for every shard.
constexpr std::uint64_t kWantedChunks = 64;
constexpr std::uint64_t kMostValues = 10'000'000;

std::optional<std::vector<std::string>> whole_range(std::string_view text, std::string_view label) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const auto first = spelled_number<std::int64_t>(text.substr(0, dots)),
             last = spelled_number<std::int64_t>(text.substr(dots + 2));
  if (!first || !last) return std::nullopt;
  const bool upward = *first <= *last;
  if (!upward || static_cast<std::uint64_t>(*last) - static_cast<std::uint64_t>(*first) >= kMostValues)
    throw UsageError(fmt::format("{}: {} is no range of 1 to {} whole numbers, the first not above the last",
                                 label, text, kMostValues));
  std::vector<std::string> values;
  for (std::int64_t value = *first; value <= *last; ++value) values.push_back(fmt::format("{}", value));
  return values;
}

std::optional<std::vector<std::string>> spaced(std::string_view text, std::string_view label) {
  const bool logarithmic = text.starts_with("log(");
  if ((!logarithmic && !text.starts_with("lin(")) || !text.ends_with(')')) return std::nullopt;
  const std::vector<std::string> parts = split_list(text.substr(4, text.size() - 5));
  std::optional<double> from, to;
  std::optional<std::uint64_t> count;
  if (parts.size() == 3) {
    from = spelled_number<double>(parts[0]);
    to = spelled_number<double>(parts[1]);
    count = spelled_number<std::uint64_t>(parts[2]);
  }
  const bool good = from && to && count && *count >= 1 && *count <= kMostValues && std::isfinite(*from) &&
                    std::isfinite(*to) && (!logarithmic || (*from > 0.0 && *to > 0.0));
  if (!good)
    throw UsageError(fmt::format("{}: {} is not {}(FIRST,LAST,COUNT) with a COUNT from 1{}", label, text,
                                 text.substr(0, 3), logarithmic ? " and ends above 0" : ""));
  std::vector<std::string> values;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const double t = *count == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(*count - 1);
    double value = logarithmic ? *from * std::pow(*to / *from, t) : *from + (*to - *from) * t;
    if (t == 1.0) value = *to;
    // Twelve digits: whoever types such a value again means the same trial.
    values.push_back(fmt::format("{:.12g}", value));
  }
  return values;
}

}  // namespace

std::vector<std::string> axis_values(std::string_view text, bool list_valued, std::string_view label) {
  if (auto values = whole_range(text, label)) return *std::move(values);
  if (auto values = spaced(text, label)) return *std::move(values);
  std::vector<std::string> values;
  if (list_valued) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(';'), text.size());
      values.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  } else {
    values = split_list(text);
  }
  if (values.empty() || std::find(values.begin(), values.end(), "") != values.end())
    throw UsageError(fmt::format("{}: the axis is empty or has an empty value", label));
  return values;
}

SweepSpace::SweepSpace(std::vector<SweepAxis> axes,
                       const std::vector<std::pair<std::string, std::string>>& pairs, Options options)
    : axes_(std::move(axes)), group_of_(axes_.size()), options_(std::move(options)) {
  make_groups(pairs);
  for (const std::uint64_t count : group_size_) {
    if (size_ > kMostTrials / count)
      throw UsageError(fmt::format("the axes have more than {} combinations", kMostTrials));
    size_ *= count;
  }
  if (!is_grid()) size_ = options_.points;
  if (options_.method == SweepMethod::sobol && axes_.size() > kSobolDimensions)
    throw UsageError(
        fmt::format("Sobol points have {} axes at most, not {}: take --method random, or pair some",
                    kSobolDimensions, axes_.size()));
  make_chunks();
}

void SweepSpace::make_groups(const std::vector<std::pair<std::string, std::string>>& pairs) {
  const auto find = [&](const std::string& key) {
    return static_cast<std::size_t>(
        std::find_if(axes_.begin(), axes_.end(), [&](const SweepAxis& axis) { return axis.key == key; }) -
        axes_.begin());
  };
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    if (axes_[a].values.empty()) throw UsageError(fmt::format("the axis {} has no values", axes_[a].key));
    if (find(axes_[a].key) != a) throw UsageError(fmt::format("the axis {} is given twice", axes_[a].key));
    group_of_[a] = a;
  }
  for (const auto& [first, second] : pairs) {
    const std::size_t a = find(first), b = find(second);
    if (a == axes_.size() || b == axes_.size())
      throw UsageError(fmt::format("--paired {}:{}: both must be axes of this sweep", first, second));
    if (axes_[a].values.size() != axes_[b].values.size())
      throw UsageError(fmt::format("--paired {}:{}: the axes have {} and {} values; they need as many", first,
                                   second, axes_[a].values.size(), axes_[b].values.size()));
    const std::size_t from = group_of_[b], to = group_of_[a];
    std::replace(group_of_.begin(), group_of_.end(), from, to);
  }
  group_size_.assign(axes_.size(), 1);
  for (std::size_t a = 0; a < axes_.size(); ++a) group_size_[group_of_[a]] = axes_[a].values.size();
}

/// Places run through a grid with the axes of the closest kin changing slowest. A chunk ends where the shape
/// changes if the trials of a shape fill it, and holds whole shapes if they do not.
void SweepSpace::make_chunks() {
  std::vector<int> kinship(group_size_.size(), static_cast<int>(Kinship::none));
  for (std::size_t a = 0; a < axes_.size() && options_.kinship; ++a) {
    int& closest = kinship[group_of_[a]];
    closest = std::min(closest, static_cast<int>(options_.kinship(axes_[a].key)));
  }
  schedule_.resize(group_size_.size());
  std::iota(schedule_.begin(), schedule_.end(), std::size_t{0});
  std::stable_sort(schedule_.begin(), schedule_.end(),
                   [&](std::size_t a, std::size_t b) { return kinship[a] < kinship[b]; });
  block_ = is_grid() ? 1 : size_;
  for (std::size_t g = 0; g < group_size_.size() && is_grid(); ++g)
    if (kinship[g] != static_cast<int>(Kinship::shape)) block_ *= group_size_[g];
  const std::uint64_t wanted = (size_ + kWantedChunks - 1) / kWantedChunks;
  chunk_size_ =
      options_.chunk > 0 ? options_.chunk : std::clamp<std::uint64_t>(wanted, kSmallestChunk, kLargestChunk);
  const std::uint64_t blocks = size_ / std::max<std::uint64_t>(block_, 1);
  chunks_ = block_ >= chunk_size_ ? blocks * ((block_ + chunk_size_ - 1) / chunk_size_)
                                  : (blocks + chunk_size_ / block_ - 1) / (chunk_size_ / block_);
}

/// Of a chunk, or of the end of the last one. Chunks of one shape are of one size, give or take a trial.
std::uint64_t SweepSpace::first_place(std::uint64_t chunk) const {
  if (block_ < chunk_size_) return std::min(size_, chunk * (chunk_size_ / block_) * block_);
  const std::uint64_t parts = (block_ + chunk_size_ - 1) / chunk_size_;
  const std::uint64_t shorter = block_ / parts, longer = block_ % parts, part = chunk % parts;
  return chunk / parts * block_ + part * shorter + std::min(part, longer);
}

std::vector<std::uint64_t> SweepSpace::chunk(std::uint64_t index) const {
  std::vector<std::uint64_t> trials;
  for (std::uint64_t place = first_place(index); place < first_place(index + 1); ++place)
    trials.push_back(trial_at(place));
  return trials;
}

std::uint64_t SweepSpace::chunk_of(std::uint64_t trial) const {
  const std::uint64_t place = place_of(trial);
  std::uint64_t low = 0, high = chunks_;  // first_place(low) <= place < first_place(high)
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (first_place(middle) <= place ? low : high) = middle;
  }
  return low;
}

std::uint64_t SweepSpace::trial_at(std::uint64_t place) const {
  if (!is_grid()) return place;
  std::vector<std::uint64_t> digit(group_size_.size(), 0);
  for (std::size_t s = schedule_.size(); s-- > 0;) {
    digit[schedule_[s]] = place % group_size_[schedule_[s]];
    place /= group_size_[schedule_[s]];
  }
  std::uint64_t trial = 0;
  for (std::size_t g = 0; g < digit.size(); ++g) trial = trial * group_size_[g] + digit[g];
  return trial;
}

std::uint64_t SweepSpace::place_of(std::uint64_t trial) const {
  if (!is_grid()) return trial;
  std::vector<std::uint64_t> digit(group_size_.size(), 0);
  for (std::size_t g = group_size_.size(); g-- > 0;) {
    digit[g] = trial % group_size_[g];
    trial /= group_size_[g];
  }
  std::uint64_t place = 0;
  for (const std::size_t g : schedule_) place = place * group_size_[g] + digit[g];
  return place;
}

std::vector<std::size_t> SweepSpace::at(std::uint64_t index) const {
  std::vector<std::size_t> of_group(group_size_.size(), 0);
  const std::uint64_t trial = index;
  for (std::size_t g = group_size_.size(); g-- > 0;) {
    const auto stream = [&](std::uint64_t block) {
      return RandomStream(options_.seed, Purpose::sweep, static_cast<std::uint32_t>(g),
                          static_cast<std::uint32_t>(block));
    };
    if (is_grid()) {
      of_group[g] = static_cast<std::size_t>(index % group_size_[g]);
      index /= group_size_[g];
    } else if (options_.method == SweepMethod::random) {
      const double u = stream(trial >> 32).uniform(trial & 0xffffffffU);
      of_group[g] = static_cast<std::size_t>(u * static_cast<double>(group_size_[g]));
    } else {
      // Exclusive or with a random number moves the points and leaves them as even as they were.
      const auto shift = static_cast<std::uint32_t>(stream(0).uniform(0) * 0x1p32);
      of_group[g] = static_cast<std::size_t>((std::uint64_t{sobol(trial, g) ^ shift} * group_size_[g]) >> 32);
    }
  }
  std::vector<std::size_t> chosen(axes_.size());
  for (std::size_t a = 0; a < axes_.size(); ++a) chosen[a] = of_group[group_of_[a]];
  return chosen;
}

}  // namespace gmmvae
