#include "host/app/report.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "host/app/files.hpp"
#include "host/app/verbs.hpp"
#include "host/config/builders.hpp"
#include "host/report/run_report.hpp"
#include "host/report/sweep_report.hpp"
#include "host/report/write_report.hpp"
#include "host/study/run_record.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

ReportFormat chosen_format(const Settings& settings) {
  const std::string name = settings.text("format");
  return name == "svg" ? ReportFormat::svg : name == "png" ? ReportFormat::png : ReportFormat::html;
}

/// Where the report goes: --out, else inside the folder that it is about. A page that may bear any name might
/// replace a file that it is made of.
std::string target(const Settings& settings, ReportFormat format, const fs::path& folder) {
  const bool page = format == ReportFormat::html;
  if (!settings.is_set("out")) return (folder / (page ? "report.html" : "pictures")).string();
  return page ? writable_path(settings, "out", ".html .htm") : settings.required_path("out").string();
}

Page page_of(const Settings& settings, const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw DataError(fmt::format("'{}' is no folder of a run or sweep", folder.string()));
  const RunDirectory run(folder);
  if (is_run_folder(run)) {
    if (settings.is_given("metric"))
      throw UsageError(fmt::format("{} is for the report of a sweep, and {} holds a run",
                                   settings.label("metric"), folder.string()));
    const auto backend = make_cpu_backend(backend_options(settings).threads);
    return run_report(read_run(run), *backend);
  }
  if (fs::exists(folder / "sweep.toml", error)) return sweep_report(folder, settings.text("metric"));
  throw DataError(fmt::format("{} holds neither a run (config.toml and data.npz) nor a sweep (sweep.toml)",
                              folder.string()));
}

}  // namespace

int report_folder(const Settings& settings, const fs::path& folder, Console& console) {
  const ReportFormat format = chosen_format(settings);
  const std::string out = target(settings, format, folder);
  const WrittenReport written = write_report(page_of(settings, folder), format, out);
  console.print(format == ReportFormat::html
                    ? fmt::format("wrote {} with {} pictures", written.path, written.pictures)
                    : fmt::format("wrote {} pictures to {}", written.pictures, written.path));
  console.result(nlohmann::ordered_json{{"out", written.path}, {"pictures", written.pictures}});
  return static_cast<int>(ExitCode::done);
}

int run_report_verb(const Settings& settings, Console& console) {
  if (settings.arguments().size() != 1)
    throw UsageError("report takes one folder of a run or sweep, as in: gmmvae report runs/course");
  return report_folder(settings, settings.arguments().front(), console);
}

}  // namespace gmmvae
