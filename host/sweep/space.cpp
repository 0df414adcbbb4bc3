#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "gmmvae/sweep.hpp"
#include "host/config/values.hpp"

namespace gmmvae {
namespace {

constexpr std::uint64_t kMostTrials = std::uint64_t{1} << 53;
constexpr std::uint64_t kLargestChunk = 1024;
/// So that a chunk keeps some threads busy.
constexpr std::uint64_t kSmallestChunk = 4;
/// So that a small sweep still has chunks for every shard.
constexpr std::uint64_t kWantedChunks = 64;
constexpr std::uint64_t kMostValues = 10'000'000;

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::vector<std::string>> whole_range(std::string_view text, std::string_view label) {
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  const auto first = number<std::int64_t>(text.substr(0, dots)),
             last = number<std::int64_t>(text.substr(dots + 2));
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
    from = number<double>(parts[0]);
    to = number<double>(parts[1]);
    count = number<std::uint64_t>(parts[2]);
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
                       const std::vector<std::pair<std::string, std::string>>& pairs, SweepMethod method,
                       std::uint64_t points, std::uint64_t seed)
    : axes_(std::move(axes)), group_of_(axes_.size()), method_(method), seed_(seed) {
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
  for (const std::uint64_t count : group_size_) {
    if (size_ > kMostTrials / count)
      throw UsageError(fmt::format("the axes have more than {} combinations", kMostTrials));
    size_ *= count;
  }
  if (method_ == SweepMethod::random) size_ = points;
}

std::vector<std::size_t> SweepSpace::at(std::uint64_t index) const {
  std::vector<std::size_t> of_group(group_size_.size(), 0);
  for (std::size_t g = group_size_.size(); g-- > 0;) {
    if (method_ == SweepMethod::random) {
      const RandomStream stream(seed_, Purpose::sweep, static_cast<std::uint32_t>(g),
                                static_cast<std::uint32_t>(index >> 32));
      const double u = stream.uniform(index & 0xffffffffU);
      of_group[g] = static_cast<std::size_t>(u * static_cast<double>(group_size_[g]));
    } else {
      of_group[g] = static_cast<std::size_t>(index % group_size_[g]);
      index /= group_size_[g];
    }
  }
  std::vector<std::size_t> chosen(axes_.size());
  for (std::size_t a = 0; a < axes_.size(); ++a) chosen[a] = of_group[group_of_[a]];
  return chosen;
}

std::uint64_t SweepSpace::chunk_size() const {
  return std::clamp<std::uint64_t>((size_ + kWantedChunks - 1) / kWantedChunks, kSmallestChunk,
                                   kLargestChunk);
}

std::uint64_t SweepSpace::chunks() const {
  return (size_ + chunk_size() - 1) / chunk_size();
}

}  // namespace gmmvae
