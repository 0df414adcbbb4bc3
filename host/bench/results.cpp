#include "host/bench/results.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "gmmvae/error.hpp"
#include "host/io/input_file.hpp"

namespace gmmvae::bench {
namespace {

using nlohmann::ordered_json;

constexpr double kMicro = 1e6;
constexpr double kGiga = 1e-9;

std::string number(double value) {
  return value > 0.0 ? fmt::format("{:.4g}", value) : "";
}

std::string percent(double fraction) {
  return fraction > 0.0 ? fmt::format("{:.1f}", 100.0 * fraction) : "";
}

std::vector<std::string> units_of(const Report& report) {
  std::vector<std::string> units;
  for (const Row& row : report.rows)
    for (const auto& [unit, amount] : row.amounts)
      if (std::find(units.begin(), units.end(), unit) == units.end()) units.push_back(unit);
  return units;
}

std::vector<std::string> cells_of(const Row& row, const DevicePeaks& peaks,
                                  const std::vector<std::string>& units) {
  const Summary time = summarize(row.seconds);
  const Roofline roof = roofline(row.operations, row.bytes, time.median, peaks, row.devices);
  std::vector<std::string> cells = {row.name,
                                    row.shape,
                                    row.type,
                                    row.backend,
                                    fmt::format("{:.4g}", kMicro * time.median),
                                    fmt::format("{:.1f}", 100.0 * time.spread() / time.median),
                                    number(kGiga * roof.bytes_per_second),
                                    percent(roof.of_memory),
                                    number(kGiga * roof.operations_per_second),
                                    percent(roof.of_compute),
                                    roof.bound_by};
  for (const std::string& unit : units) {
    const auto found = std::find_if(row.amounts.begin(), row.amounts.end(),
                                    [&](const auto& amount) { return amount.first == unit; });
    cells.push_back(found == row.amounts.end() ? "" : number(found->second / time.median));
  }
  cells.push_back(row.baseline);
  cells.push_back(row.baseline_seconds.empty()
                      ? ""
                      : fmt::format("{:.3f}", summarize(row.baseline_seconds).median / time.median));
  return cells;
}

/// The processor's load over the last minutes, as Google Benchmark has it.
std::vector<double> load_average() {
  std::array<double, 3> load{};
  const int count = getloadavg(load.data(), static_cast<int>(load.size()));
  return {load.begin(), load.begin() + std::max(count, 0)};
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

ordered_json context_of(const Report& report) {
  ordered_json device;
  for (const auto& [name, value] : report.device) device[name] = value;
  device["peaks"] = {{"operations_by_attribute", report.peaks.operations_by_attribute},
                     {"operations_measured", report.peaks.operations_measured},
                     {"bytes_by_attribute", report.peaks.bytes_by_attribute},
                     {"bytes_measured", report.peaks.bytes_measured},
                     {"bytes_of", report.peaks.memory}};
  ordered_json context;
  context["date"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  context["host_name"] = host_name();
  context["executable"] = report.executable;
  context["command"] = report.command;
  context["commit"] = report.commit;
  context["num_cpus"] = std::thread::hardware_concurrency();
  context["load_avg"] = load_average();
#ifdef NDEBUG
  context["library_build_type"] = "release";
#else
  context["library_build_type"] = "debug";
#endif
  context["device"] = device;
  return context;
}

ordered_json entry_of(const Row& row, std::size_t family, double seconds) {
  ordered_json entry;
  entry["name"] = row.full_name();
  entry["family_index"] = family;
  entry["per_family_instance_index"] = 0;
  entry["run_name"] = row.full_name();
  entry["run_type"] = "iteration";
  entry["repetitions"] = row.seconds.size();
  entry["threads"] = row.threads;
  entry["iterations"] = row.runs;
  entry["real_time"] = kMicro * seconds;
  entry["cpu_time"] = kMicro * seconds;
  entry["time_unit"] = "us";
  return entry;
}

void add_entries(ordered_json& entries, const Row& row, std::size_t family, const DevicePeaks& peaks) {
  for (std::size_t i = 0; i < row.seconds.size(); ++i) {
    ordered_json entry = entry_of(row, family, row.seconds[i]);
    entry["repetition_index"] = i;
    entries.push_back(entry);
  }
  const Summary time = summarize(row.seconds);
  for (const auto& [name, value] : {std::pair{"median", time.median}, std::pair{"iqr", time.spread()}}) {
    ordered_json entry = entry_of(row, family, value);
    entry["name"] = row.full_name() + "_" + name;
    entry["run_type"] = "aggregate";
    entry["aggregate_name"] = name;
    entry["aggregate_unit"] = "time";
    entry["iterations"] = row.seconds.size();
    if (name == std::string("median")) {
      const Roofline roof = roofline(row.operations, row.bytes, time.median, peaks, row.devices);
      entry["FLOP/s"] = roof.operations_per_second;
      entry["bytes_per_second"] = roof.bytes_per_second;
      entry["of_compute_peak"] = roof.of_compute;
      entry["of_memory_peak"] = roof.of_memory;
      entry["bound_by"] = roof.bound_by;
      for (const auto& [unit, amount] : row.amounts) entry[unit + "/s"] = amount / time.median;
      if (!row.baseline_seconds.empty()) {
        entry["baseline"] = row.baseline;
        entry["baseline_time"] = kMicro * summarize(row.baseline_seconds).median;
      }
    }
    entries.push_back(entry);
  }
}

double seconds_in(const std::string& unit, const std::string& path) {
  if (unit == "ns") return 1e-9;
  if (unit == "us") return 1e-6;
  if (unit == "ms") return 1e-3;
  if (unit == "s") return 1.0;
  throw DataError(fmt::format("{}: '{}' is no unit of time that is known (ns, us, ms or s)", path, unit));
}

}  // namespace

std::vector<std::vector<std::string>> table(const Report& report) {
  const std::vector<std::string> units = units_of(report);
  std::vector<std::string> head = {"kernel", "shape",    "type",    "backend",   "median, us", "IQR, %",
                                   "GB/s",   "% memory", "GFLOP/s", "% compute", "bound by"};
  for (const std::string& unit : units) head.push_back(unit + "/s");
  head.insert(head.end(), {"baseline", "baseline / own"});
  std::vector<std::vector<std::string>> cells = {head};
  for (const Row& row : report.rows) cells.push_back(cells_of(row, report.peaks, units));
  for (std::size_t column = head.size(); column-- > 0;) {
    const bool filled =
        std::any_of(cells.begin() + 1, cells.end(), [&](const auto& line) { return !line[column].empty(); });
    if (filled) continue;
    for (auto& line : cells) line.erase(line.begin() + static_cast<std::ptrdiff_t>(column));
  }
  return cells;
}

std::string aligned(const std::vector<std::vector<std::string>>& cells) {
  std::vector<std::size_t> widths;
  for (const auto& line : cells) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
  }
  std::string text;
  for (const auto& line : cells) {
    std::string padded;
    for (std::size_t c = 0; c < line.size(); ++c)
      padded += fmt::format("{:<{}}", line[c], widths[c] + (c + 1 < line.size() ? 2 : 0));
    text += padded.substr(0, padded.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string csv(const std::vector<std::vector<std::string>>& cells) {
  std::string text;
  for (const auto& line : cells) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      if (c > 0) text += ',';
      if (line[c].find_first_of(",\"\n") == std::string::npos) {
        text += line[c];
        continue;
      }
      text += '"';
      for (const char letter : line[c]) text += letter == '"' ? std::string("\"\"") : std::string(1, letter);
      text += '"';
    }
    text += '\n';
  }
  return text;
}

std::string markdown(const std::vector<std::vector<std::string>>& cells) {
  std::string text;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    text += '|';
    for (const std::string& cell : cells[i]) text += fmt::format(" {} |", cell);
    text += '\n';
    if (i > 0) continue;
    text += '|';
    for (std::size_t c = 0; c < cells[i].size(); ++c) text += "---|";
    text += '\n';
  }
  return text;
}

std::string describe_peaks(const DevicePeaks& peaks) {
  const auto figure = [](double measured, double attribute, const char* unit) {
    std::string text = measured > 0.0 ? fmt::format("{:.1f} {} measured", kGiga * measured, unit) : "";
    if (attribute > 0.0)
      text += fmt::format("{}{:.1f} {} by attribute", text.empty() ? "" : ", ", kGiga * attribute, unit);
    return text.empty() ? std::string("not known") : text;
  };
  return fmt::format("peaks: compute {}; memory ({}) {}",
                     figure(peaks.operations_measured, peaks.operations_by_attribute, "GFLOP/s"),
                     peaks.memory.empty() ? "global" : peaks.memory,
                     figure(peaks.bytes_measured, peaks.bytes_by_attribute, "GB/s"));
}

ordered_json to_json(const Report& report) {
  ordered_json object;
  object["context"] = context_of(report);
  object["benchmarks"] = ordered_json::array();
  for (std::size_t i = 0; i < report.rows.size(); ++i)
    add_entries(object["benchmarks"], report.rows[i], i, report.peaks);
  return object;
}

std::vector<Measurement> read_measurements(const std::string& path) {
  const ordered_json object = ordered_json::parse(read_file(path), nullptr, false);
  if (object.is_discarded()) throw DataError(fmt::format("{} is not JSON", path));
  const auto found = object.find("benchmarks");
  if (!object.is_object() || found == object.end() || !found->is_array())
    throw DataError(fmt::format("{} holds no measurements: it has no list 'benchmarks'", path));
  std::vector<Measurement> measurements;
  for (const ordered_json& entry : *found) {
    const auto text = [&](const char* member, const std::string& otherwise) {
      return entry.contains(member) && entry[member].is_string() ? entry[member].get<std::string>()
                                                                 : otherwise;
    };
    if (text("run_type", "iteration") != "iteration") continue;
    const std::string name = text("run_name", text("name", ""));
    if (name.empty() || !entry.contains("real_time") || !entry["real_time"].is_number())
      throw DataError(fmt::format("{}: an entry of 'benchmarks' has no name or no real_time", path));
    auto same = std::find_if(measurements.begin(), measurements.end(),
                             [&](const Measurement& known) { return known.name == name; });
    if (same == measurements.end()) same = measurements.insert(same, {name, {}});
    same->seconds.push_back(entry["real_time"].get<double>() * seconds_in(text("time_unit", "ns"), path));
  }
  if (measurements.empty()) throw DataError(fmt::format("{} holds no measurements: its list is empty", path));
  return measurements;
}

}  // namespace gmmvae::bench
