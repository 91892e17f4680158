#include "output_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/log.h"
#include "process/attempt_files.h"

namespace galley::agent {
namespace {

// A pattern may be slow on some lines: between pieces this small the time is looked at.
constexpr std::int64_t kLookBytes = 16 << 10;
// No record of a scalar is under 32 bytes, so one block holds all that are in it.
constexpr std::uint64_t kEventBytes = 32 << 10;
constexpr Millis kOneLook{100};
// Nobody waits longer for the end of a job because its output is hard to read.
constexpr Millis kMostAfterTheEnd{30'000};
constexpr off_t kMostProgressBytes = off_t{512} << 20;

/// No path below a folder: the program's own lines.
constexpr const char* kOwnLines = "/progress";
// A block of them is one report, whose points are bounded.
constexpr std::size_t kMostCopiedPairs = 1'000;

std::optional<std::filesystem::path> events_folder_of(
    const std::filesystem::path& workdir, const std::optional<protocol::MetricsSpec>& metrics) {
  if (!metrics || !metrics->tensorboard) return std::nullopt;
  return (workdir / *metrics->tensorboard).lexically_normal();
}

Instant steady_now() { return std::chrono::steady_clock::now(); }

}  // namespace

OutputWatch::OutputWatch(std::filesystem::path attempt_folder, std::filesystem::path workdir,
                         const std::optional<protocol::MetricsSpec>& metrics,
                         std::function<RunTexts()> facts)
    : folder_(std::move(attempt_folder)),
      facts_(std::move(facts)),
      events_folder_(events_folder_of(workdir, metrics)),
      log_(folder_),
      tail_(events_folder_.value_or(std::filesystem::path())) {
  if (metrics && metrics->pattern) reader_.set_pattern(*metrics->pattern);
}

/// How far an agent before us has come stands in what it wrote.
Status OutputWatch::resume() {
  const auto path = folder_ / (copies_ ? kTold : process::attempt_file::kProgress);
  progress_ = UniqueFd(::open(path.c_str(),
                              O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (copies_ ? O_CREAT : 0),
                              S_IRUSR | S_IWUSR));
  if (!progress_) return system_error("cannot open " + path.string(), errno);
  FoundReader found;
  std::map<std::string, std::uint64_t> offsets;
  std::string bytes;
  bool line_ended = true;
  for (off_t at = 0;;) {
    const std::size_t kept = bytes.size();
    constexpr std::size_t kAtOnce = 1 << 20;
    // A line that has no end is none of ours.
    if (kept >= kAtOnce) bytes.clear();
    bytes.resize(bytes.size() + kAtOnce);
    const std::size_t from = bytes.size() - kAtOnce;
    const ssize_t got = ::pread(progress_.get(), bytes.data() + from, kAtOnce, at);
    bytes.resize(from + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) break;
    at += got;
    line_ended = bytes.back() == '\n';
    std::string_view rest = bytes;
    for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      if (found.take(rest.substr(0, end)) == FoundReader::Line::whole)
        for (const auto& [name, offset] : found.block().offsets) {
          if (name.empty())
            committed_ = std::max(committed_, offset);
          else if (name == kOwnLines)
            copied_ = std::max(copied_, offset);
          else
            offsets[name] = static_cast<std::uint64_t>(offset);
        }
      rest.remove_prefix(end + 1);
    }
    bytes.erase(0, bytes.size() - rest.size());
  }
  if (!line_ended) unwritten_ = "\n";  // what a kill has cut off
  tail_.resume(offsets);
  told_ = std::move(offsets);
  return ok();
}

OutputWatch::Look OutputWatch::look(WallTime now, bool has_own_lines, bool ended) {
  if (!resumed_) {
    if (!resume()) return {};  // it never began
    resumed_ = true;
    if (facts_) {
      FoundBlock block;
      block.texts = facts_();
      facts_ = nullptr;
      if (!block.empty()) write(std::move(block));
    }
  }
  if (ended && !ending_since_) ending_since_ = steady_now();
  if (has_own_lines || reader_.saw_own_line()) {
    reader_.only_pattern();
    reads_output_ = reader_.has_pattern();
  }
  const Instant until = steady_now() + kOneLook;
  const std::int64_t before = offset_;
  bool more = !flush();
  while (!more && copies_ && copy_lines())
    if (steady_now() >= until || !unwritten_.empty()) more = true;
  const bool copying = more;
  if (!more && reads_output_) more = read_output(now, until, ended);
  if (!more && events_folder_) more = read_events(now, until);
  if (more && !copying && ending_since_ && steady_now() - *ending_since_ > kMostAfterTheEnd) {
    FoundBlock fault;
    fault.texts = {{"metrics_fault", fmt::format("output past byte {} was not looked at: reading "
                                                 "it takes too long",
                                                 offset_)}};
    write(std::move(fault));
    more = false;
  }
  return {.more = more,
          .grew = offset_ != before,
          .useful = reads_output_ || events_folder_ || copies_};
}

/// One block of the program's own lines. False where there is none.
bool OutputWatch::copy_lines() {
  const auto path = folder_ / process::attempt_file::kProgress;
  if (!own_lines_) own_lines_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!own_lines_) return false;  // it has not begun
  constexpr std::size_t kAtOnce = 256 << 10;
  std::string bytes(kAtOnce, '\0');
  const ssize_t got = ::pread(own_lines_.get(), bytes.data(), bytes.size(), copied_);
  bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  FoundBlock block;
  std::string_view rest = bytes;
  std::size_t pairs = 0;
  for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    const std::string_view line = rest.substr(0, end);
    pairs += static_cast<std::size_t>(std::ranges::count(line, '='));
    if (!block.lines.empty() && pairs > kMostCopiedPairs) break;
    if (!line.empty()) block.lines.emplace_back(line);
    rest.remove_prefix(end + 1);
    if (block.lines.size() >= FoundBlock::kMostLines) break;
  }
  std::size_t taken = bytes.size() - rest.size();
  if (taken == 0 && bytes.size() == kAtOnce) taken = kAtOnce;  // none of ours is so long
  copied_ += static_cast<std::int64_t>(taken);
  if (block.lines.empty()) return taken > 0;
  block.offsets[kOwnLines] = copied_;
  write(std::move(block));
  return true;
}

/// True where time ran out before the end.
bool OutputWatch::read_output(WallTime now, Instant until, bool ended) {
  bool more = true;
  while (more) {
    if (steady_now() >= until) break;
    // What was told before is read once more, since it says what the rest means.
    const std::int64_t most =
        offset_ < committed_ ? std::min(kLookBytes, committed_ - offset_) : kLookBytes;
    const auto chunk = log_.read(offset_, most);
    if (!chunk) return false;
    std::string_view bytes = chunk->bytes;
    std::int64_t next = chunk->next_offset;
    if (chunk->dropped_bytes > 0) {
      offset_ = next;
      continue;
    }
    const bool at_end = chunk->at_end || bytes.empty();
    more = !at_end;
    if (offset_ >= committed_ && !(at_end && ended)) {
      // A line that goes on is read when it has ended, unless nothing else fits.
      const std::size_t end = bytes.find_last_of("\r\n");
      if (end != bytes.npos)
        bytes = bytes.substr(0, end + 1);
      else if (at_end)
        bytes = {};
      if (bytes.size() < chunk->bytes.size())
        next = offset_ + static_cast<std::int64_t>(bytes.size());
    }
    reader_.feed(bytes, now);
    if (at_end && ended) reader_.finish(now);
    offset_ = next;
    FoundBlock block = reader_.take(!more);
    if (offset_ <= committed_ || block.empty()) continue;
    block.offsets[""] = offset_;
    write(std::move(block));
    if (!unwritten_.empty()) return true;
  }
  return more;
}

bool OutputWatch::read_events(WallTime now, Instant until) {
  if (!rights_) {
    auto reader = FileReader::of_attempt(folder_);
    if (!reader) return false;
    rights_ = *std::move(reader);
  }
  bool more = true;
  while (more) {
    if (steady_now() >= until) return true;
    FoundBlock block;
    const auto sinks = [&](const std::string& run) {
      const std::string prefix = run.empty() || run == "." ? std::string() : run + "/";
      return tracking::TensorboardSink{
          .scalar =
              [&block, prefix, now](const tracking::TensorboardScalar& scalar) {
                const double ms = scalar.wall_s * 1e3;
                const bool sane = ms > 0 && ms < static_cast<double>(to_ms(now)) + 86'400e3;
                block.points.push_back({prefix + std::string(scalar.tag), scalar.step, scalar.value,
                                        sane ? static_cast<std::int64_t>(ms) : to_ms(now)});
              },
          .parameter =
              [&block, prefix](std::string_view name, std::string_view value) {
                block.texts.emplace_back("hparams/" + prefix + std::string(name),
                                         std::string(value));
              }};
    };
    {
      const FileReader::Rights rights(*rights_);
      const auto read = tail_.poll(sinks, kEventBytes);
      more = read && *read >= kEventBytes;
    }
    if (block.empty()) continue;
    for (const auto& [path, offset] : tail_.offsets())
      if (auto& told = told_[path]; told != offset) {
        told = offset;
        block.offsets[path] = static_cast<std::int64_t>(offset);
      }
    write(std::move(block));
    if (!unwritten_.empty()) return true;
  }
  return false;
}

void OutputWatch::write(FoundBlock block) {
  unwritten_ += print_found(block);
  (void)flush();
}

/// False while the disk has no room.
bool OutputWatch::flush() {
  struct stat info {};
  if (!unwritten_.empty() &&
      (::fstat(progress_.get(), &info) != 0 || info.st_size > kMostProgressBytes)) {
    unwritten_.clear();  // more than anybody looks at
    reads_output_ = false;
  }
  while (!unwritten_.empty()) {
    const ssize_t count = ::write(progress_.get(), unwritten_.data(), unwritten_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    unwritten_.erase(0, static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace galley::agent
