#include "tests/report/browser.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace gmmvae::test {
namespace {

using nlohmann::json;

constexpr int kScreen = 1180;     // pixels
constexpr int kPatience = 30000;  // milliseconds; a busy machine may take seconds to start a browser

/// A pipe whose ends stay clear of the numbers that the browser reads from and writes to.
struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    read_end = ::fcntl(ends[0], F_DUPFD_CLOEXEC, 10);
    write_end = ::fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
    ::close(ends[0]);
    ::close(ends[1]);
  }
};

}  // namespace

std::string Browser::program() {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    for (const char* name : {"/chromium", "/chromium-browser", "/google-chrome"})
      if (::access((rest.substr(0, colon) + name).c_str(), X_OK) == 0) return rest.substr(0, colon) + name;
    rest.erase(0, std::min(colon + 1, rest.size()));
  }
  return "";
}

Browser::Browser() {
  std::signal(SIGPIPE, SIG_IGN);  // a browser that has gone is an error of the next write
  const Pipe commands, answers;
  std::vector<std::string> words = {program(),
                                    "--headless",
                                    "--no-sandbox",
                                    "--disable-dev-shm-usage",
                                    "--use-gl=angle",
                                    "--use-angle=swiftshader",
                                    "--enable-unsafe-swiftshader",
                                    "--remote-debugging-pipe",
                                    "--no-first-run",
                                    "--disable-extensions",
                                    "--disable-background-networking",
                                    "--user-data-dir=" + (profile_ / "profile"),
                                    "about:blank"};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, commands.read_end, 3);
  posix_spawn_file_actions_adddup2(&actions, answers.write_end, 4);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // so that its helpers can be ended with it
  posix_spawnattr_setpgroup(&attributes, 0);
  const int code = posix_spawn(&process_, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(commands.read_end);
  ::close(answers.write_end);
  to_ = commands.write_end;
  from_ = answers.read_end;
  if (code != 0) throw std::runtime_error("the browser does not start");
  const json target = call("Target.createTarget", {{"url", "about:blank"}});
  session_ =
      call("Target.attachToTarget", {{"targetId", target["targetId"]}, {"flatten", true}})["sessionId"];
  for (const char* domain : {"Page", "Runtime", "Log", "Network"})
    call(std::string(domain) + ".enable", json::object());
  set_width(kScreen);
}

Browser::~Browser() {
  ::close(to_);
  ::close(from_);
  if (process_ <= 0) return;
  ::kill(-process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

json Browser::receive() {
  while (buffer_.find('\0') == std::string::npos) {
    pollfd waiting{from_, POLLIN, 0};
    if (::poll(&waiting, 1, kPatience) <= 0) throw std::runtime_error("the browser does not answer");
    char bytes[65536];
    const ssize_t count = ::read(from_, bytes, sizeof bytes);
    if (count <= 0) throw std::runtime_error("the browser has gone");
    buffer_.append(bytes, static_cast<std::size_t>(count));
  }
  const std::size_t end = buffer_.find('\0');
  json message = json::parse(buffer_.substr(0, end));
  buffer_.erase(0, end + 1);
  return message;
}

void Browser::note(const json& event) {
  const std::string method = event.value("method", "");
  const json& what = event.contains("params") ? event["params"] : event;
  if (method == "Page.loadEventFired") loaded_ = true;
  if (method == "Network.requestWillBeSent") requests_.push_back(what["request"]["url"]);
  if (method == "Runtime.exceptionThrown") complaints_.push_back(what.dump());
  if (method == "Network.loadingFailed") complaints_.push_back(what.dump());
  if (method == "Log.entryAdded" && what["entry"]["level"] != "info" && what["entry"]["level"] != "verbose")
    complaints_.push_back(what.dump());
  if (method == "Runtime.consoleAPICalled" && (what["type"] == "error" || what["type"] == "warning"))
    complaints_.push_back(what.dump());
}

json Browser::call(const std::string& method, const json& parameters) {
  json message = {{"id", ++calls_}, {"method", method}, {"params", parameters}};
  if (!session_.empty()) message["sessionId"] = session_;
  const std::string text = message.dump() + '\0';
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count = ::write(to_, text.data() + sent, text.size() - sent);
    if (count <= 0) throw std::runtime_error("the browser has gone");
    sent += static_cast<std::size_t>(count);
  }
  for (;;) {
    json answer = receive();
    if (answer.value("id", 0) != calls_) {
      note(answer);
      continue;
    }
    if (answer.contains("error")) throw std::runtime_error(method + ": " + answer["error"].dump());
    return answer["result"];
  }
}

void Browser::open(const std::string& file, bool scripts) {
  call("Emulation.setScriptExecutionDisabled", {{"value", !scripts}});
  loaded_ = false;
  call("Page.navigate", {{"url", "file://" + std::filesystem::absolute(file).string()}});
  while (!loaded_) note(receive());
  if (scripts) settle();
}

json Browser::evaluate(const std::string& expression) {
  const json answer =
      call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
  if (answer.contains("exceptionDetails"))
    throw std::runtime_error(expression + ": " + answer["exceptionDetails"].dump());
  return answer["result"].value("value", json(nullptr));
}

void Browser::settle() {
  evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
}

void Browser::set_width(int width) {
  call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", 900}, {"deviceScaleFactor", 1}, {"mobile", false}});
}

bool Browser::too_wide_for_paper() {
  constexpr int sheet = 718;  // 210 mm less a centimetre on either side, at 96 pixels an inch
  call("Emulation.setEmulatedMedia", {{"media", "print"}});
  set_width(sheet);
  const bool wide = evaluate("document.documentElement.scrollWidth > innerWidth").get<bool>();
  call("Emulation.setEmulatedMedia", {{"media", ""}});
  set_width(kScreen);
  return wide;
}

std::pair<double, double> Browser::middle_of(const std::string& selector) {
  const json at = evaluate(
      "(() => { const e = document.querySelector(" + json(selector).dump() +
      "); e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect(); "
      "return [r.x + r.width / 2, r.y + r.height / 2]; })()");
  return {at[0].get<double>(), at[1].get<double>()};
}

void Browser::mouse(const char* type, double x, double y) {
  call("Input.dispatchMouseEvent",
       {{"type", type}, {"x", x}, {"y", y}, {"button", "left"}, {"buttons", 1}, {"clickCount", 1}});
}

void Browser::click(const std::string& selector) {
  const auto [x, y] = middle_of(selector);
  mouse("mousePressed", x, y);
  mouse("mouseReleased", x, y);
  settle();
}

void Browser::drag(const std::string& selector, double across, double down) {
  const auto [x, y] = middle_of(selector);
  mouse("mousePressed", x, y);
  mouse("mouseMoved", x + across / 2, y + down / 2);
  mouse("mouseMoved", x + across, y + down);
  mouse("mouseReleased", x + across, y + down);
  settle();
}

}  // namespace gmmvae::test
