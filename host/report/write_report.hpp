#pragma once

#include <string>
#include <string_view>

#include "host/report/page.hpp"
#include "host/study/run_directory.hpp"

namespace gmmvae {

enum class ReportFormat {
  html,  ///< one page
  svg,   ///< every picture of the page as a file of its own
  png,   ///< the same at twice the size in pixels, through rsvg-convert
};

/// What was written where.
struct WrittenReport {
  std::string path;          ///< the page, or the folder of the pictures
  std::size_t pictures = 0;  ///< of the page, or files
};

/// Writes the page to the file `out`, or its pictures into the folder `out`, which is made where it is
/// missing. Throws DataError where that cannot be written, and Error that names the package to install where
/// there is no rsvg-convert for PNG.
WrittenReport write_report(const Page& page, ReportFormat format, const std::string& out);

/// report.html of a run, made of what lies in its folder.
void write_run_report(const RunDirectory& folder);

}  // namespace gmmvae
