#include "log_follower.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>

#include "base/log.h"
#include "base/text.h"
#include "controller/controller.h"
#include "event_feed.h"
#include "log_text.h"
#include "process/attempt_files.h"
#include "process/log_reader.h"

namespace galley::api {
namespace {

using Push = http::Stream::Push;

constexpr std::int64_t kPieceBytes = 256 << 10;
// As JSON a byte may take six, and readers of events refuse lines past 1 MiB.
constexpr std::int64_t kEventPieceBytes = 64 << 10;
// How soon to look again where the kernel cannot tell: a folder that is still to be made.
constexpr int kLookAgainMs = 100;

}  // namespace

std::filesystem::path member_folder(const std::filesystem::path& attempts_folder,
                                    const AttemptId& attempt, std::int64_t rank) {
  return process::member_folder(attempts_folder / attempt.str(), rank);
}

/// An event descriptor that callbacks may write to after we are gone.
struct LogFollower::Wake {
  UniqueFd fd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::atomic<bool> stopping{false};

  void operator()() const {
    const std::uint64_t one = 1;
    // A full counter is readable already, which is all that matters.
    [[maybe_unused]] const auto written = ::write(fd.get(), &one, sizeof one);
  }
  void clear() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd.get(), &count, sizeof count);
  }
};

struct LogFollower::Reader {
  Reader(http::Stream to, Follow what) : stream(std::move(to)), follow(std::move(what)) {}

  const http::Stream stream;
  Follow follow;  // offset: of the next byte
  std::shared_ptr<void> job_watch;
  std::atomic<bool> job_changed{true};  // so that the first look asks for the job's state
  std::atomic<bool> blocked{false};     // its stream was full and has not drained yet
  std::atomic<bool> gone{false};
  std::atomic<bool> dirty{true};  // there may be something to do

  // Used by the follower's thread alone.
  std::optional<protocol::JobRecord> job;
  std::vector<protocol::AttemptRecord> attempts;
  std::optional<protocol::AttemptRecord> attempt;  // whose log is being read
  std::string folder;
  bool watched = false;  // the kernel tells about the folder
};

Result<std::unique_ptr<LogFollower>> LogFollower::start(const controller::Controller& controller,
                                                        EventFeed& feed,
                                                        std::filesystem::path attempts_folder) {
  GALLEY_TRY(auto watch, FolderWatch::open());
  auto wake = std::make_shared<Wake>();
  if (!wake->fd) return system_error("cannot follow the logs of jobs", errno);
  return std::unique_ptr<LogFollower>(new LogFollower(controller, feed, std::move(attempts_folder),
                                                      std::move(watch), std::move(wake)));
}

LogFollower::LogFollower(const controller::Controller& controller, EventFeed& feed,
                         std::filesystem::path attempts_folder, FolderWatch watch,
                         std::shared_ptr<Wake> wake)
    : controller_(controller),
      feed_(feed),
      attempts_folder_(std::move(attempts_folder)),
      watch_(std::move(watch)),
      wake_(std::move(wake)),
      thread_([this] { run(); }) {}

LogFollower::~LogFollower() { stop(); }

void LogFollower::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  wake_->stopping = true;
  (*wake_)();
  thread_.join();
  for (const auto& reader : readers_) reader->stream.finish();
  for (const auto& reader : arriving_) reader->stream.finish();
  readers_.clear();
}

void LogFollower::add(http::Stream stream, Follow follow, std::int64_t newest) {
  auto reader = std::make_shared<Reader>(stream, std::move(follow));
  const auto weak = std::weak_ptr(reader);
  const auto tell = [weak, wake = wake_](std::atomic<bool> Reader::*flag, bool value) {
    const auto told = weak.lock();
    if (!told) return;
    (*told).*flag = value;
    told->dirty = true;
    (*wake)();
  };
  reader->job_watch = feed_.watch(
      reader->follow.job.str(), [tell] { tell(&Reader::job_changed, true); }, newest);
  stream.on_close([tell] { tell(&Reader::gone, true); });
  stream.on_drain([weak, tell] {
    const auto drained = weak.lock();
    if (drained && drained->blocked) tell(&Reader::blocked, false);
  });
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return stream.finish();
    arriving_.push_back(std::move(reader));
  }
  (*wake_)();
}

void LogFollower::run() {
  bool work_left = false;
  while (!wake_->stopping) {
    wait(work_left);
    work_left = serve_all();
  }
}

void LogFollower::wait(bool work_left) {
  const bool must_look =
      std::ranges::any_of(readers_, [](const auto& one) { return one->attempt && !one->watched; });
  std::array<pollfd, 2> waiting{{{wake_->fd.get(), POLLIN, 0}, {watch_.fd(), POLLIN, 0}}};
  const int timeout = work_left ? 0 : must_look ? kLookAgainMs : -1;
  const int found = ::poll(waiting.data(), waiting.size(), timeout);
  wake_->clear();
  const auto changed = watch_.take_changes();
  for (const auto& reader : readers_)
    if ((found == 0 && !reader->watched) || changed.contains(reader->folder)) reader->dirty = true;
  const std::lock_guard lock(mutex_);
  for (auto& reader : arriving_) readers_.push_back(std::move(reader));
  arriving_.clear();
}

/// One turn for each reader that may have something; true when some have more.
bool LogFollower::serve_all() {
  bool more = false;
  for (auto at = readers_.begin(); at != readers_.end();) {
    Reader& reader = **at;
    Step step = Step::idle;
    if (reader.dirty.exchange(false)) step = reader.gone ? Step::done : pump(reader);
    if (step == Step::more) {
      reader.dirty = true;
      more = true;
    }
    if (step == Step::done && reader.watched) watch_.remove(reader.folder);
    at = step == Step::done ? readers_.erase(at) : std::next(at);
  }
  return more;
}

LogFollower::Step LogFollower::pump(Reader& reader) {
  if (reader.blocked) return Step::idle;
  // Given up without finish(): the reader sees a broken transfer, not an end.
  if (reader.job_changed.exchange(false)) {
    if (const auto known = refresh(reader); !known) {
      log::warn("api", "a followed log was given up",
                {{"job_id", reader.follow.job.str()}, {"why", describe(known.error())}});
      return Step::done;
    }
  }
  if (!reader.attempt) return protocol::is_final(reader.job->state) ? finish(reader) : Step::idle;
  // A folder that appears now is watched before it is read, so that no growth is missed between.
  if (!reader.watched) reader.watched = watch_.add(reader.folder);

  const process::LogReader log(reader.folder);
  auto& offset = reader.follow.offset;
  if (offset < 0) {
    const auto length = log.length();
    if (!length) return at_end(reader);
    offset = std::max<std::int64_t>(0, *length + offset);
  }
  auto chunk = log.read(offset, reader.follow.as_events ? kEventPieceBytes : kPieceBytes);
  if (!chunk && chunk.error().code != Errc::not_found) {
    log::warn("api", "a followed log cannot be read",
              {{"job_id", reader.follow.job.str()}, {"why", describe(chunk.error())}});
    return Step::done;
  }
  if (!chunk || chunk->bytes.empty()) return at_end(reader);
  const bool ended = protocol::is_final(reader.attempt->state) && chunk->at_end;
  return send(reader, std::move(chunk->bytes), chunk->next_offset,
              !ended && chunk->dropped_bytes == 0);
}

/// Asks where the job stands, and takes up the attempt that is to be read.
Status LogFollower::refresh(Reader& reader) {
  const bool first_look = !reader.job;
  // The job first: when it has ended, the list that is read afterwards is complete.
  GALLEY_TRY(reader.job, controller_.job(reader.follow.job));
  GALLEY_TRY(reader.attempts, controller_.attempts(reader.follow.job));
  std::ranges::sort(reader.attempts, {}, &protocol::AttemptRecord::number);
  if (reader.attempts.empty()) return ok();
  auto found = std::ranges::find_if(reader.attempts, [&](const auto& attempt) {
    return reader.attempt ? attempt.id == reader.attempt->id
                          : attempt.number == reader.follow.attempt;
  });
  if (reader.attempt) {
    if (found != reader.attempts.end()) reader.attempt = *found;
    return ok();
  }
  // Who came before the first attempt sees them all; who came later begins with the newest.
  if (!reader.follow.attempt)
    found = first_look ? std::prev(reader.attempts.end()) : reader.attempts.begin();
  if (found != reader.attempts.end()) take_attempt(reader, *found);
  return ok();
}

void LogFollower::take_attempt(Reader& reader, const protocol::AttemptRecord& attempt) {
  if (reader.watched) watch_.remove(reader.folder);
  reader.attempt = attempt;
  reader.folder = member_folder(attempts_folder_, attempt.id, reader.follow.rank).string();
  reader.watched = false;
}

LogFollower::Step LogFollower::send(Reader& reader, std::string bytes, std::int64_t next_offset,
                                    bool may_cut) {
  // Set before the write: the stream may drain between the refusal and a later store.
  reader.blocked = true;
  Push push = Push::sent;
  if (!reader.follow.as_events) {
    push = reader.stream.write(bytes);
  } else {
    // The rest of a character that was cut in two comes with the next piece.
    const std::size_t cut = may_cut ? incomplete_utf8_tail(bytes) : 0;
    bytes.resize(bytes.size() - cut);
    next_offset -= static_cast<std::int64_t>(cut);
    if (!bytes.empty())
      push = reader.stream.event({}, "log",
                                 log_event(reader.follow.offset, reader.attempt->number, bytes));
  }
  if (push == Push::closed) return Step::done;
  if (push == Push::full) return Step::idle;
  reader.blocked = false;
  const bool moved = next_offset != reader.follow.offset;
  reader.follow.offset = next_offset;
  return moved ? Step::more : Step::idle;
}

/// Nothing more was there. The state was asked before the read, so an ended attempt is done.
LogFollower::Step LogFollower::at_end(Reader& reader) {
  if (reader.job_changed) return Step::more;
  if (!protocol::is_final(reader.attempt->state)) return Step::idle;
  if (reader.follow.attempt) return finish(reader);
  const auto next = std::ranges::find_if(reader.attempts, [&](const auto& attempt) {
    return attempt.number > reader.attempt->number;
  });
  if (next != reader.attempts.end()) {
    reader.follow.offset = 0;
    take_attempt(reader, *next);
    return Step::more;
  }
  return protocol::is_final(reader.job->state) ? finish(reader) : Step::idle;
}

LogFollower::Step LogFollower::finish(Reader& reader) {
  if (reader.follow.as_events && reader.job) {
    reader.blocked = true;
    const auto push = reader.stream.event({}, "end", end_event(*reader.job, reader.attempt));
    if (push == Push::full) return Step::idle;
  }
  reader.stream.finish();
  return Step::done;
}

}  // namespace galley::api
