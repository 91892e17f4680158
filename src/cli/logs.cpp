#include "logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "commands.h"
#include "eta_text.h"
#include "fields.h"
#include "interrupts.h"
#include "references.h"
#include "watch.h"

namespace galley::cli {
namespace {

using namespace std::chrono_literals;

/// A quiet program is no reason to give up, but a dead connection must be noticed at some time.
constexpr std::chrono::milliseconds kLogSilence = 120s;
constexpr std::int64_t kPageBytes = 8 << 20;
constexpr std::int64_t kFirstTailBytes = 64 << 10;
constexpr std::int64_t kMostTailBytes = 32 << 20;

struct Page {
  std::string bytes;
  std::int64_t offset = 0;
  std::int64_t next = 0;
};

std::int64_t header_number(const http::Response& answer, std::string_view name,
                           std::int64_t otherwise) {
  const std::string_view text = answer.headers.get(name);
  std::int64_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string log_target(const std::string& job, const LogPlace& place) {
  std::string target = fmt::format("/api/v1/jobs/{}/logs?offset={}", job, place.offset);
  if (place.attempt > 0) target += fmt::format("&attempt={}", place.attempt);
  if (place.rank > 0) target += fmt::format("&rank={}", place.rank);
  return target;
}

Result<Page> read_page(Session& session, const std::string& job, LogPlace place,
                       std::int64_t limit_bytes) {
  GALLEY_TRY(http::Response answer,
             session.send(
                 {.target = log_target(job, place) + fmt::format("&limit_bytes={}", limit_bytes)}));
  Page page{.bytes = std::move(answer.body)};
  const auto size = static_cast<std::int64_t>(page.bytes.size());
  page.offset = header_number(answer, "X-Galley-Offset", std::max<std::int64_t>(place.offset, 0));
  page.next = header_number(answer, "X-Galley-Next-Offset", page.offset + size);
  return page;
}

/// The last lines of what the attempt has written so far; answers the offset after them.
Result<std::int64_t> print_tail(Session& session, const std::string& job, LogPlace place,
                                std::int64_t lines) {
  for (std::int64_t size = kFirstTailBytes;; size *= 8) {
    place.offset = -size;
    GALLEY_TRY(const Page page, read_page(session, job, place, size));
    // A last line without an end counts too.
    std::int64_t left = lines + (page.bytes.ends_with('\n') ? 1 : 0);
    std::size_t begin = page.bytes.size();
    while (begin > 0 && left > 0) {
      const std::size_t end = page.bytes.rfind('\n', begin - 1);
      if (end == std::string::npos) break;
      if (--left == 0) {
        begin = end + 1;
        break;
      }
      begin = end;
    }
    const bool whole = left == 0 || page.offset == 0 || size >= kMostTailBytes;
    if (!whole) continue;
    if (left > 0) begin = 0;
    print_out(std::string_view(page.bytes).substr(begin));
    return page.next;
  }
}

Status print_so_far(Session& session, const std::string& job, LogPlace place) {
  for (;;) {
    GALLEY_TRY(const Page page, read_page(session, job, place, kPageBytes));
    print_out(page.bytes);
    if (page.bytes.empty() || page.next <= place.offset) return ok();
    place.offset = page.next;
  }
}

struct LogOptions {
  std::string job;
  bool follow = false;
  std::int64_t tail = -1;
  std::int64_t attempt = 0;
  std::int64_t rank = 0;
};

Result<int> show_log(Session& session, const LogOptions& options) {
  GALLEY_TRY(const std::string id, resolve_job(session, options.job));
  LogPlace place{options.attempt, 0, options.rank};
  GALLEY_TRY(const Json job, session.get("/api/v1/jobs/" + id));
  if (place.attempt == 0) place.attempt = count_of(job, "attempts");
  if (place.attempt == 0 && !options.follow) {
    session.note(fmt::format("{} is {} and has written nothing yet", id, text_of(job, "state")));
    return 0;
  }
  if (options.tail >= 0 && place.attempt > 0) {
    GALLEY_TRY(place.offset, print_tail(session, id, place, options.tail));
    if (!options.follow) return 0;
  }
  if (!options.follow) {
    GALLEY_TRY_STATUS(print_so_far(session, id, place));
    return 0;
  }
  if (const std::string eta = eta_sentence(child_of(job, "eta"), session.now()); !eta.empty())
    session.note(eta);
  const Interrupts interrupts([](int) { exit_interrupted(); });
  GALLEY_TRY(const Json last, follow_log(session, id, place));
  session.note(fmt::format("{} {}", id, text_of(last, "state")));
  return 0;
}

}  // namespace

Result<Json> follow_log(Session& session, const std::string& job, LogPlace place) {
  Patience patience(session);
  for (;;) {
    GALLEY_TRY(Json record, wait_for_job(session, job, [&](const Json& now) {
                 return count_of(now, "attempts") >= std::max<std::int64_t>(place.attempt, 1) ||
                        is_final_state(text_of(now, "state"));
               }));
    const std::int64_t newest = count_of(record, "attempts");
    if (place.attempt == 0) place.attempt = newest;
    if (newest < place.attempt || newest == 0) return record;  // ended before it began

    GALLEY_TRY(const auto client, session.connect(kLogSilence));
    bool any = false;
    const auto answer = http::expect_ok(client->stream(
        {.target = log_target(job, place) + "&follow=1"}, [&](std::string_view bytes) {
          print_out(bytes);
          place.offset += static_cast<std::int64_t>(bytes.size());
          any = true;
          return true;
        }));
    if (any) patience.renew();
    if (!answer) {
      // The job is there, as we just saw: an attempt that is starting may have no log yet.
      Error error = answer.error();
      if (error.code == Errc::not_found) error.code = Errc::unavailable;
      GALLEY_TRY_STATUS(patience.bear(error));
      continue;
    }
    auto after = session.get("/api/v1/jobs/" + job);
    if (!after) {
      GALLEY_TRY_STATUS(patience.bear(after.error()));
      continue;
    }
    if (count_of(*after, "attempts") > place.attempt) {
      place = {place.attempt + 1, 0, place.rank};
      session.note(fmt::format("attempt {} begins", place.attempt));
      continue;
    }
    if (is_final_state(text_of(*after, "state"))) return after;
    if (text_of(*after, "state") == "queued") {
      // The attempt was lost with its machine; the next one writes to another log.
      place = {place.attempt + 1, 0, place.rank};
      session.note(fmt::format("attempt {} ended: {}; waiting for the next", place.attempt - 1,
                               text_of(*after, "reason")));
      continue;
    }
    // A server that goes down ends its streams in good order too.
    if (!any)
      GALLEY_TRY_STATUS(patience.bear({Errc::unavailable, "the server ended the log of " + job}));
  }
}

void add_log_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "logs",
       .help = "Show what a job has written",
       .group = kJobGroup,
       .aliases = {"log"},
       .examples = {"galley logs -f last              follow the newest job until it ends",
                    "galley logs --tail 50 JOB",
                    "galley logs --attempt 1 JOB      of an earlier attempt",
                    "galley logs --rank 3 JOB         of the fourth member of a gang"},
       .define = [&session](Options& options) -> Action {
         auto wanted = std::make_shared<LogOptions>();
         options.positional("JOB", wanted->job, "Id of the job, its beginning or end, or last")
             .flag("-f,--follow", wanted->follow, "Go on until the job ends")
             .number("-n,--tail", wanted->tail, "LINES", "Only the last lines")
             .number("--attempt", wanted->attempt, "N", "Which attempt; the newest when absent")
             .number("--rank", wanted->rank, "N", "Which member of a gang; the first when absent");
         return [&session, wanted] { return show_log(session, *wanted); };
       }});
}

}  // namespace galley::cli
