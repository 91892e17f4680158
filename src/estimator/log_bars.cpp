#include <algorithm>
#include <charconv>
#include <cstring>

#include "log_lines.h"

namespace galley::estimator {
namespace {

/// "1.5k" and "3M" as tqdm writes them with unit_scale.
double scale_of_suffix(char c) {
  switch (c) {
    case 'k':
      return 1e3;
    case 'M':
      return 1e6;
    case 'G':
      return 1e9;
    case 'T':
      return 1e12;
    default:
      return 1;
  }
}

/// A count, perhaps scaled, that ends where `end` points; the text is cut in front of it.
std::optional<double> take_count_backwards(std::string_view& text) {
  double scale = 1;
  if (!text.empty() && scale_of_suffix(text.back()) != 1) {
    scale = scale_of_suffix(text.back());
    text.remove_suffix(1);
  }
  std::size_t begin = text.size();
  while (begin > 0 && (is_log_digit(text[begin - 1]) || text[begin - 1] == '.')) --begin;
  std::string_view digits = text.substr(begin);
  if (digits.empty()) return std::nullopt;
  const auto value = take_log_number(digits);
  if (!value || !digits.empty()) return std::nullopt;
  text = text.substr(0, begin);
  return *value * scale;
}

/// "00:10", "1:02:03": moves past it.
bool take_clock(std::string_view& text) {
  std::size_t at = 0;
  int fields = 0;
  while (true) {
    const std::size_t begin = at;
    while (at < text.size() && is_log_digit(text[at])) ++at;
    if (at == begin || at - begin > 6) return false;
    if (++fields > 1 && at - begin != 2) return false;
    if (at == text.size() || text[at] != ':' || fields == 3) break;
    ++at;
  }
  if (fields < 2) return false;
  text.remove_prefix(at);
  return true;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool contains_word(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end();
}

LogPhase phase_of_title(std::string_view title) {
  constexpr std::array<std::string_view, 5> kEvaluation{"valid", "eval", "test", "sanity",
                                                        "predict"};
  constexpr std::array<std::string_view, 14> kOther{
      "download", "map",   "filter",  "token",   "load",   "generat", "cast",
      "sav",      "fetch", "collect", "extract", "upload", "writ",    "preprocess"};
  const std::string_view head = title.substr(0, 96);
  if (std::ranges::none_of(head, [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }))
    return LogPhase::training;
  const auto named = [&](std::string_view word) { return contains_word(head, word); };
  if (contains_word(head, "train") || contains_word(head, "epoch")) return LogPhase::training;
  if (std::ranges::any_of(kEvaluation, named)) return LogPhase::evaluation;
  if (std::ranges::any_of(kOther, named)) return LogPhase::other;
  return LogPhase::training;
}

/// "Epoch 3:", "epoch [3/10]", "Epoch: 3": sets the epoch, and the total where there is one.
bool read_epoch_in_title(std::string_view title, LogProgress& line) {
  for (std::size_t at = title.find("poch"); at != std::string_view::npos;
       at = title.find("poch", at + 1)) {
    std::string_view rest = title.substr(at + 4);
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == ':' || rest.front() == '#' ||
                             rest.front() == '[' || rest.front() == '=' || rest.front() == '('))
      rest.remove_prefix(1);
    if (rest.empty() || !is_log_digit(rest.front())) continue;
    const auto epoch = take_log_number(rest);
    if (!epoch) continue;
    line.epoch = epoch;
    if (rest.starts_with('/')) {
      rest.remove_prefix(1);
      line.total_epochs = take_log_number(rest);
    }
    return true;
  }
  return false;
}

/// "…, loss=0.3, v_num=0]"
void read_postfix(std::string_view text, LogDraft& draft) {
  const std::size_t end = text.find(']');
  text = text.substr(0, end);
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view pair = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    skip_log_blanks(pair);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view value = pair.substr(equals + 1);
    if (const auto number = take_log_number(value))
      draft.add_metric(pair.substr(0, equals), *number);
  }
}

void set_phase_marks(LogProgress& line) {
  if (line.phase != LogPhase::evaluation || !line.step || !line.total_steps) return;
  if (*line.step == 0) line.mark = LogMark::evaluation_begin;
  if (*line.step >= *line.total_steps) line.mark = LogMark::evaluation_end;
}

/// What stands before "45%|████▌ ": the drawing says nothing and is long.
std::string_view title_of_bar(std::string_view before) {
  return before.substr(0, before.find_first_of("%|"));
}

/// The bracket of a tqdm bar at `open`; the counts stand before it.
bool read_tqdm_at(std::string_view line, std::size_t open, LogDraft& draft) {
  std::string_view inside = line.substr(open + 1);
  if (!take_clock(inside)) return false;
  if (!inside.starts_with('<') && !inside.starts_with(',')) return false;
  std::string_view before = line.substr(0, open);
  while (!before.empty() && before.back() == ' ') before.remove_suffix(1);
  LogProgress& progress = draft.line;
  std::string_view counts = before;
  if (inside.starts_with('<')) {
    const auto total = take_count_backwards(counts);
    if (!total || !counts.ends_with('/')) return false;
    counts.remove_suffix(1);
    progress.total_steps = total;
  } else {
    // Without a total the unit follows the count: "45it [00:10, 4.3it/s]".
    while (!counts.empty() && !is_log_digit(counts.back())) counts.remove_suffix(1);
    if (before.size() - counts.size() > 16 || before.size() == counts.size()) return false;
  }
  const auto step = take_count_backwards(counts);
  if (!step) return false;
  progress.step = step;
  progress.format = LogFormat::tqdm;
  // A launcher may put a bar of its own before every line: "trainer-1  | 45%|████▌ ".
  std::string_view title = title_of_bar(counts);
  if (counts.substr(title.size()).starts_with("| "))
    title =
        counts.substr(0, title.size() + 2 + title_of_bar(counts.substr(title.size() + 2)).size());
  progress.phase = phase_of_title(title);
  if (read_epoch_in_title(title, progress)) {
    progress.step_in_epoch = true;
    skip_log_blanks(title);
    if (title.starts_with("Epoch ") && !progress.total_epochs)
      progress.format = LogFormat::lightning;
  } else if (title.find("DataLoader") != std::string_view::npos) {
    progress.format = LogFormat::lightning;
  }
  const std::size_t comma = inside.find(',');
  if (comma != std::string_view::npos) read_postfix(inside.substr(comma + 1), draft);
  set_phase_marks(progress);
  return true;
}

constexpr std::string_view kHeavyLine = "\xe2\x94\x81";  // ━, of Rich and Keras 3
constexpr std::string_view kBullet = "\xe2\x80\xa2";     // •

/// "Epoch 1/10 ━━━━━ 45/100 0:00:10 • 0:00:12 4.30it/s v_num: 0 loss: 0.3"
bool read_rich(std::string_view line, LogDraft& draft) {
  const std::size_t first = line.find(kHeavyLine);
  const std::size_t bullet = line.find(kBullet);
  if (first == std::string_view::npos || bullet == std::string_view::npos) return false;
  std::size_t last = line.substr(0, bullet).rfind(kHeavyLine);
  if (last == std::string_view::npos) return false;
  last += kHeavyLine.size();
  std::string_view rest = line.substr(last);
  // The end of an unfinished bar is one of several pieces; counts begin at the next digit.
  while (!rest.empty() && !is_log_digit(rest.front())) rest.remove_prefix(1);
  LogProgress& progress = draft.line;
  progress.step = take_log_number(rest);
  if (!progress.step || !rest.starts_with('/')) return false;
  rest.remove_prefix(1);
  progress.total_steps = take_log_number(rest);
  if (!progress.total_steps) return false;
  const std::string_view title = line.substr(0, first);
  progress.format = LogFormat::lightning;
  progress.phase = phase_of_title(title);
  progress.step_in_epoch = read_epoch_in_title(title, progress);
  // Its titles count "Epoch 0/9": the second number is the last epoch's, not how many there are.
  if (progress.total_epochs) progress.total_epochs = *progress.total_epochs + 1;
  for (std::size_t colon = rest.find(": "); colon != std::string_view::npos;
       colon = rest.find(": ")) {
    std::string_view name = rest.substr(0, colon);
    name = name.substr(std::min(name.rfind(' ') + 1, name.size()));
    rest.remove_prefix(colon + 2);
    skip_log_blanks(rest);
    if (const auto value = take_log_number(rest)) draft.add_metric(name, *value);
  }
  set_phase_marks(progress);
  return true;
}

/// " - loss: 0.3 - val_loss: 0.4"
void read_keras_metrics(std::string_view text, LogDraft& draft) {
  bool validated = false;
  for (std::size_t dash = text.find(" - "); dash != std::string_view::npos;
       dash = text.find(" - ")) {
    text.remove_prefix(dash + 3);
    const std::size_t colon = text.find(": ");
    const std::size_t next = text.find(" - ");
    if (colon == std::string_view::npos) return;
    if (next != std::string_view::npos && next < colon) continue;
    const std::string_view name = text.substr(0, colon);
    std::string_view value = text.substr(colon + 2);
    if (name == "ETA") continue;
    if (const auto number = take_log_number(value)) {
      draft.add_metric(name, *number);
      validated |= name.starts_with("val_");
    }
  }
  if (validated) draft.line.mark = LogMark::epoch_end;
}

/// " 45/100 [=====>....] - ETA: 12s - loss: 0.3", " 45/100 ━━━━━ 12s 123ms/step - loss: 0.3",
/// "100/100 - 12s - loss: 0.3", "45/Unknown - 3s 67ms/step - loss: 0.3"
bool read_keras(std::string_view line, LogDraft& draft) {
  skip_log_blanks(line);
  if (line.empty() || !is_log_digit(line.front())) return false;
  LogProgress& progress = draft.line;
  progress.step = take_log_number(line);
  if (!progress.step || !line.starts_with('/')) return false;
  line.remove_prefix(1);
  if (line.starts_with("Unknown")) {
    line.remove_prefix(7);
  } else {
    progress.total_steps = take_log_number(line);
    if (!progress.total_steps) return false;
  }
  skip_log_blanks(line);
  const bool is_bar = line.starts_with('[') && line.size() > 1 &&
                      (line[1] == '=' || line[1] == '>' || line[1] == '.');
  const bool is_heavy = line.starts_with(kHeavyLine) || line.starts_with("\xe2\x95\xb8");
  const bool is_short = line.starts_with("- ") && line.size() > 2 && is_log_digit(line[2]);
  if (!is_bar && !is_heavy && !is_short) return false;
  progress.format = LogFormat::keras;
  progress.step_in_epoch = true;
  read_keras_metrics(line, draft);
  return true;
}

}  // namespace

bool read_epoch_title(std::string_view line, LogDraft& draft) {
  skip_log_blanks(line);
  if (!line.starts_with("Epoch ")) return false;
  line.remove_prefix(6);
  draft.line.epoch = take_log_number(line);
  if (!draft.line.epoch || !line.starts_with('/')) return false;
  line.remove_prefix(1);
  draft.line.total_epochs = take_log_number(line);
  skip_log_blanks(line);
  if (!draft.line.total_epochs || !line.empty()) return false;
  draft.line.format = LogFormat::keras;
  draft.line.mark = LogMark::epoch_begin;
  return true;
}

bool read_bar(std::string_view line, LogDraft& draft) {
  for (std::size_t open = line.find('['); open != std::string_view::npos;
       open = line.find('[', open + 1)) {
    if (open + 1 < line.size() && is_log_digit(line[open + 1]) && read_tqdm_at(line, open, draft))
      return true;
    draft.reset();
  }
  if (line.find('/') == std::string_view::npos) return false;
  if (read_keras(line, draft)) return true;
  draft.reset();
  if (line.find(kHeavyLine) != std::string_view::npos && read_rich(line, draft)) return true;
  draft.reset();
  return false;
}

}  // namespace galley::estimator
