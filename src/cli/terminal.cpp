#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace galley::cli {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;
};

/// The code point at the front of text that is valid UTF-8.
CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  char32_t value = bytes == 1 ? lead : lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes && i < text.size(); ++i)
    value = value << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
  return {value, bytes};
}

using Range = std::pair<char32_t, char32_t>;

// Unicode's East Asian Wide and Fullwidth blocks, and emoji shown as two columns.
constexpr std::array<Range, 15> kWide{{{0x1100, 0x115f},
                                       {0x231a, 0x231b},
                                       {0x2e80, 0x303e},
                                       {0x3041, 0x33ff},
                                       {0x3400, 0x4dbf},
                                       {0x4e00, 0x9fff},
                                       {0xa000, 0xa4cf},
                                       {0xa960, 0xa97f},
                                       {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff},
                                       {0xfe30, 0xfe6f},
                                       {0xff00, 0xff60},
                                       {0xffe0, 0xffe6},
                                       {0x1f300, 0x1faff},
                                       {0x20000, 0x3fffd}}};
// Combining marks, zero-width characters, and medial and final Hangul jamo.
constexpr std::array<Range, 9> kZero{{{0x0300, 0x036f},
                                      {0x0483, 0x0489},
                                      {0x0591, 0x05bd},
                                      {0x1160, 0x11ff},
                                      {0x1ab0, 0x1aff},
                                      {0x200b, 0x200f},
                                      {0x20d0, 0x20ff},
                                      {0xfe00, 0xfe0f},
                                      {0xfe20, 0xfe2f}}};

bool in_any(std::span<const Range> ranges, char32_t value) {
  return std::ranges::any_of(
      ranges, [&](const Range& range) { return value >= range.first && value <= range.second; });
}

std::size_t width_of(char32_t value) {
  if (value < 0x300) return 1;
  if (in_any(kZero, value)) return 0;
  return in_any(kWide, value) ? 2 : 1;
}

std::size_t terminal_width() {
  if (const char* columns = std::getenv("COLUMNS")) {
    std::size_t width = 0;
    const std::string_view text(columns);
    std::from_chars(text.data(), text.data() + text.size(), width);
    if (width > 0) return std::min<std::size_t>(width, 10'000);
  }
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return ::isatty(STDOUT_FILENO) == 1 ? 80 : 0;
}

void write_to(int fd, std::string_view text) {
  // A reader that has gone (a closed pipe) is not our error.
  if (!write_all(fd, text)) return;
}

}  // namespace

Terminal look_at_terminal() {
  Terminal terminal;
  terminal.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  terminal.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  terminal.color = terminal.out_is_terminal && (no_color == nullptr || *no_color == '\0') &&
                   (kind == nullptr || std::string_view(kind) != "dumb");
  terminal.width = terminal_width();
  return terminal;
}

std::string paint(std::string_view text, Style style, bool color) {
  constexpr std::array<std::string_view, 6> kCodes{"", "2", "1", "32", "31", "33"};
  const std::string_view code = kCodes.at(static_cast<std::size_t>(style));
  if (!color || code.empty()) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

Style style_of_state(std::string_view state) {
  if (state == "succeeded" || state == "finished" || state == "up") return Style::good;
  if (state == "failed" || state == "lost" || state == "killed" || state == "down")
    return Style::bad;
  if (state == "running" || state == "starting" || state == "cancelling") return Style::busy;
  if (state == "cancelled") return Style::dim;
  return Style::plain;
}

std::size_t display_width(std::string_view text) {
  if (!is_valid_utf8(text)) return display_width(to_valid_utf8(text));
  std::size_t width = 0;
  while (!text.empty()) {
    const auto [value, bytes] = first_code_point(text);
    width += width_of(value);
    text.remove_prefix(bytes);
  }
  return width;
}

std::string fit_width(std::string_view text, std::size_t columns) {
  if (!is_valid_utf8(text)) return fit_width(to_valid_utf8(text), columns);
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t width = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const auto [value, bytes] = first_code_point(text.substr(end));
    if (width + width_of(value) > columns - 1) break;
    width += width_of(value);
    end += bytes;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string plain_line(std::string_view text) {
  std::string line = to_valid_utf8(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

void print_out(std::string_view text) { write_to(STDOUT_FILENO, text); }
void print_note(std::string_view text) { write_to(STDERR_FILENO, text); }

}  // namespace galley::cli
