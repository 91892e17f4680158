#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "log_lines.h"
#include "protocol/progress_line.h"

namespace galley::estimator {
namespace {

constexpr std::size_t kMostLineBytes = 16 << 10;
constexpr std::uint32_t kMostMatchSteps = 100'000;  // a pattern that needs more finds nothing

}  // namespace

template <auto Free>
struct PcreFree {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

/// The user's regular expression, compiled to machine code.
class LogPattern {
 public:
  static Result<LogPattern> compile(std::string_view pattern) {
    int code = 0;
    PCRE2_SIZE offset = 0;
    LogPattern made;
    made.code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                   PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, &offset, nullptr));
    if (!made.code_) {
      PCRE2_UCHAR message[160] = {};
      pcre2_get_error_message(code, message, sizeof message);
      return Error{Errc::invalid_argument,
                   fmt::format("the pattern for progress lines is wrong at character {}: {}",
                               offset + 1, reinterpret_cast<const char*>(message)),
                   "pattern"};
    }
    GALLEY_TRY_STATUS(made.read_names());
    pcre2_jit_compile(made.code_.get(), PCRE2_JIT_COMPLETE);
    made.match_.reset(pcre2_match_data_create_from_pattern(made.code_.get(), nullptr));
    made.context_.reset(pcre2_match_context_create(nullptr));
    pcre2_set_match_limit(made.context_.get(), kMostMatchSteps);
    return made;
  }

  bool read(std::string_view line, LogDraft& draft) {
    const int count = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(line.data()),
                                  line.size(), 0, 0, match_.get(), context_.get());
    if (count <= 0) return false;
    const PCRE2_SIZE* places = pcre2_get_ovector_pointer(match_.get());
    draft.line.format = LogFormat::custom;
    bool any = false;
    for (const auto& [name, number] : names_) {
      if (number >= static_cast<std::uint32_t>(count)) continue;
      const PCRE2_SIZE begin = places[2 * number];
      const PCRE2_SIZE end = places[2 * number + 1];
      if (begin == PCRE2_UNSET || end < begin) continue;
      std::string_view text = line.substr(begin, end - begin);
      const auto value = take_log_number(text);
      if (!value) continue;
      any = true;
      if (name == "step")
        draft.line.step = value;
      else if (name == "total_steps")
        draft.line.total_steps = value;
      else if (name == "epoch")
        draft.line.epoch = value;
      else if (name == "total_epochs")
        draft.line.total_epochs = value;
      else
        draft.add_metric(name, *value);
    }
    return any;
  }

 private:
  Status read_names() {
    std::uint32_t count = 0;
    std::uint32_t size = 0;
    PCRE2_SPTR table = nullptr;
    pcre2_pattern_info(code_.get(), PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(code_.get(), PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(code_.get(), PCRE2_INFO_NAMETABLE, &table);
    if (count == 0)
      return Error{Errc::invalid_argument, "the pattern for progress lines names no group",
                   "pattern", "groups such as (?<step>\\d+), (?<epoch>\\d+), (?<loss>[\\d.]+)"};
    for (std::uint32_t i = 0; i < count; ++i, table += size)
      names_.emplace_back(reinterpret_cast<const char*>(table + 2),
                          static_cast<std::uint32_t>(table[0] << 8 | table[1]));
    return ok();
  }

  std::unique_ptr<pcre2_code, PcreFree<pcre2_code_free>> code_;
  std::unique_ptr<pcre2_match_data, PcreFree<pcre2_match_data_free>> match_;
  std::unique_ptr<pcre2_match_context, PcreFree<pcre2_match_context_free>> context_;
  std::vector<std::pair<std::string, std::uint32_t>> names_;
};

namespace {

/// The text without the escape sequences that colour it and move the cursor.
std::string_view without_escapes(std::string_view line, std::string& room) {
  if (std::memchr(line.data(), '\x1b', line.size()) == nullptr) return line;
  room.clear();
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\x1b') {
      room += line[i];
      continue;
    }
    if (i + 1 < line.size() && line[i + 1] == '[') {
      ++i;
      while (i + 1 < line.size() && (line[i + 1] < '@' || line[i + 1] > '~')) ++i;
    }
    ++i;
  }
  return room;
}

/// A value from the front: up to a blank, or what stands between double quotes.
std::string_view take_own_value(std::string_view& rest) {
  const bool quoted = rest.starts_with('"');
  std::size_t end = quoted ? 1 : 0;
  while (end < rest.size() && (quoted ? rest[end] != '"' : rest[end] != ' ' && rest[end] != '\t'))
    end += quoted && rest[end] == '\\' ? 2 : 1;
  end = std::min(end, rest.size());
  const std::string_view value = rest.substr(quoted ? 1 : 0, end - (quoted ? 1 : 0));
  rest.remove_prefix(std::min(end + (quoted ? 1 : 0), rest.size()));
  return value;
}

void add_own_pair(std::string_view key, std::string_view value, LogDraft& draft) {
  if (key == "checkpoint") {
    draft.line.mark = LogMark::checkpoint;
    return;
  }
  const auto number = take_log_number(value);
  if (!number || !value.empty() || key == "artifact") return;
  constexpr double kLargestStep = 9e15;  // whole numbers past it are not exact in a double
  if (key == "step" && *number >= 0 && *number < kLargestStep)
    draft.line.step = std::trunc(*number);
  else if (key == "epoch")
    draft.line.epoch = number;
  else if (key == "total_steps")
    draft.line.total_steps = number;
  else if (key == "total_epochs")
    draft.line.total_epochs = number;
  else
    draft.add_metric(key, *number);
}

/// The form of protocol/progress_line.h, of which only numbers and checkpoints are told, so that no
/// text needs to be copied. False where there is none.
bool read_own_line(std::string_view rest, LogDraft& draft) {
  constexpr std::size_t kMaxKeyBytes = 250;
  rest.remove_prefix(protocol::kProgressPrefix.size());
  draft.line.format = LogFormat::own;
  for (skip_log_blanks(rest); !rest.empty(); skip_log_blanks(rest)) {
    const std::size_t equals = rest.find_first_of("= \t");
    if (equals == std::string_view::npos) break;
    const std::string_view key = rest.substr(0, equals);
    const bool is_pair = rest[equals] == '=';
    rest.remove_prefix(equals + (is_pair ? 1 : 0));
    if (!is_pair || key.empty()) continue;
    const std::string_view value = take_own_value(rest);
    if (key.size() <= kMaxKeyBytes) add_own_pair(key, value, draft);
  }
  const LogProgress& line = draft.line;
  return line.step || line.epoch || line.total_steps || line.total_epochs ||
         draft.metric_count > 0 || line.mark == LogMark::checkpoint;
}

/// Where a dictionary begins, at or behind `from`.
std::size_t find_dictionary(std::string_view line, std::size_t from) {
  for (std::size_t at = line.find('{', from); at != std::string_view::npos;
       at = line.find('{', at + 1))
    if (at + 1 < line.size() && (line[at + 1] == '\'' || line[at + 1] == '"')) return at;
  return std::string_view::npos;
}

}  // namespace

std::string_view to_string(LogFormat format) {
  constexpr std::array<std::string_view, 8> kNames{"galley",  "tqdm", "keras", "lightning",
                                                   "trainer", "dll",  "mllog", "pattern"};
  return kNames[static_cast<std::size_t>(format)];
}

struct LogReader::Parts {
  std::vector<LogPattern> patterns;
  std::string pending;  // of a line that has not ended
  std::string room;
  std::optional<double> keras_epoch;  // from the title above its bars
  std::optional<double> keras_epochs;
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;

  void hand_on(LogDraft& draft, const LogSink& sink) {
    draft.line.metrics = std::span(draft.metrics.data(), draft.metric_count);
    ++lines;
    sink(draft.line);
  }

  void read_line(std::string_view line, const LogSink& sink) {
    line = line.substr(0, kMostLineBytes);
    constexpr std::size_t kShortest = 8;  // "galley::", "Epoch 1/2" and "1/2 - 3s" are no shorter
    if (line.size() < kShortest) return;
    line = without_escapes(line, room);
    LogDraft draft;
    for (LogPattern& pattern : patterns) {
      if (pattern.read(line, draft)) return hand_on(draft, sink);
      draft.reset();
    }
    if (line.starts_with(protocol::kProgressPrefix)) {
      if (read_own_line(line, draft)) hand_on(draft, sink);
      return;
    }
    if (const auto at = line.find("DLL 2"); at != std::string_view::npos) {
      if (read_dll(line.substr(at + 4), draft)) return hand_on(draft, sink);
      draft.reset();
    }
    if (const auto at = line.find(":::MLLOG {"); at != std::string_view::npos) {
      if (read_mllog(line.substr(at + 9), draft)) hand_on(draft, sink);
      return;
    }
    if (read_bar(line, draft)) {
      if (draft.line.format == LogFormat::keras) {
        draft.line.epoch = keras_epoch;
        draft.line.total_epochs = keras_epochs;
      }
      hand_on(draft, sink);
    } else if (read_epoch_title(line, draft)) {
      keras_epoch = draft.line.epoch;
      keras_epochs = draft.line.total_epochs;
      return hand_on(draft, sink);
    }
    // A dictionary may follow the bar that it was printed over.
    if (const auto at = find_dictionary(line, 0); at != std::string_view::npos) {
      draft.reset();
      if (read_trainer(line.substr(at), draft)) hand_on(draft, sink);
      return;
    }
    draft.reset();
    if (read_trainer_notice(line, draft)) hand_on(draft, sink);
  }

  /// A line of the log; a \r inside it ends a bar that was drawn over.
  void read_lines(std::string_view text, const LogSink& sink) {
    while (!text.empty()) {
      const auto* found = static_cast<const char*>(std::memchr(text.data(), '\r', text.size()));
      const std::size_t end =
          found == nullptr ? text.size() : static_cast<std::size_t>(found - text.data());
      read_line(text.substr(0, end), sink);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  void keep(std::string_view text) {
    pending += text.substr(0, kMostLineBytes - std::min(pending.size(), kMostLineBytes));
  }
};

LogReader::LogReader() : parts_(std::make_unique<Parts>()) {}
LogReader::~LogReader() = default;
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;

Status LogReader::add_pattern(std::string_view pattern) {
  GALLEY_TRY(auto compiled, LogPattern::compile(pattern));
  parts_->patterns.push_back(std::move(compiled));
  return ok();
}

void LogReader::feed(std::string_view bytes, const LogSink& sink) {
  Parts& parts = *parts_;
  parts.bytes += bytes.size();
  // What is pending has no end in it, so the first end of the new bytes is its end.
  if (!parts.pending.empty()) {
    const std::size_t end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) return parts.keep(bytes);
    parts.keep(bytes.substr(0, end));
    const std::string line = std::move(parts.pending);
    parts.pending.clear();
    parts.read_line(line, sink);
    bytes.remove_prefix(end + 1);
  }
  while (!bytes.empty()) {
    const auto* found = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
    if (found == nullptr) break;
    const auto end = static_cast<std::size_t>(found - bytes.data());
    parts.read_lines(bytes.substr(0, end), sink);
    bytes.remove_prefix(end + 1);
  }
  if (const auto last = bytes.rfind('\r'); last != std::string_view::npos) {
    parts.read_lines(bytes.substr(0, last), sink);
    bytes.remove_prefix(last + 1);
  }
  parts.keep(bytes);
}

void LogReader::finish(const LogSink& sink) {
  const std::string line = std::move(parts_->pending);
  parts_->pending.clear();
  parts_->read_line(line, sink);
}

std::uint64_t LogReader::lines() const { return parts_->lines; }
std::uint64_t LogReader::bytes() const { return parts_->bytes; }

}  // namespace galley::estimator
