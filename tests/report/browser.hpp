#pragma once

#include <sys/types.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace gmmvae::test {

/// A headless Chromium, spoken to over a pair of pipes in its DevTools protocol: one page that can be opened,
/// looked at and clicked. Every call throws std::runtime_error where the browser answers with an error, has
/// gone, or takes longer than half a minute.
class Browser {
 public:
  /// The program's path, or "" where none is installed.
  static std::string program();

  Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;
  ~Browser();

  /// Loads a file with or without JavaScript and waits until it is there.
  void open(const std::string& file, bool scripts = true);
  /// The value of a JavaScript expression; works on a page whose own scripts are off, too.
  nlohmann::json evaluate(const std::string& expression);
  /// Clicks the middle of the first element that matches.
  void click(const std::string& selector);
  /// Presses the button in the middle of it, moves by so many pixels, and lets go.
  void drag(const std::string& selector, double across, double down);
  /// Whether something of the page lies beyond the right edge of a sheet of A4 with the usual margins.
  bool too_wide_for_paper();
  /// Waits for two frames, in which all that was asked for is drawn.
  void settle();
  /// What the page said that it should not have: exceptions, errors and warnings of the console, blocked or
  /// failed requests.
  [[nodiscard]] std::vector<std::string> complaints() const { return complaints_; }
  /// Every address that was asked for.
  [[nodiscard]] std::vector<std::string> requests() const { return requests_; }

 private:
  nlohmann::json call(const std::string& method, const nlohmann::json& parameters);
  nlohmann::json receive();
  void note(const nlohmann::json& event);
  void set_width(int width);
  void mouse(const char* type, double x, double y);
  std::pair<double, double> middle_of(const std::string& selector);

  TemporaryFolder profile_;
  pid_t process_ = -1;
  int to_ = -1, from_ = -1;
  int calls_ = 0;
  bool loaded_ = false;
  std::string session_, buffer_;
  std::vector<std::string> complaints_, requests_;
};

}  // namespace gmmvae::test
