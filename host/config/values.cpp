#include "host/config/values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "gmmvae/error.hpp"
#include "host/io/nearest_name.hpp"
#include "host/io/spelled_number.hpp"

namespace gmmvae {
namespace {

using Words = std::vector<std::string>;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<double> number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::optional<double> value = spelled_number<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

bool inside(const Range& range, double value) {
  if (range.above_lowest ? value <= range.lowest : value < range.lowest) return false;
  return range.below_highest ? value < range.highest : value <= range.highest;
}

std::string range_text(const Range& range) {
  std::string text;
  if (std::isfinite(range.lowest)) {
    text += fmt::format("{} {}", range.above_lowest ? " above" : " from", range.lowest);
  }
  if (std::isfinite(range.highest)) {
    text += fmt::format("{} {:.0f}", range.below_highest ? " to below" : " to", range.highest);
  }
  return text;
}

Words words_of(const Option& option) {
  return option.words != nullptr ? option.words() : Words{};
}

std::optional<std::string> known_word(const Option& option, std::string_view value) {
  const Words words = words_of(option);
  const auto found = std::find(words.begin(), words.end(), trimmed(value));
  if (found == words.end()) return std::nullopt;
  return *found;
}

std::optional<std::string> canonical_flag(std::string_view value) {
  for (const std::string_view yes : {"true", "1", "on", "yes"}) {
    if (value == yes) return "true";
  }
  for (const std::string_view no : {"false", "0", "off", "no"}) {
    if (value == no) return "false";
  }
  return std::nullopt;
}

std::optional<std::string> canonical_number(const Range& range, bool whole, std::string_view value) {
  const std::optional<double> parsed = number(value);
  if (!parsed || !inside(range, *parsed)) return std::nullopt;
  if (whole && *parsed != std::floor(*parsed)) return std::nullopt;
  // Digits that a double only rounds to the range's end are outside of it.
  std::uint64_t exact = 0;
  const std::string_view digits = trimmed(value);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exact);
  const bool all_digits = error == std::errc{} && end == digits.data() + digits.size();
  if (whole && all_digits && exact != static_cast<std::uint64_t>(*parsed)) return std::nullopt;
  return whole ? fmt::format("{:.0f}", *parsed) : fmt::format("{}", *parsed);
}

std::optional<std::string> canonical_widths(std::string_view value) {
  constexpr Range width{.lowest = 1, .highest = 1048576};
  Words widths;
  for (const std::string& piece : split_list(value)) {
    const std::optional<std::string> one = canonical_number(width, true, piece);
    if (!one) return std::nullopt;
    widths.push_back(*one);
  }
  if (widths.empty()) return std::nullopt;
  return fmt::format("{}", fmt::join(widths, ","));
}

std::optional<std::string> canonical_duration(const Range& range, std::string_view value) {
  value = trimmed(value);
  char unit = 's';
  if (!value.empty() && (value.back() == 's' || value.back() == 'm' || value.back() == 'h')) {
    unit = value.back();
    value.remove_suffix(1);
  }
  const std::optional<std::string> count = canonical_number(range, false, value);
  if (!count) return std::nullopt;
  return *count + unit;
}

std::optional<std::string> canonical_weights(std::string_view value) {
  constexpr Range weight{.lowest = 0, .above_lowest = true};
  constexpr std::string_view dirichlet = "dirichlet:";
  if (value == "equal") return std::string(value);
  if (value.starts_with(dirichlet)) {
    const auto concentration = canonical_number(weight, false, value.substr(dirichlet.size()));
    if (!concentration) return std::nullopt;
    return std::string(dirichlet) + *concentration;
  }
  Words weights;
  for (const std::string& piece : split_list(value)) {
    const std::optional<std::string> one = canonical_number(weight, false, piece);
    if (!one) return std::nullopt;
    weights.push_back(*one);
  }
  if (weights.empty()) return std::nullopt;
  return fmt::format("{}", fmt::join(weights, ","));
}

std::optional<std::string> canonical_device(std::string_view value) {
  constexpr std::string_view cuda = "cuda:";
  if (value == "auto" || value == "cpu" || value == "cuda") return std::string(value);
  if (!value.starts_with(cuda)) return std::nullopt;
  Words devices;
  for (const std::string& piece : split_list(value.substr(cuda.size()))) {
    const auto one = canonical_number({.lowest = 0, .highest = 1023}, true, piece);
    if (!one) return std::nullopt;
    devices.push_back(*one);
  }
  if (devices.empty()) return std::nullopt;
  return fmt::format("{}{}", cuda, fmt::join(devices, ","));
}

std::optional<std::string> canonical_character(std::string_view value) {
  if (value == "tab" || value == "\\t" || value == "\t") return "tab";
  if (value.size() != 1 || value == "\"" || value == "\n" || value == "\r") return std::nullopt;
  return std::string(value);
}

std::optional<std::string> canonical(const Option& option, std::string_view value) {
  if (auto word = known_word(option, value)) return word;
  switch (option.kind) {
    case OptionKind::flag:
      return canonical_flag(value);
    case OptionKind::level:
    case OptionKind::integer:
      return canonical_number(option.range, true, value);
    case OptionKind::real:
      return canonical_number(option.range, false, value);
    case OptionKind::widths:
      return canonical_widths(value);
    case OptionKind::duration:
      return canonical_duration(option.range, value);
    case OptionKind::names: {
      const Words pieces = split_list(value);
      if (pieces.empty() || std::find(pieces.begin(), pieces.end(), "") != pieces.end()) return std::nullopt;
      return fmt::format("{}", fmt::join(pieces, ","));
    }
    case OptionKind::text:
    case OptionKind::path:
      if (value.empty()) return std::nullopt;
      return std::string(value);
    case OptionKind::weights:
      return canonical_weights(trimmed(value));
    case OptionKind::device:
      return canonical_device(trimmed(value));
    case OptionKind::character:
      return canonical_character(value);
    case OptionKind::choice:
      break;
  }
  return std::nullopt;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

std::vector<std::string> split_list(std::string_view value) {
  value = trimmed(value);
  if (value.starts_with('[') && value.ends_with(']')) value = trimmed(value.substr(1, value.size() - 2));
  std::vector<std::string> pieces;
  if (value.empty()) return pieces;
  while (true) {
    const std::size_t comma = std::min(value.find(','), value.size());
    std::string_view piece = trimmed(value.substr(0, comma));
    const bool in_quotes = piece.size() >= 2 && piece.front() == '"' && piece.back() == '"';
    if (in_quotes) piece = piece.substr(1, piece.size() - 2);
    pieces.emplace_back(piece);
    if (comma == value.size()) return pieces;
    value.remove_prefix(comma + 1);
  }
}

std::string allowed_values(const Option& option) {
  const Words words = words_of(option);
  const std::string or_words = words.empty() ? "" : fmt::format(" or {}", fmt::join(words, " or "));
  switch (option.kind) {
    case OptionKind::flag:
      return "true or false";
    case OptionKind::level:
    case OptionKind::integer:
      return "a whole number" + range_text(option.range) + or_words;
    case OptionKind::real:
      return "a number" + range_text(option.range) + or_words;
    case OptionKind::widths:
      return "widths from 1 separated by commas, as in 64,64," + or_words;
    case OptionKind::names:
      return "names separated by commas";
    case OptionKind::duration:
      return "a time" + range_text(option.range) + " in seconds, or with a unit as in 30s, 5m or 2h";
    case OptionKind::choice:
      return fmt::format("one of {}", fmt::join(words, ", "));
    case OptionKind::path:
      return "a file";
    case OptionKind::weights:
      return "equal, dirichlet:A with A above 0, or numbers above 0 separated by commas";
    case OptionKind::device:
      return "auto, cpu, cuda, cuda:N or several as in cuda:0,1";
    case OptionKind::character:
      return "a single character or tab";
    case OptionKind::text:
      break;
  }
  return "a text";
}

std::string canonical_value(const Option& option, std::string_view value, std::string_view label) {
  if (const auto good = canonical(option, value)) return *good;
  const std::string nearest = nearest_name(value, words_of(option));
  throw UsageError(fmt::format("{} takes {}, not '{}'{}", label, allowed_values(option), value,
                               nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest)));
}

std::string toml_value(const Option& option, std::string_view value) {
  const bool word = known_word(option, value).has_value();
  switch (option.kind) {
    case OptionKind::flag:
      return std::string(value);
    case OptionKind::level:
    case OptionKind::integer:
    case OptionKind::real:
      return word ? quoted(value) : std::string(value);
    case OptionKind::widths:
      return word ? quoted(value) : fmt::format("[{}]", fmt::join(split_list(value), ", "));
    case OptionKind::names: {
      Words pieces = split_list(value);
      std::transform(pieces.begin(), pieces.end(), pieces.begin(), quoted);
      return fmt::format("[{}]", fmt::join(pieces, ", "));
    }
    default:
      return quoted(value);
  }
}

double duration_seconds(std::string_view value) {
  const double scale = value.ends_with('h') ? 3600.0 : value.ends_with('m') ? 60.0 : 1.0;
  return scale * number(value.substr(0, value.size() - 1)).value();
}

}  // namespace gmmvae
