#include "host/sweep/identity.hpp"

#include <fmt/format.h>

#include <charconv>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

/// Every bit of the result depends on every bit of x (the finaliser of MurmurHash3).
std::uint64_t scatter(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdU;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53U;
  return x ^ (x >> 33);
}

}  // namespace

void TrialId::add(std::string_view statement) {
  // FNV-1a twice, from two starts and on different sides of the product.
  constexpr std::uint64_t prime = 0x100000001b3;
  std::uint64_t first = 0xcbf29ce484222325, second = 0x84222325cbf29ce4;
  for (const char c : statement) {
    const auto byte = static_cast<unsigned char>(c);
    first = (first ^ byte) * prime;
    second = (second * prime) ^ byte;
  }
  high += scatter(first);
  low += scatter(second ^ statement.size());
}

void TrialId::add(const TrialId& statements) {
  high += statements.high;
  low += statements.low;
}

std::string TrialId::text() const {
  return fmt::format("{:016x}{:016x}", high, low);
}

TrialId TrialId::of_text(std::string_view text) {
  TrialId id;
  std::uint64_t* const parts[] = {&id.high, &id.low};
  bool good = text.size() == 32;
  for (std::size_t part = 0; part < 2 && good; ++part) {
    const char* const begin = text.data() + 16 * part;
    const auto [end, error] = std::from_chars(begin, begin + 16, *parts[part], 16);
    good = error == std::errc{} && end == begin + 16;
  }
  if (!good) throw DataError(fmt::format("'{}' is no trial's identity", text));
  return id;
}

}  // namespace gmmvae
