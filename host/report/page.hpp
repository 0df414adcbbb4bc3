#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gmmvae {

/// A picture of a report as a file of its own would hold it.
struct Picture {
  std::string name;  ///< a plain file name without its ending
  std::string svg;
};

/// `<p>` with this text, made safe.
std::string paragraph(std::string_view text, std::string_view css_class = "");

/// Elements side by side where there is room.
std::string side_by_side(std::string_view elements);

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

/// A report under construction: one self-contained HTML page. Nothing is fetched (the page itself forbids
/// it), it reads in light and dark and on paper, and without scripts; and every picture of it can be had as a
/// file.
class Page {
 public:
  /// `heading` is what the reader wants to know; `about` one line on what this is a report of.
  Page(std::string title, std::string heading, std::string about);

  /// A picture with its caption, as HTML. What is no SVG (a sentence in its place) is not kept as a picture.
  std::string figure(std::string_view name, const std::string& svg, std::string_view caption,
                     std::string_view attributes = "");
  /// What comes before the first section, as HTML.
  void introduce(std::string_view html) { introduction_ += html; }
  /// A section with an anchor; `label` is its name in the page's list of contents.
  void section(std::string_view id, std::string_view label, std::string_view heading, std::string_view body);
  /// A script that runs at the end of the page.
  void script(std::string_view text) { scripts_.emplace_back(text); }

  [[nodiscard]] std::string html() const;
  [[nodiscard]] const std::vector<Picture>& pictures() const { return pictures_; }

 private:
  std::string title_, heading_, about_, introduction_, contents_, body_;
  std::vector<std::string> scripts_;
  std::vector<Picture> pictures_;
};

}  // namespace gmmvae
