// Events as text, and the journal of a study.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "hpo/study.h"

namespace galley::hpo {
namespace {

constexpr std::array<std::string_view, 11> kEventWords{
    "capacity",  "tick",     "started", "reported",   "checkpointed", "released",
    "preempted", "finished", "failed",  "infeasible", "known"};
constexpr std::array<std::string_view, 7> kActionWords{"create",  "proceed", "pause", "stop",
                                                       "exploit", "revive",  "finish"};
constexpr std::string_view kPointWord = "point ";
constexpr std::size_t kMaxObjectives = 64;

Error broken_line(std::string_view line, std::string_view what) {
  return Error{Errc::corrupt,
               fmt::format("a line of a study's journal has {}: '{}'", what,
                           to_valid_utf8(line.substr(0, 80))),
               {},
               {},
               {}};
}

template <class Number>
bool read_number(std::string_view word, Number& out) {
  const char* const end = word.data() + word.size();
  const auto parsed = std::from_chars(word.data(), end, out);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

/// Spaces and line feeds would end a word: they and the sign of the escape become %XX.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || c == '%' || byte == 0x7f)
      out += fmt::format("%{:02x}", byte);
    else
      out += c;
  }
  return out;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* const from = text.data() + i + 1;
    if (std::from_chars(from, from + 2, byte, 16).ptr != from + 2) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

std::string numbers(const std::vector<double>& values) {
  // The shortest text that reads back to the same double.
  return values.empty() ? "-" : fmt::format("{}", fmt::join(values, ","));
}

bool read_numbers(std::string_view word, std::size_t most, std::vector<double>& out) {
  out.clear();
  if (word == "-") return true;
  for (const std::string_view one : split(word, ',')) {
    double value = 0;
    if (out.size() == most || !read_number(one, value)) return false;
    out.push_back(value);
  }
  return true;
}

}  // namespace

std::string_view to_string(Event::Kind kind) { return kEventWords[static_cast<std::size_t>(kind)]; }
std::string_view to_string(Action::Kind kind) {
  return kActionWords[static_cast<std::size_t>(kind)];
}

Event known_event(const Point& point, double resource, std::vector<double> objectives) {
  return {.kind = Event::Kind::known,
          .resource = resource,
          .objectives = std::move(objectives),
          .text = numbers(point)};
}

std::optional<Point> known_point(const Event& event, const Space& space) {
  Point point;
  if (!read_numbers(event.text, space.size(), point) || point.size() != space.size() ||
      !space.contains(point))
    return std::nullopt;
  return point;
}

bool Study::take_known(const Event& event) {
  auto point = known_point(event, space_);
  if (!point) return false;
  if (!event.objectives.empty() && event.objectives.size() != spec_.measures.size()) return false;
  if (!std::isfinite(event.resource) || event.resource < 0) return false;
  // Numbers below those of trials.
  Observation observation{-1 - ++known_, *std::move(point), event.resource, event.objectives};
  for (std::size_t i = 0; i < observation.objectives.size(); ++i)
    if (spec_.measures[i].maximise) observation.objectives[i] *= -1;
  sampler_->observe(observation);
  return true;
}

std::string encode_event(const Event& event) {
  return fmt::format("{} {} {} {} {} {} {} {}", to_string(event.kind), event.at_s, event.trial,
                     event.attempt, event.resource, event.gpus, numbers(event.objectives),
                     event.text.empty() ? "-" : "=" + escaped(event.text));
}

Result<Event> decode_event(std::string_view line) {
  const auto words = split(line, ' ');
  if (words.size() != 8) return broken_line(line, fmt::format("{} words, not 8", words.size()));
  Event event;
  const auto kind = std::ranges::find(kEventWords, words[0]);
  if (kind == kEventWords.end()) return broken_line(line, "an unknown kind");
  event.kind = static_cast<Event::Kind>(kind - kEventWords.begin());
  if (!read_number(words[1], event.at_s) || !read_number(words[2], event.trial) ||
      !read_number(words[3], event.attempt) || !read_number(words[4], event.resource) ||
      !read_number(words[5], event.gpus) ||
      !read_numbers(words[6], kMaxObjectives, event.objectives) || !std::isfinite(event.at_s))
    return broken_line(line, "a word that is no number");
  if (words[7] == "-") return event;
  auto text = words[7].starts_with('=') ? unescaped(words[7].substr(1)) : std::nullopt;
  if (!text) return broken_line(line, "a broken text");
  event.text = *std::move(text);
  return event;
}

void Study::write_journal(Event event, std::size_t first_new_trial) {
  if (known_points_) return;
  for (std::size_t i = first_new_trial; i < trials_.size(); ++i)
    if (trials_[i].repeat_of < 0)
      journal_ += fmt::format("{}{}\n", kPointWord, numbers(trials_[i].segments.front().point));
  // Times never fall, so that a replay passes the same time.
  event.at_s = now_s_;
  journal_ += encode_event(event) + "\n";
}

Status Study::replay_line(std::string_view line,
                          const std::function<void(const Study&, const Event&)>& after_event) {
  if (line.starts_with(kPointWord)) {
    Point point;
    if (!read_numbers(line.substr(kPointWord.size()), space_.size(), point) ||
        point.size() != space_.size() || !space_.contains_hard(point))
      return broken_line(line, "no point of the study's space");
    known_points_->push_back(std::move(point));
    return ok();
  }
  GALLEY_TRY(const Event event, decode_event(line));
  apply(event);
  if (lacks_point_) return broken_line(line, "no point before it for a trial that it leads to");
  if (after_event) after_event(*this, event);
  return ok();
}

Result<Study> Study::replay(std::string_view journal, StudySpec spec, Space space,
                            const SamplerFactory& make_sampler,
                            const std::function<void(const Study&, const Event&)>& after_event) {
  GALLEY_TRY(Study study, open(std::move(spec), std::move(space), make_sampler));
  study.known_points_.emplace();
  while (!journal.empty()) {
    const std::size_t length = journal.find('\n');
    if (length == std::string_view::npos) return broken_line(journal, "no end: it was cut off");
    GALLEY_TRY_STATUS(study.replay_line(journal.substr(0, length), after_event));
    journal.remove_prefix(length + 1);
  }
  if (!study.known_points_->empty())
    return Error{Errc::corrupt,
                 fmt::format("a study's journal names {} trials that its events do not lead to",
                             study.known_points_->size()),
                 {},
                 {},
                 {}};
  study.known_points_.reset();
  return study;
}

}  // namespace galley::hpo
