#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "terminal.h"

namespace galley::cli {

struct Cell {
  std::string text;
  Style style = Style::plain;
};

struct Column {
  std::string title;
  bool right = false;         // numbers
  std::size_t min_width = 0;  // may be cut down to this; 0 = never cut
  int drop_rank = 0;          // left out, highest first, when cutting is not enough; 0 = never
};

/// A table that fits the terminal. Layout is pure: the same cells and width give the same text.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// One cell for each column. Control characters in cells become spaces.
  void add(std::vector<Cell> row);
  bool empty() const { return rows_.empty(); }

  /// Lines that end in '\n'; width 0 = as wide as needed. Columns that are empty in all rows are
  /// left out. A table that cannot fit is as narrow as it can be.
  std::string print(std::size_t width, bool color) const;

 private:
  struct Layout {
    std::vector<std::size_t> shown;   // indices of columns
    std::vector<std::size_t> widths;  // of each shown one
  };
  Layout lay_out(std::size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace galley::cli
