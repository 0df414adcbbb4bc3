#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gmmvae {

/// A self-contained HTML page: nothing is fetched, it reads in light and dark and on paper. `body` is HTML.
std::string html_page(std::string_view title, std::string_view body);

/// A table under construction. Cells are text, not HTML; numbers align because every column but the first is
/// to the right.
class HtmlTable {
 public:
  explicit HtmlTable(const std::vector<std::string>& header);
  /// `loud` marks a row that must not be taken for an ordinary one.
  void row(const std::vector<std::string>& cells, bool loud = false);
  [[nodiscard]] std::string str() const;

 private:
  std::string text_;
};

}  // namespace gmmvae
