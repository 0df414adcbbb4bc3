#include "host/io/csv_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// Refuses what is no text in UTF-8, by its first bytes.
void require_text(std::string_view start, const std::string& name) {
  if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff"))
    throw DataError(fmt::format("{} is text in UTF-16: save it as UTF-8", name));
  if (start.starts_with("\x1f\x8b"))
    throw DataError(
        fmt::format("{} is compressed: unpack it first, as zcat FILE | gmmvae ... --data - does", name));
  if (start.substr(0, 4096).find('\0') != std::string_view::npos)
    throw DataError(fmt::format("{} is no text: points are read from .npz, .npy and CSV", name));
}

}  // namespace

CsvReader::CsvReader(const InputFile& file, char delimiter) : file_(file), delimiter_(delimiter) {
  fill();
  require_text(buffer_, file_.name());
  if (std::string_view(buffer_).starts_with(kByteOrderMark)) next_ = kByteOrderMark.size();
}

/// Drops the records already read and appends the next block; false at the end of the file.
bool CsvReader::fill() {
  const std::size_t count = std::min<std::uint64_t>(kBlock, file_.size() - offset_);
  buffer_.erase(0, next_);
  begin_ = next_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + count);
  file_.read(offset_, buffer_.data() + kept, count);
  offset_ += count;
  return count > 0;
}

/// Finds the end of the record that begins at next_: the first line end that is not inside quotes.
bool CsvReader::load_record() {
  bool quoted = false;
  std::size_t lines = 0;
  std::size_t place = next_;
  while (true) {
    for (; place < buffer_.size(); ++place) {
      if (!quoted) {
        // Most of a file is outside of quotes: jump to the line end and look for a quote on the way.
        const char* from = buffer_.data() + place;
        const std::size_t left = buffer_.size() - place;
        const auto* stop = static_cast<const char*>(std::memchr(from, '\n', left));
        const std::size_t length = stop == nullptr ? left : static_cast<std::size_t>(stop - from);
        const std::size_t quote = std::string_view(from, length).find('"');
        place += std::min(quote, length);
        if (quote == std::string_view::npos && stop == nullptr) break;
      }
      const char c = buffer_[place];
      if (c == '"') quoted = !quoted;
      if (c != '\n') continue;
      ++lines;
      if (quoted) continue;
      begin_ = next_;
      end_ = place > begin_ && buffer_[place - 1] == '\r' ? place - 1 : place;
      next_ = place + 1;
      line_ = next_line_;
      next_line_ += lines;
      return true;
    }
    const std::size_t scanned = place - next_;
    if (!fill()) break;
    place = scanned;
  }
  line_ = next_line_;
  if (quoted) throw DataError(fmt::format("{}, line {}: a quote is not closed", file_.name(), line_));
  begin_ = next_;
  end_ = buffer_.size();
  if (end_ > begin_ && buffer_[end_ - 1] == '\r') --end_;
  next_ = buffer_.size();
  return end_ > begin_;
}

/// The field that starts with a quote at `place`, which moves behind the closing one.
std::string_view CsvReader::take_quoted(std::size_t& place) {
  const std::size_t first = ++place;
  bool doubled = false;
  while (true) {
    const std::size_t quote = buffer_.find('"', place);
    if (quote >= end_)
      throw DataError(fmt::format("{}, line {}: a quote is not closed", file_.name(), line_));
    place = quote + 1;
    if (place >= end_ || buffer_[place] != '"') break;
    doubled = true;
    ++place;
  }
  if (place < end_ && buffer_[place] != delimiter_) {
    throw DataError(fmt::format("{}, line {}: there is text behind a closing quote", file_.name(), line_));
  }
  const std::string_view inside(buffer_.data() + first, place - 1 - first);
  if (!doubled) return inside;
  auto text = std::make_unique<std::string>();
  for (std::size_t i = 0; i < inside.size(); ++i) {
    *text += inside[i];
    if (inside[i] == '"') ++i;
  }
  unquoted_.push_back(std::move(text));
  return *unquoted_.back();
}

bool CsvReader::split(std::vector<std::string_view>& fields) {
  fields.clear();
  unquoted_.clear();
  std::size_t place = begin_;
  // Blanks separate in any number, and mean nothing at either end.
  const auto skip_blanks = [&] {
    while (delimiter_ == ' ' && place < end_ && buffer_[place] == ' ') ++place;
  };
  skip_blanks();
  while (true) {
    if (place < end_ && buffer_[place] == '"') {
      fields.push_back(take_quoted(place));
    } else {
      const auto* stop =
          static_cast<const char*>(std::memchr(buffer_.data() + place, delimiter_, end_ - place));
      const std::size_t field_end = stop == nullptr ? end_ : static_cast<std::size_t>(stop - buffer_.data());
      fields.emplace_back(buffer_.data() + place, field_end - place);
      place = field_end;
    }
    if (place >= end_) return true;
    ++place;  // the delimiter; a last one is followed by an empty field
    skip_blanks();
    if (delimiter_ == ' ' && place >= end_) return true;
  }
}

bool CsvReader::next(std::vector<std::string_view>& fields) {
  while (true) {
    const bool found = load_record();
    if (found && begin_ == end_) continue;  // an empty line
    if (!found) return false;
    return split(fields);
  }
}

char guess_delimiter(const InputFile& file) {
  std::string start(std::min<std::uint64_t>(file.size(), 1 << 16), '\0');
  file.read(0, start.data(), start.size());
  const std::string_view line = std::string_view(start).substr(0, start.find('\n'));
  for (const char candidate : {',', ';', '\t'}) {
    if (line.find(candidate) != std::string_view::npos) return candidate;
  }
  // Numbers and blanks alone, as numpy.savetxt writes; a name may have a blank in it.
  const bool numbers = line.find_first_not_of("0123456789+-.eE \r") == std::string_view::npos;
  return numbers && line.find(' ') != std::string_view::npos ? ' ' : ',';
}

}  // namespace gmmvae
