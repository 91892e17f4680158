#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "log_lines.h"

namespace galley::estimator {

void skip_log_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\b'))
    text.remove_prefix(1);
}

std::optional<double> take_log_number(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const std::size_t sign = text.front() == '+' ? 1 : 0;
  double value = 0;
  const auto [end, errc] = std::from_chars(text.data() + sign, text.data() + text.size(), value);
  if (errc != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

namespace {

bool is_record_digit(char c) { return c >= '0' && c <= '9'; }

/// "2020-06-10 23:41:49.231411", as UTC: only differences matter. Moves past it.
std::optional<double> take_date_and_time(std::string_view& text) {
  const auto digits = [&](std::size_t at, std::size_t count) {
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i)
      value = is_record_digit(text[i]) && value >= 0 ? 10 * value + (text[i] - '0') : -1;
    return value;
  };
  constexpr std::size_t kLength = 19;
  if (text.size() < kLength || text[4] != '-' || text[7] != '-' || text[13] != ':')
    return std::nullopt;
  const int year = digits(0, 4), month = digits(5, 2), day = digits(8, 2);
  const int hour = digits(11, 2), minute = digits(14, 2), second = digits(17, 2);
  if (std::min({year, month, day, hour, minute, second}) < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  double seconds =
      static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count()) * 86'400 +
      hour * 3600 + minute * 60 + second;
  text.remove_prefix(kLength);
  if (text.starts_with('.')) {
    double unit = 0.1;
    text.remove_prefix(1);
    for (; !text.empty() && is_record_digit(text.front()); text.remove_prefix(1), unit /= 10)
      seconds += unit * (text.front() - '0');
  }
  return seconds;
}

std::string_view trimmed(std::string_view text) {
  skip_log_blanks(text);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// True where the text begins with the word, whatever its case; moves past it and blanks and
/// colons.
bool take_word(std::string_view& text, std::string_view word) {
  if (text.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if ((text[i] | 0x20) != word[i]) return false;
  text.remove_prefix(word.size());
  while (!text.empty() && (text.front() == ' ' || text.front() == ':')) text.remove_prefix(1);
  return true;
}

/// "name : value [unit]" again and again. The name is what stands before the colon, behind the
/// value and unit of the pair before.
void read_dll_metrics(std::string_view text, LogDraft& draft) {
  const bool settings = draft.line.mark == LogMark::settings;
  for (std::size_t colon = text.find(" : "); colon != std::string_view::npos;
       colon = text.find(" : ")) {
    std::string_view name = trimmed(text.substr(0, colon));
    if (const std::size_t blank = name.rfind(' '); blank != std::string_view::npos)
      name = name.substr(blank + 1);
    text.remove_prefix(colon + 3);
    skip_log_blanks(text);
    std::string_view value = text;
    const auto number = take_log_number(value);
    if (!number) continue;
    if (settings) {
      if (name == "epochs" || name == "num_epochs" || name == "max_epochs")
        draft.line.total_epochs = number;
      if (name == "max_steps" || name == "num_steps" || name == "total_steps")
        draft.line.total_steps = number;
      continue;
    }
    if (value.starts_with('/') && name.starts_with("glob_iter")) {
      value.remove_prefix(1);
      draft.line.step = number;
      draft.line.total_steps = take_log_number(value);
      continue;
    }
    draft.add_metric(name, *number);
    if (name.starts_with("val.") || name.starts_with("val_"))
      draft.line.phase = LogPhase::evaluation;
  }
}

/// "epoch    1 | iter   1/19 | loss 36.99 | …"
void read_dll_columns(std::string_view text, LogDraft& draft) {
  while (!text.empty()) {
    const std::size_t bar = std::min(text.find('|'), text.size());
    std::string_view cell = trimmed(text.substr(0, bar));
    text.remove_prefix(std::min(bar + 1, text.size()));
    std::string_view rest = cell;
    if (take_word(rest, "epoch")) {
      draft.line.epoch = take_log_number(rest);
    } else if (take_word(rest, "iter")) {
      draft.line.step = take_log_number(rest);
      draft.line.step_in_epoch = true;
      if (rest.starts_with('/')) {
        rest.remove_prefix(1);
        skip_log_blanks(rest);
        draft.line.total_steps = take_log_number(rest);
      }
    } else {
      const std::size_t blank = cell.rfind(' ');
      if (blank == std::string_view::npos) continue;
      std::string_view value = cell.substr(blank + 1);
      if (const auto number = take_log_number(value); number && value.empty())
        draft.add_metric(trimmed(cell.substr(0, blank)), *number);
    }
  }
}

/// "(6001, 129)", "(26,)", "()": epoch and iteration; nothing stands for the whole run.
bool read_dll_tuple(std::string_view& text, LogDraft& draft) {
  text.remove_prefix(1);
  std::array<std::optional<double>, 3> numbers;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    skip_log_blanks(text);
    numbers[i] = take_log_number(text);
    skip_log_blanks(text);
    if (!text.starts_with(',')) break;
    text.remove_prefix(1);
  }
  const std::size_t close = text.find(')');
  if (close == std::string_view::npos) return false;
  text.remove_prefix(close + 1);
  draft.line.epoch = numbers[0];
  draft.line.step = numbers[1];
  draft.line.step_in_epoch = numbers[1].has_value();
  if (!numbers[0]) draft.line.mark = LogMark::run_end;
  if (numbers[0] && !numbers[1]) draft.line.mark = LogMark::epoch_end;
  return true;
}

/// One flat or nested dictionary: calls visit(depth, key, value as written) for every member that
/// is not a dictionary itself. Quotes may be Python's or JSON's. False where it is no dictionary.
template <class Visit>
bool read_dictionary(std::string_view text, const Visit& visit) {
  int depth = 0;
  std::string_view key;
  std::size_t at = 0;
  bool any = false;
  const auto take_quoted = [&]() {
    const char quote = text[at];
    const std::size_t begin = ++at;
    while (at < text.size() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
    const std::size_t end = std::min(at, text.size());
    at = std::min(at + 1, text.size());
    return text.substr(begin, end - begin);
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == '{') {
      ++depth;
      key = {};
      ++at;
    } else if (c == '}') {
      ++at;
      if (--depth <= 0) return any;
    } else if (c == '\'' || c == '"') {
      const std::string_view quoted = take_quoted();
      std::size_t next = at;
      while (next < text.size() && text[next] == ' ') ++next;
      if (key.empty() && next < text.size() && text[next] == ':') {
        key = quoted;
        at = next + 1;
      } else if (!key.empty()) {
        visit(depth, key, quoted);
        any = true;
        key = {};
      }
    } else if (c == ' ' || c == ',' || c == ':' || c == '\t' || c == '\\') {
      ++at;
    } else {
      const std::size_t begin = at;
      while (at < text.size() && text[at] != ',' && text[at] != '}' && text[at] != ' ') ++at;
      if (key.empty()) return any;  // a value without a key is no dictionary
      visit(depth, key, text.substr(begin, at - begin));
      any = true;
      key = {};
    }
  }
  return any && depth <= 0;
}

std::optional<double> whole_number(std::string_view text) {
  const auto number = take_log_number(text);
  return text.empty() ? number : std::nullopt;
}

}  // namespace

bool read_dll(std::string_view record, LogDraft& draft) {
  LogProgress& line = draft.line;
  line.format = LogFormat::dll;
  line.at_s = take_date_and_time(record);
  if (!line.at_s) return false;
  skip_log_blanks(record);
  if (!record.starts_with('-')) return false;
  record.remove_prefix(1);
  skip_log_blanks(record);
  std::string_view rest = record;
  if (take_word(rest, "parameter")) {
    line.mark = LogMark::settings;
    read_dll_metrics(rest, draft);
    return line.total_epochs || line.total_steps;
  }
  if (record.find('|') != std::string_view::npos && take_word(rest, "epoch")) {
    read_dll_columns(record, draft);
    return line.epoch.has_value();
  }
  if (record.starts_with('(')) {
    if (!read_dll_tuple(record, draft)) return false;
    read_dll_metrics(record, draft);
    return true;
  }
  // "Epoch: 0 Iteration: 10 …", "Validation Epoch: 0 …", "Iteration: 16 …", "Step: 16 …"
  if (take_word(rest, "validation")) line.phase = LogPhase::evaluation;
  bool any = false;
  if (take_word(rest, "epoch")) {
    line.epoch = take_log_number(rest);
    any = line.epoch.has_value();
    if (rest.starts_with('/')) {
      rest.remove_prefix(1);
      line.total_epochs = take_log_number(rest);
    }
    skip_log_blanks(rest);
  }
  if (take_word(rest, "validation")) line.phase = LogPhase::evaluation;
  if (take_word(rest, "iteration") || take_word(rest, "step")) {
    line.step = take_log_number(rest);
    line.step_in_epoch = line.epoch.has_value();
    any |= line.step.has_value();
    if (rest.starts_with('/')) {
      rest.remove_prefix(1);
      line.total_steps = take_log_number(rest);
    }
  }
  if (any && line.epoch && !line.step && line.phase == LogPhase::training)
    line.mark = LogMark::epoch_end;
  read_dll_metrics(rest, draft);
  return any;
}

bool read_mllog(std::string_view record, LogDraft& draft) {
  LogProgress& line = draft.line;
  line.format = LogFormat::mllog;
  std::string_view key;
  std::optional<double> value;
  std::optional<double> step;
  const bool whole =
      read_dictionary(record, [&](int depth, std::string_view name, std::string_view text) {
        if (depth == 1) {
          if (name == "key") key = text;
          if (name == "value") value = whole_number(text);
          if (name == "time_ms")
            if (const auto ms = whole_number(text)) line.at_s = *ms / 1e3;
          return;
        }
        const auto number = whole_number(text);
        if (!number) return;
        if (name == "epoch_num" || name == "first_epoch_num") {
          if (!line.epoch) line.epoch = number;
        } else if (name == "step" || name == "step_num" || name == "samples_count" ||
                   name == "iteration") {
          step = number;
        } else if (name != "lineno" && name != "epoch_count") {
          draft.add_metric(name, *number);
        }
      });
  if (!whole || key.empty()) return false;
  line.step = step;
  const auto is = [&](std::string_view name) { return key == name; };
  if (is("epoch_start") || is("block_start")) {
    line.mark = LogMark::epoch_begin;
  } else if (is("epoch_stop") || is("block_stop")) {
    line.mark = LogMark::epoch_end;
  } else if (is("eval_start")) {
    line.mark = LogMark::evaluation_begin;
    line.phase = LogPhase::evaluation;
  } else if (is("eval_stop")) {
    line.mark = LogMark::evaluation_end;
    line.phase = LogPhase::evaluation;
  } else if (is("run_start")) {
    line.mark = LogMark::run_begin;
  } else if (is("run_stop")) {
    line.mark = LogMark::run_end;
  } else if (is("tracked_stats") || is("train_loss")) {
    if (value) draft.add_metric(key, *value);
  } else if (is("eval_accuracy") || is("eval_loss")) {
    line.phase = LogPhase::evaluation;
    if (value) draft.add_metric(key, *value);
  } else if (is("max_steps") || is("max_epochs")) {
    line.mark = LogMark::settings;
    (is("max_steps") ? line.total_steps : line.total_epochs) = value;
  } else {
    return false;
  }
  return true;
}

bool read_trainer(std::string_view record, LogDraft& draft) {
  LogProgress& line = draft.line;
  line.format = LogFormat::trainer;
  bool evaluated = false;
  bool ended = false;
  bool trained = false;
  const bool whole =
      read_dictionary(record, [&](int depth, std::string_view name, std::string_view text) {
        if (depth != 1) return;
        const auto number = whole_number(text);
        if (!number) return;
        if (name == "epoch") {
          line.epoch = number;
        } else if (name == "step" || name == "global_step") {
          line.step = number;
        } else if (name == "max_steps" || name == "total_steps") {
          line.total_steps = number;
        } else {
          evaluated |= name.starts_with("eval_");
          ended |= name == "train_runtime";
          trained |= name == "loss" || name == "learning_rate" || name == "grad_norm";
          draft.add_metric(name, *number);
        }
      });
  if (!whole || (!line.epoch && !line.step) || (!evaluated && !ended && !trained)) return false;
  if (ended)
    line.mark = LogMark::run_end;
  else if (evaluated)
    line.mark = LogMark::evaluation_end;
  if (evaluated) line.phase = LogPhase::evaluation;
  return true;
}

bool read_trainer_notice(std::string_view line, LogDraft& draft) {
  const auto after = [&](std::string_view words) -> std::optional<std::string_view> {
    const std::size_t at = line.find(words);
    if (at == std::string_view::npos) return std::nullopt;
    return line.substr(at + words.size());
  };
  const auto count = [](std::string_view text) -> std::optional<double> {
    double value = 0;
    bool any = false;
    for (const char c : text) {
      if (is_record_digit(c)) {
        value = 10 * value + (c - '0');
        any = true;
      } else if (c != ',' && (any || c != ' ')) {
        break;
      }
    }
    return any ? std::optional(value) : std::nullopt;
  };
  draft.line.format = LogFormat::trainer;
  if (const auto rest = after("***** Running ")) {
    if (rest->starts_with("training")) {
      draft.line.mark = LogMark::run_begin;
      return true;
    }
    draft.line.mark = LogMark::evaluation_begin;
    draft.line.phase = LogPhase::evaluation;
    return rest->starts_with("Evaluation") || rest->starts_with("Prediction");
  }
  if (after("Saving model checkpoint to ")) {
    draft.line.mark = LogMark::checkpoint;
    return true;
  }
  draft.line.mark = LogMark::settings;
  if (const auto rest = after("Total optimization steps = "))
    draft.line.total_steps = count(*rest);
  else if (const auto epochs = after("Num Epochs = "))
    draft.line.total_epochs = count(*epochs);
  return draft.line.total_steps || draft.line.total_epochs;
}

}  // namespace galley::estimator
