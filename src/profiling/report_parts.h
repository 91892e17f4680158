#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plot/svg.h"
#include "profiling/answers.h"
#include "profiling/profile.h"

/// Pieces of a report's HTML. Everything that comes from a profile is escaped here.
namespace galley::profiling {

/// CSS of these pieces, beside the page's own.
std::string_view report_style();

/// A coloured word: yes, no, cannot tell.
std::string verdict_badge(Verdict verdict);
/// The answers of one experiment, each a sentence with its rule.
std::string answers_block(std::span<const Answer> answers, std::string_view experiment);

struct NamedColour {
  std::string name;
  std::size_t colour = 0;
};
/// A picture with its caption and, where there is more than one series, a legend.
std::string figure_block(std::string_view caption, const std::string& svg,
                         const std::vector<NamedColour>& legend = {});
/// Pictures side by side where there is room.
std::string figures_row(const std::vector<std::string>& figures);

/// A table of words; `head` and `rows` are escaped. Folded under `summary` when it is long.
std::string table_block(const std::vector<std::string>& head,
                        const std::vector<std::vector<std::string>>& rows,
                        std::string_view summary);
/// An experiment's rows as they were measured.
std::string data_block(const Experiment& experiment);
std::string notes_block(const std::vector<std::string>& notes);

/// A cell as people read it: bytes as MiB, figures with three digits.
std::string cell_text(const Cell& cell, std::string_view column);

}  // namespace galley::profiling
