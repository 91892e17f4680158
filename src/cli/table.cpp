#include "table.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/result.h"

namespace galley::cli {
namespace {

constexpr std::size_t kGap = 2;  // columns between columns

std::size_t total_of(const std::vector<std::size_t>& widths) {
  return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) +
         (widths.empty() ? 0 : (widths.size() - 1) * kGap);
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  GALLEY_CHECK(row.size() == columns_.size(), "a row has one cell for each column");
  for (Cell& cell : row) cell.text = plain_line(cell.text);
  rows_.push_back(std::move(row));
}

Table::Layout Table::lay_out(std::size_t width) const {
  std::vector<std::size_t> natural(columns_.size());
  Layout layout;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t widest = 0;
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[c].text));
    if (widest == 0 && !rows_.empty()) continue;
    natural[c] = std::max(widest, display_width(columns_[c].title));
    layout.shown.push_back(c);
  }
  for (;;) {
    layout.widths.clear();
    for (const std::size_t c : layout.shown) layout.widths.push_back(natural[c]);
    if (width == 0) return layout;
    // The widest column that may be cut gives one column at a time, so that long ones share.
    std::size_t total = total_of(layout.widths);
    while (total > width) {
      std::size_t* widest = nullptr;
      for (std::size_t i = 0; i < layout.shown.size(); ++i) {
        const std::size_t least = columns_[layout.shown[i]].min_width;
        if (least == 0 || layout.widths[i] <= least) continue;
        if (widest == nullptr || layout.widths[i] > *widest) widest = &layout.widths[i];
      }
      if (widest == nullptr) break;
      --*widest;
      --total;
    }
    if (total <= width) return layout;
    const auto first_to_go = std::ranges::max_element(
        layout.shown, {}, [&](std::size_t c) { return columns_[c].drop_rank; });
    if (first_to_go == layout.shown.end() || columns_[*first_to_go].drop_rank == 0) return layout;
    layout.shown.erase(first_to_go);
  }
}

std::string Table::print(std::size_t width, bool color) const {
  const Layout layout = lay_out(width);
  std::string out;
  const auto print_row = [&](auto&& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < layout.shown.size(); ++i) {
      const Column& column = columns_[layout.shown[i]];
      const Cell cell = cell_of(layout.shown[i]);
      const std::string text = fit_width(cell.text, layout.widths[i]);
      const std::string pad(layout.widths[i] - std::min(layout.widths[i], display_width(text)),
                            ' ');
      const bool last = i + 1 == layout.shown.size();
      if (column.right) line += pad;
      line += paint(text, cell.style, color);
      if (!column.right && !last) line += pad;
      if (!last) line.append(kGap, ' ');
    }
    while (line.ends_with(' ')) line.pop_back();
    out += line + "\n";
  };
  print_row([&](std::size_t c) { return Cell{columns_[c].title, Style::bold}; });
  for (const auto& row : rows_) print_row([&](std::size_t c) { return row[c]; });
  return out;
}

}  // namespace galley::cli
