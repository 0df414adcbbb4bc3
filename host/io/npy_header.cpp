#include "host/io/npy_header.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "gmmvae/error.hpp"
#include "host/io/array.hpp"
#include "host/io/excerpt.hpp"

namespace gmmvae {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::string_view kSpace = " \t\n\r";
constexpr std::string_view kByteOrders = "<>=|";
constexpr std::size_t kLongestHeader = 1 << 20;
constexpr std::size_t kAlignment = 64;
/// NumPy leaves room for the first axis to grow to this many digits when rows are appended in place.
constexpr std::size_t kGrowthDigits = 21;

/// Reads the Python dictionary of the header: {'descr': '<f4', 'fortran_order': False, 'shape': (5, 3), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader parse() {
    expect('{');
    int seen = 0;
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        seen |= 1;
        parse_type();
      } else if (key == "fortran_order") {
        seen |= 2;
        header_.fortran_order = boolean();
      } else if (key == "shape") {
        seen |= 4;
        parse_shape();
      } else {
        damaged();
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (seen != 7 || place_ != text_.size()) damaged();
    return header_;
  }

 private:
  [[noreturn]] void damaged() const {
    throw DataError(
        fmt::format("{} has a damaged .npy header: '{}' at character {}", name_, excerpt(text_), place_));
  }

  void skip_space() {
    while (place_ < text_.size() && kSpace.find(text_[place_]) != std::string_view::npos) ++place_;
  }
  [[nodiscard]] char peek() {
    skip_space();
    return place_ < text_.size() ? text_[place_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c || place_ >= text_.size()) return false;
    ++place_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) damaged();
  }

  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') damaged();
    const std::size_t end = text_.find(quote, ++place_);
    if (end == std::string_view::npos) damaged();
    std::string result(text_.substr(place_, end - place_));
    place_ = end + 1;
    return result;
  }

  bool boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(place_, word.size()) == word) {
        place_ += word.size();
        return value;
      }
    }
    damaged();
  }

  void parse_shape() {
    expect('(');
    while (!accept(')')) {
      std::uint64_t size = 0;
      skip_space();
      const char* begin = text_.data() + place_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), size);
      if (error != std::errc()) damaged();
      place_ += static_cast<std::size_t>(end - begin);
      accept('L');  // Python 2 wrote long integers so
      header_.shape.push_back(size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
  }

  void parse_type() {
    if (peek() == '[') {
      throw DataError(
          fmt::format("{} holds a structured array; save its numeric columns as one plain array", name_));
    }
    const std::string descr = string();
    const char order = descr.empty() ? '\0' : descr[0];
    const std::string_view code =
        std::string_view(descr).substr(kByteOrders.find(order) != std::string_view::npos ? 1 : 0);
    static constexpr std::array<std::string_view, 12> kCodes = {"b1", "i1", "i2", "i4", "i8", "u1",
                                                                "u2", "u4", "u8", "f2", "f4", "f8"};
    for (std::size_t i = 0; i < kCodes.size(); ++i) {
      if (code != kCodes[i]) continue;
      header_.type = static_cast<ElementType>(i);
      header_.big_endian = order == '>';
      return;
    }
    throw DataError(
        fmt::format("{} holds {} ('{}'); only real numbers can be read: float16 to float64, integers, bool",
                    name_, kind(code), excerpt(descr)));
  }

  static std::string_view kind(std::string_view code) {
    switch (code.empty() ? '\0' : code[0]) {
      case 'c':
        return "complex numbers";
      case 'O':
        return "Python objects";
      case 'U':
      case 'S':
        return "text";
      case 'M':
      case 'm':
        return "dates or times";
      default:
        return "elements of another type";
    }
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t place_ = 0;
  NpyHeader header_;
};

std::string read_header_text(ByteStream& stream) {
  std::array<unsigned char, 8> start{};
  if (stream.remaining() < start.size()) {
    throw DataError(
        fmt::format("{} is not a .npy file: it has only {} bytes", stream.name(), stream.remaining()));
  }
  stream.read(start.data(), start.size());
  if (std::memcmp(start.data(), kMagic.data(), kMagic.size()) != 0) {
    throw DataError(fmt::format("{} is not a .npy file: it does not start with \\x93NUMPY", stream.name()));
  }
  if (start[6] < 1 || start[6] > 3) {
    throw DataError(fmt::format("{} is a .npy file of version {}.{}; versions 1 to 3 can be read",
                                stream.name(), start[6], start[7]));
  }
  const std::size_t length_bytes = start[6] == 1 ? 2 : 4;
  std::array<unsigned char, 4> length{};
  stream.read(length.data(), length_bytes);
  const std::size_t size =
      length[0] | std::size_t{length[1]} << 8 | std::size_t{length[2]} << 16 | std::size_t{length[3]} << 24;
  if (size > stream.remaining() || size > kLongestHeader) {
    throw DataError(fmt::format("{} is cut off or damaged: its .npy header claims {} bytes and {} follow",
                                stream.name(), size, stream.remaining()));
  }
  std::string text(size, '\0');
  stream.read(text.data(), text.size());
  return text;
}

}  // namespace

std::size_t element_size(ElementType type) {
  static constexpr std::array<std::size_t, 12> kSizes = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8};
  return kSizes.at(static_cast<std::size_t>(type));
}

NpyHeader read_npy_header(ByteStream& stream) {
  const std::string text = read_header_text(stream);
  NpyHeader header = HeaderParser(text, stream.name()).parse();
  std::vector<std::size_t> bytes = header.shape;
  bytes.push_back(element_size(header.type));
  std::size_t needed = 0;
  try {
    needed = element_count(bytes);
  } catch (const std::overflow_error&) {
    throw DataError(
        fmt::format("{} claims the impossible shape {}", stream.name(), shape_text(header.shape)));
  }
  if (needed != stream.remaining()) {
    throw DataError(fmt::format("{} is {}: its shape {} needs {} bytes of numbers and {} are there",
                                stream.name(), needed > stream.remaining() ? "cut off" : "damaged",
                                shape_text(header.shape), needed, stream.remaining()));
  }
  return header;
}

std::string npy_header_bytes(const std::string& descr, const std::vector<std::size_t>& shape) {
  std::string dictionary =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr, shape_text(shape));
  if (!shape.empty()) {
    const std::size_t digits = fmt::formatted_size("{}", shape[0]);
    dictionary.append(kGrowthDigits - digits, ' ');
  }
  const std::size_t before = kMagic.size() + 4 + dictionary.size() + 1;
  dictionary.append(kAlignment - before % kAlignment, ' ');
  dictionary += '\n';
  std::string bytes(kMagic);
  bytes += {'\x01', '\x00', static_cast<char>(dictionary.size() & 0xff),
            static_cast<char>(dictionary.size() >> 8)};
  return bytes + dictionary;
}

}  // namespace gmmvae
