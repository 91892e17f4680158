#include "watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "fields.h"

namespace galley::cli {
namespace {

using namespace std::chrono_literals;

/// The server sends something (load, or a comment) far more often; silence means it is gone.
constexpr std::chrono::milliseconds kSilence = 60s;
constexpr auto kPatience = 60s;
constexpr auto kLeastBetweenDrawings = 150ms;

std::int64_t number_of(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Reads events until `each` answers false or the stream ends.
Status read_events(Session& session, const std::string& target,
                   const std::function<bool(const http::EventParser::Event&)>& each) {
  GALLEY_TRY(const auto client, session.connect(kSilence));
  http::EventParser parser;
  Status parsed = ok();
  bool go_on = true;
  http::Client::Call call{.target = target};
  call.headers.set("Accept", "text/event-stream");
  const auto answer = http::expect_ok(client->stream(call, [&](std::string_view bytes) {
    parsed = parser.feed(bytes, [&](const auto& event) { go_on = go_on && each(event); });
    return go_on && parsed;
  }));
  if (!parsed) return parsed;
  if (!go_on) return ok();
  return answer ? ok() : Status(answer.error());
}

/// The newest event that is known of the job.
Result<std::int64_t> newest_event(Session& session, const std::string& id) {
  GALLEY_TRY(const Json events, session.get("/api/v1/jobs/" + id + "/events?limit=500"));
  std::int64_t newest = 0;
  for (const Json& event : items_of(events)) newest = std::max(newest, count_of(event, "seq"));
  return newest;
}

}  // namespace

bool is_final_state(const std::string& state) {
  return state == "succeeded" || state == "failed" || state == "cancelled";
}

Status Patience::bear(const Error& error) {
  const bool passes = error.code == Errc::unavailable || error.code == Errc::timeout;
  const Instant now = system_clock().steady();
  if (tries_ == 0) since_ = now;
  if (!passes || now - since_ > kPatience) return error;
  if (tries_ == 1) session_.note("the server does not answer; waiting for it to come back");
  std::this_thread::sleep_for(
      std::min<std::chrono::milliseconds>(100ms * (1 << std::min(tries_, 4)), 1s));
  ++tries_;
  return ok();
}

void Patience::renew() { tries_ = 0; }

Result<int> watch(Session& session, const std::string& kinds,
                  const std::function<Result<std::string>()>& draw) {
  if (session.flags.json)
    return Error{Errc::invalid_argument,
                 "--watch and --json do not go together",
                 {},
                 {},
                 "programs read GET /api/v1/events"};
  bool drawn = false;
  const auto show = [&]() -> Status {
    GALLEY_TRY(const std::string text, draw());
    const bool clear = session.terminal.out_is_terminal;
    print_out((clear ? "\x1b[H\x1b[2J" : drawn ? "\n" : "") + text);
    drawn = true;
    return ok();
  };
  GALLEY_TRY_STATUS(show());
  Patience patience(session);
  for (;;) {
    Status shown = ok();
    Instant last = system_clock().steady();
    bool stale = true;  // something may have changed before the stream began
    // The load, every two seconds, also brings out what was held back by the pause.
    const Status read =
        read_events(session, "/api/v1/events?kinds=" + kinds + ",load", [&](const auto& event) {
          patience.renew();
          stale = stale || event.name != "load";
          const Instant now = system_clock().steady();
          if (!stale || now - last < kLeastBetweenDrawings) return true;
          shown = show();
          last = now;
          stale = false;
          return static_cast<bool>(shown);
        });
    if (!shown) GALLEY_TRY_STATUS(patience.bear(shown.error()));
    const Error ended{Errc::unavailable, "the server ended the stream of events"};
    if (shown) GALLEY_TRY_STATUS(patience.bear(read ? ended : read.error()));
  }
}

Result<Json> wait_for_job(Session& session, const std::string& id,
                          const std::function<bool(const Json& job)>& condition) {
  Patience patience(session);
  std::int64_t after = -1;
  for (;;) {
    if (after < 0) {
      const auto newest = newest_event(session, id);
      if (!newest) {
        GALLEY_TRY_STATUS(patience.bear(newest.error()));
        continue;
      }
      after = *newest;
    }
    auto job = session.get("/api/v1/jobs/" + id);
    if (!job) {
      GALLEY_TRY_STATUS(patience.bear(job.error()));
      continue;
    }
    patience.renew();
    if (condition(*job)) return *std::move(job);
    const Status read = read_events(
        session, fmt::format("/api/v1/events?after={}&kinds=job", after), [&](const auto& event) {
          after = std::max(after, number_of(event.id));
          const auto data = parse_json(event.data);
          return !data || text_of(*data, "subject") != id;
        });
    if (!read) GALLEY_TRY_STATUS(patience.bear(read.error()));
  }
}

}  // namespace galley::cli
