#include "host/app/progress.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <utility>

namespace gmmvae {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string clock_text(double total_seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(total_seconds));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

ProgressLine::ProgressLine(const Console& console, std::string unit, std::uint64_t done, std::uint64_t total)
    : console_(console), unit_(std::move(unit)), already_(done), total_(total), done_(done) {
  // Nothing is drawn for work that is over in a moment.
  next_ = start_ + (console_.draws_progress() ? std::chrono::nanoseconds(milliseconds(300)) : seconds(30));
}

ProgressLine::~ProgressLine() {
  if (drawn_) console_.draw("\r\033[K");
}

std::string ProgressLine::text(Clock::time_point now) const {
  const std::uint64_t done = done_.load();
  const double elapsed = duration<double>(now - start_).count();
  const double rate = static_cast<double>(done - already_) / elapsed;
  const std::string left =
      rate > 0.0 ? clock_text(static_cast<double>(total_ - done) / rate) : std::string("unknown");
  return fmt::format("{:3.0f} %  {}/{} {}  {:.{}f} {}/s  {} left{}{}",
                     100.0 * static_cast<double>(done) / static_cast<double>(total_), done, total_, unit_,
                     rate, rate < 10.0 ? 1 : 0, unit_, left, note_.empty() ? "" : "  ", note_);
}

void ProgressLine::note(std::string text) {
  const std::lock_guard<std::mutex> lock(drawing_);
  note_ = std::move(text);
}

void ProgressLine::advance(std::uint64_t units) {
  done_ += units;
  if (!console_.draws_progress() && !console_.prints_progress()) return;
  // Whoever comes while another draws leaves it to the next call: workers never wait here.
  const std::unique_lock<std::mutex> lock(drawing_, std::try_to_lock);
  const Clock::time_point now = Clock::now();
  if (!lock.owns_lock() || now < next_) return;
  if (console_.draws_progress()) {
    console_.draw(fmt::format("\r{}\033[K", text(now)));
    drawn_ = true;
    next_ = now + milliseconds(100);
  } else {
    console_.draw(fmt::format("{}\n", text(now)));
    next_ = now + seconds(30);
  }
}

}  // namespace gmmvae
