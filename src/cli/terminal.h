#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace galley::cli {

enum class Style { plain, dim, bold, good, bad, busy };

/// What the two outputs can show. Read once at the start of a command.
struct Terminal {
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool color = false;     // stdout is a terminal, NO_COLOR is not set, TERM is not "dumb"
  std::size_t width = 0;  // columns of stdout; 0 = not a terminal, lines may be as long as needed
};

/// $COLUMNS wins over the terminal's own width, so that scripts and tests can choose one.
Terminal look_at_terminal();

/// The text in the style's colour, or as it is when colour is off.
std::string paint(std::string_view text, Style style, bool color);
/// The style in which a job, attempt, run or node of this state is shown.
Style style_of_state(std::string_view state);

/// Columns that the text takes: 2 for East Asian wide characters and emoji, 0 for combining marks.
std::size_t display_width(std::string_view text);
/// Cut to at most `columns` columns, the last one an ellipsis where something was cut.
std::string fit_width(std::string_view text, std::size_t columns);
/// Control characters, which could repaint the reader's screen, become spaces.
std::string plain_line(std::string_view text);

/// Writes all of the text to stdout or stderr, unbuffered.
void print_out(std::string_view text);
void print_note(std::string_view text);

}  // namespace galley::cli
