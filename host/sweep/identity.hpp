#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gmmvae {

/// 128 bits that name a trial: they follow from its resolved configuration, its seed included, and where
/// trials are pruned from the trials it competed with.
struct TrialId {
  std::uint64_t high = 0, low = 0;

  /// Each statement about the trial is added; their order does not matter.
  void add(std::string_view statement);
  void add(const TrialId& statements);

  [[nodiscard]] std::string text() const;  ///< 32 hexadecimal digits
  /// Throws DataError for any other text.
  static TrialId of_text(std::string_view text);

  bool operator==(const TrialId&) const = default;
  bool operator<(const TrialId& other) const {
    return high != other.high ? high < other.high : low < other.low;
  }
};

}  // namespace gmmvae

template <>
struct std::hash<gmmvae::TrialId> {
  std::size_t operator()(const gmmvae::TrialId& id) const noexcept { return id.low ^ id.high; }
};
