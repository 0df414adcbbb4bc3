#include "config.hpp"

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace emu {
namespace {

std::string& report_text() {
  static std::string text;
  return text;
}

void read_order(Config& config, const std::string& text) {
  if (text == "reverse") config.order = Order::reverse;
  if (text.rfind("random", 0) == 0) {
    config.order = Order::random;
    if (text.size() > 7) config.seed = std::strtoull(text.c_str() + 7, nullptr, 10);
  }
}

Config from_environment() {
  Config config;
  if (const char* order = std::getenv("CUDA_ON_CPU_ORDER")) read_order(config, order);
  if (const char* lazy = std::getenv("CUDA_ON_CPU_LAZY")) config.lazy_streams = lazy[0] == '1';
  if (const char* devices = std::getenv("CUDA_ON_CPU_DEVICES")) {
    config.devices.clear();
    std::istringstream list(devices);
    for (std::string name; std::getline(list, name, ',');) config.devices.push_back(device_spec(name));
  }
  return config;
}

}  // namespace

DeviceSpec device_spec(const std::string& architecture) {
  // CUDA C++ Programming Guide, "Technical specifications per compute capability"
  if (architecture == "sm_75") return {"emulated sm_75", 7, 5, 40, 64 << 10, 64 << 10, 1024};
  if (architecture == "sm_80") return {"emulated sm_80", 8, 0, 108, 163 << 10, 164 << 10, 2048};
  if (architecture == "sm_86") return {"emulated sm_86", 8, 6, 84, 99 << 10, 100 << 10, 1536};
  if (architecture == "sm_90") return {"emulated sm_90", 9, 0, 132, 227 << 10, 228 << 10, 2048};
  throw std::invalid_argument("no emulated device " + architecture + ": sm_75, sm_80, sm_86, sm_90");
}

Config& config() {
  static Config config = from_environment();
  return config;
}

void report(const std::string& sentence) {
  report_text() += sentence + "\n";
  if (!config().quiet) std::fprintf(stderr, "[cuda on cpu] %s\n", sentence.c_str());
}

const std::string& reports() {
  return report_text();
}
void clear_reports() {
  report_text().clear();
}

}  // namespace emu
