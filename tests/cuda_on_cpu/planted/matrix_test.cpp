// The matrix of planted bugs: each is caught by the tool that matrix.txt names, and the controls stay clean.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

// one column of the matrix: which program runs, in which order; an empty path is a tool that is not here
struct Tool {
  std::string name, program, order;
};

const std::vector<Tool>& tools() {
  static const std::vector<Tool> all = {
      {"forward", PLANTED_PLAIN, "forward"}, {"reverse", PLANTED_PLAIN, "reverse"},
      {"random", PLANTED_PLAIN, "random"},   {"lazy", PLANTED_PLAIN, "lazy"},
      {"asan", PLANTED_ASAN, "forward"},     {"msan", PLANTED_MSAN, "forward"},
      {"tsan", PLANTED_TSAN, "forward"}};
  return all;
}

struct Bug {
  std::string name;
  std::vector<std::string> expected;
};
std::ostream& operator<<(std::ostream& out, const Bug& bug) {
  return out << bug.name;
}

std::vector<Bug> bugs() {
  std::ifstream file(PLANTED_MATRIX);
  std::vector<Bug> all;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Bug bug;
    if (line.empty() || line[0] == '#' || !(words >> bug.name)) continue;
    for (std::string word; words >> word;) bug.expected.push_back(word);
    all.push_back(bug);
  }
  return all;
}

std::string outcome(const Tool& tool, const std::string& bug) {
  const std::string command =
      fmt::format("ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=exitcode=66 timeout 60 {} {} {} 2>&1",
                  tool.program, bug, tool.order);
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> part;
  while (const std::size_t got = std::fread(part.data(), 1, part.size(), pipe)) text.append(part.data(), got);
  const int status = pclose(pipe);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 0) return "-";
  if (code == 10) return "value";
  if (code == 11) return "error";
  if (code == 12) return "unknown bug";
  if (text.find("runtime error") != std::string::npos) return "ubsan";
  if (text.find("AddressSanitizer") != std::string::npos) return "asan";
  if (text.find("MemorySanitizer") != std::string::npos) return "msan";
  if (text.find("ThreadSanitizer") != std::string::npos) return "tsan";
  return "crash";
}

class Planted : public testing::TestWithParam<Bug> {};

TEST_P(Planted, IsCaught) {
  ASSERT_EQ(GetParam().expected.size(), tools().size());
  std::string absent;
  for (std::size_t i = 0; i < tools().size(); ++i) {
    const std::string& expected = GetParam().expected[i];
    if (tools()[i].program.empty()) absent += " " + tools()[i].name;
    if (tools()[i].program.empty() || expected == "?") continue;
    EXPECT_EQ(outcome(tools()[i], GetParam().name), expected) << "by " << tools()[i].name;
  }
  if (!absent.empty() && !HasFailure())
    GTEST_SKIP() << "not here:" << absent << "; everything else was checked";
}

INSTANTIATE_TEST_SUITE_P(Bugs, Planted, testing::ValuesIn(bugs()),
                         [](const auto& bug) { return bug.param.name; });

}  // namespace
