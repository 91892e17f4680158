#pragma once

#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "folder_watch.h"
#include "http/server.h"
#include "protocol/records.h"

namespace galley::controller {
class Controller;
}

namespace galley::api {

class EventFeed;

/// Where the log of a member of a gang lies: that of rank 0 is the attempt's own.
std::filesystem::path member_folder(const std::filesystem::path& attempts_folder,
                                    const AttemptId& attempt, std::int64_t rank);

/// Sends logs while they are written, to any number of readers, with one thread.
///
/// A reader gets every byte from its offset on, then the end: of the attempt it asked for, else of
/// the job, going on with the next attempt when a job is started again. Whether an attempt has
/// ended is asked before its log is read to the end, so nothing that it printed can be missed. A
/// reader that is slow is read for again when its stream has drained; nothing is buffered for it.
/// Woken by the kernel when a log grows and by the event feed when a job changes.
/// Thread-safe.
class LogFollower {
 public:
  struct Follow {
    JobId job;
    std::optional<std::int64_t> attempt;  // its number; absent: the newest, and those after it
    std::int64_t rank = 0;                // of the member of a gang
    std::int64_t offset = 0;              // negative: so many bytes before the end
    bool as_events = false;               // server-sent events `log` and `end` instead of bytes
  };

  /// Errors: exhausted (no inotify instance or descriptor left). Both arguments must outlive it.
  static Result<std::unique_ptr<LogFollower>> start(const controller::Controller& controller,
                                                    EventFeed& feed,
                                                    std::filesystem::path attempts_folder);
  ~LogFollower();

  /// `newest` is the seq of the newest event before the caller looked at the job.
  void add(http::Stream stream, Follow follow, std::int64_t newest);
  /// Ends all streams. Idempotent.
  void stop();

 private:
  struct Reader;
  struct Wake;
  enum class Step { more, idle, done };

  LogFollower(const controller::Controller& controller, EventFeed& feed,
              std::filesystem::path attempts_folder, FolderWatch watch, std::shared_ptr<Wake> wake);
  void run();
  bool serve_all();
  void wait(bool work_left);
  Step pump(Reader& reader);
  Status refresh(Reader& reader);
  void take_attempt(Reader& reader, const protocol::AttemptRecord& attempt);
  Step send(Reader& reader, std::string bytes, std::int64_t next_offset, bool may_cut);
  Step at_end(Reader& reader);
  Step finish(Reader& reader);

  const controller::Controller& controller_;
  EventFeed& feed_;
  const std::filesystem::path attempts_folder_;
  FolderWatch watch_;                 // used by thread_ alone
  const std::shared_ptr<Wake> wake_;  // outlives us in the callbacks of streams and events

  std::mutex mutex_;  // guards arriving_ and stopped_
  std::vector<std::shared_ptr<Reader>> arriving_;
  bool stopped_ = false;

  std::list<std::shared_ptr<Reader>> readers_;  // used by thread_ alone
  std::thread thread_;                          // last, so that all above exists when it starts
};

}  // namespace galley::api
