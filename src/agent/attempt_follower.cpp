#include "attempt_follower.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"

namespace galley::agent {
namespace {

// A program that invents names without end must not take our memory; later ones are numbered by
// their line.
constexpr std::size_t kMostCountedKeys = 10'000;
// What tracking keeps of a text; a longer one is cut rather than refused with all that is beside
// it.
constexpr std::size_t kMostTextBytes = 8'000;

bool is_usable_key(std::string_view key) {
  return std::ranges::all_of(key, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
}

/// Totals and epochs say nothing of how far it is.
bool tells_step_alone(const protocol::ProgressLine& line) {
  return line.step && std::ranges::all_of(line.metrics, [](const auto& metric) {
           return metric.first == "total_steps" || metric.first == "total_epochs" ||
                  metric.first == "epoch";
         });
}

std::size_t points_of(const protocol::ProgressLine& line) {
  return line.metrics.size() + (tells_step_alone(line) ? 1 : 0);
}

std::string cut(const std::string& text) {
  if (text.size() <= kMostTextBytes) return text;
  std::size_t end = kMostTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

}  // namespace

AttemptFollower::AttemptFollower(Subject subject, std::int64_t stored_offset)
    : subject_(std::move(subject)), stored_offset_(std::max<std::int64_t>(stored_offset, 0)) {
  report_.from_offset = stored_offset_;
}

bool AttemptFollower::take(std::string_view block, WallTime now) {
  bool took = false;
  while (!full_) {
    const auto newline = block.find('\n');
    if (newline == std::string_view::npos) {
      if (block.size() < kBlockBytes) break;
      next_offset_ += static_cast<std::int64_t>(block.size());
      return true;
    }
    const auto end_offset = next_offset_ + static_cast<std::int64_t>(newline) + 1;
    const std::string_view text = block.substr(0, newline);
    const auto line = protocol::parse_progress_line(text);
    if (line) has_own_lines_ = true;
    if (line && end_offset <= stored_offset_) {
      recall(*line);
    } else if (line) {
      full_ = !has_room(*line);
      if (full_) break;
      add(*line, now);
    } else if (!take_found(text, end_offset, now)) {
      break;
    }
    next_offset_ = end_offset;
    ++line_number_;
    block.remove_prefix(newline + 1);
    took = true;
  }
  return took;
}

/// One that was told before: what comes later counts on from it.
void AttemptFollower::recall(const protocol::ProgressLine& line) {
  if (line.step) last_step_ = line.step;
  for (const auto& [key, value] : line.metrics)
    if (is_usable_key(key)) (void)step_for(key, line);
}

bool AttemptFollower::has_room(const protocol::ProgressLine& line) const {
  // An empty report takes any line: one has at most 256 pairs.
  return !has_report() ||
         (report_.points.size() + points_of(line) <= kMostPoints &&
          report_.files.size() + line.artifacts.size() + line.checkpoints.size() <= kMostFiles &&
          report_.texts.size() + line.texts.size() <= kMostTexts);
}

/// False where the report has no room for the block that ends here: it is asked again.
bool AttemptFollower::take_found(std::string_view line, std::int64_t end_offset, WallTime now) {
  if (found_.take(line) != FoundReader::Line::whole) return true;
  const FoundBlock& block = found_.block();
  std::vector<protocol::ProgressLine> copied;
  std::size_t points = block.points.size();
  std::size_t texts = block.texts.size();
  std::size_t files = 0;
  for (const std::string& text : block.lines) {
    auto own = protocol::parse_progress_line(text);
    if (!own) continue;
    has_own_lines_ = true;
    points += points_of(*own);
    texts += own->texts.size();
    files += own->artifacts.size() + own->checkpoints.size();
    copied.push_back(*std::move(own));
  }
  if (end_offset <= stored_offset_) {
    for (const auto& own : copied) recall(own);
    return true;
  }
  full_ = has_report() &&
          (report_.points.size() + points > kMostPoints ||
           report_.files.size() + files > kMostFiles || report_.texts.size() + texts > kMostTexts);
  if (full_) {
    found_.reopen();
    return false;
  }
  for (const FoundPoint& point : block.points)
    report_.points.push_back({point.key, point.step, point.value, from_ms(point.at_ms)});
  for (const auto& text : block.texts) report_.texts.push_back(text);
  for (const auto& own : copied) add(own, now);
  return true;
}

void AttemptFollower::add(const protocol::ProgressLine& line, WallTime now) {
  if (line.step) last_step_ = line.step;
  for (const auto& [key, value] : line.metrics)
    if (is_usable_key(key)) report_.points.push_back({key, step_for(key, line), value, now});
  // How far it is counts, also where it comes with nothing else.
  if (tells_step_alone(line))
    report_.points.push_back({"step", *line.step, static_cast<double>(*line.step), now});
  for (const std::string& path : line.artifacts)
    if (!path.empty()) report_.files.push_back({absolute(path), false, last_step_});
  for (const std::string& path : line.checkpoints)
    if (!path.empty()) report_.files.push_back({absolute(path), true, last_step_});
  for (const auto& [key, value] : line.texts)
    if (is_usable_key(key)) report_.texts.emplace_back(key, cut(value));
}

std::int64_t AttemptFollower::step_for(const std::string& key, const protocol::ProgressLine& line) {
  auto counted = next_steps_.find(key);
  if (counted == next_steps_.end()) {
    if (next_steps_.size() >= kMostCountedKeys) return line.step.value_or(line_number_);
    counted = next_steps_.emplace(key, 0).first;
  }
  const std::int64_t step = line.step.value_or(counted->second);
  counted->second = step + 1;
  last_step_ = step;
  return step;
}

std::string AttemptFollower::absolute(const std::string& path) const {
  return (std::filesystem::path(subject_.workdir) / path).lexically_normal().string();
}

bool AttemptFollower::has_report() const {
  return !report_.points.empty() || !report_.files.empty() || !report_.texts.empty();
}

protocol::ProgressReport AttemptFollower::report() {
  protocol::ProgressReport report = std::move(report_);
  report.attempt_id = subject_.attempt_id;
  report.job_id = subject_.job_id;
  report.run_id = subject_.run_id;
  report.to_offset = std::max(next_offset_, stored_offset_);
  report_ = {};
  report_.from_offset = report.to_offset;
  full_ = false;
  return report;
}

}  // namespace galley::agent
