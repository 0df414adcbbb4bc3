#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "gmmvae/kernel_bench.hpp"
#include "host/bench/roofline.hpp"
#include "host/bench/statistics.hpp"

namespace gmmvae::bench {

/// One line of a table of measurements.
struct Row {
  std::string name;   ///< of the kernel or the work
  std::string shape;  ///< what it was done on
  std::string type = "f32";
  std::string backend;
  std::size_t threads = 1;
  std::size_t runs = 1;                                 ///< back to back in a sample
  std::vector<double> seconds;                          ///< samples, of one run each
  double operations = 0.0;                              ///< of one run; 0: not counted
  double bytes = 0.0;                                   ///< of one run; 0: not counted
  double devices = 1.0;                                 ///< that share it, each with the peaks of the report
  std::vector<std::pair<std::string, double>> amounts;  ///< unit and how many a run does: models, steps
  std::string baseline;
  std::vector<double> baseline_seconds;

  [[nodiscard]] std::string full_name() const { return shape.empty() ? name : name + "/" + shape; }
};

/// Measurements of one device, in one sitting.
struct Report {
  std::string executable;
  std::string command;  ///< as it was typed
  std::string commit;
  std::vector<std::pair<std::string, std::string>> device;
  DevicePeaks peaks;
  std::vector<Row> rows;
};

/// A table as lines of cells, the first line its head. Columns that no row fills are left out.
std::vector<std::vector<std::string>> table(const Report& report);

/// Cells as aligned text, as CSV (RFC 4180) or as Markdown; each ends with a newline.
std::string aligned(const std::vector<std::vector<std::string>>& cells);
std::string csv(const std::vector<std::vector<std::string>>& cells);
std::string markdown(const std::vector<std::vector<std::string>>& cells);

/// One line about the device and its peaks.
std::string describe_peaks(const DevicePeaks& peaks);

/// The shape of Google Benchmark's files, with a block `device` in the context: every sample is an entry of
/// run_type iteration, followed by the aggregates median and iqr. Times are in microseconds.
nlohmann::ordered_json to_json(const Report& report);

/// Seconds of one run by name, in the order of the file, from what to_json gives or Google Benchmark wrote
/// (--benchmark_out). Throws DataError with the file and the reason.
struct Measurement {
  std::string name;
  std::vector<double> seconds;
};
std::vector<Measurement> read_measurements(const std::string& path);

}  // namespace gmmvae::bench
