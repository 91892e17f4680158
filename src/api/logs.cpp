#include <algorithm>
#include <optional>

#include "auth_headers.h"
#include "context.h"
#include "process/log_reader.h"
#include "reply.h"
#include "stream_reply.h"

namespace galley::api {
namespace {

using protocol::AttemptRecord;

constexpr std::int64_t kDefaultBytes = 4 << 20;
constexpr std::int64_t kMaxBytes = 16 << 20;
constexpr std::int64_t kMaxOffset = std::int64_t{1} << 60;

/// What the query asks for.
struct LogQuery {
  LogFollower::Follow follow;
  std::int64_t limit_bytes = kDefaultBytes;
  bool following = false;
};

Result<LogQuery> parse_query(const http::Request& request) {
  LogQuery query;
  GALLEY_TRY(query.follow.job, JobId::parse(request.param("id")));
  GALLEY_TRY(query.follow.offset, query_integer(request, "offset", 0, -kMaxOffset, kMaxOffset));
  GALLEY_TRY(query.limit_bytes, query_integer(request, "limit_bytes", kDefaultBytes, 1, kMaxBytes));
  GALLEY_TRY(const auto attempt, query_integer(request, "attempt", 0, 1, kMaxOffset));
  if (attempt > 0) query.follow.attempt = attempt;
  GALLEY_TRY(query.follow.rank, query_integer(request, "rank", 0, 0, 1'000'000));
  GALLEY_TRY(const auto following, query_integer(request, "follow", 0, 0, 1));
  query.follow.as_events = accepts(request.headers.get("Accept"), "text/event-stream");
  query.following = following == 1 || query.follow.as_events;
  return query;
}

/// The attempt that was asked for, else the newest; nothing when the job was never started.
Result<std::optional<AttemptRecord>> find_attempt(const Context& context,
                                                  const LogFollower::Follow& follow) {
  GALLEY_TRY_STATUS(context.services.controller.job(follow.job));
  GALLEY_TRY(const auto attempts, context.services.controller.attempts(follow.job));
  const AttemptRecord* found = nullptr;
  for (const auto& attempt : attempts) {
    const bool better = follow.attempt ? attempt.number == *follow.attempt
                                       : found == nullptr || attempt.number > found->number;
    if (better) found = &attempt;
  }
  if (found != nullptr) return std::optional(*found);
  if (follow.attempt)
    return Error{Errc::not_found,
                 "job " + follow.job.str() + " has no attempt " + std::to_string(*follow.attempt) +
                     " among its " + std::to_string(attempts.size()),
                 "attempt"};
  return std::optional<AttemptRecord>();
}

struct Part {
  std::string bytes;
  std::int64_t first = 0;
  std::int64_t next = 0;
  bool at_end = false;
};

Result<Part> read_part(const process::LogReader& log, std::int64_t offset,
                       std::int64_t limit_bytes) {
  Part part;
  if (offset < 0) {
    const auto length = log.length();
    if (!length && length.error().code != Errc::not_found) return length.error();
    offset = length ? std::max<std::int64_t>(0, *length + offset) : 0;
  }
  part.first = part.next = offset;
  while (std::ssize(part.bytes) < limit_bytes && !part.at_end) {
    auto chunk = log.read(part.next, limit_bytes - std::ssize(part.bytes));
    if (!chunk && chunk.error().code != Errc::not_found) return std::move(chunk).error();
    part.at_end = !chunk || chunk->at_end;
    if (!chunk) break;
    part.bytes += chunk->bytes;
    part.next = chunk->next_offset;
  }
  return part;
}

Result<http::Response> read_log(const Context& context, const LogQuery& query) {
  GALLEY_TRY(const auto attempt, find_attempt(context, query.follow));
  Part part;
  if (attempt) {
    const process::LogReader log(
        member_folder(context.services.attempts_folder, attempt->id, query.follow.rank));
    GALLEY_TRY(part, read_part(log, query.follow.offset, query.limit_bytes));
  }
  auto response = http::Response::text(std::move(part.bytes));
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("X-Galley-Offset", std::to_string(part.first));
  response.headers.set("X-Galley-Next-Offset", std::to_string(part.next));
  // The state was read before the log, so an ended attempt has printed all that was read.
  if (attempt && protocol::is_final(attempt->state) && part.at_end)
    response.headers.set("X-Galley-End", "1");
  return response;
}

/// Where the first byte that is sent lies, so that a reader that is cut off can go on.
Result<std::int64_t> first_offset(const Context& context, const LogFollower::Follow& follow) {
  GALLEY_TRY(const auto attempt, find_attempt(context, follow));
  if (follow.offset >= 0 || !attempt) return std::max<std::int64_t>(0, follow.offset);
  const auto length =
      process::LogReader(member_folder(context.services.attempts_folder, attempt->id, follow.rank))
          .length();
  return length ? std::max<std::int64_t>(0, *length + follow.offset) : follow.offset;
}

Status follow_log(const Context& context, const http::Exchange& exchange, LogQuery query) {
  // Before the job is looked at: what changes after the look is told by an event after this one.
  GALLEY_TRY(const auto newest, context.feed->newest());
  GALLEY_TRY(query.follow.offset, first_offset(context, query.follow));
  http::Headers headers;
  if (query.follow.as_events) {
    headers = event_stream_headers();
  } else {
    headers.set("Content-Type", "text/plain; charset=utf-8");
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Cache-Control", "no-store");
    headers.set("X-Galley-Offset", std::to_string(std::max<std::int64_t>(0, query.follow.offset)));
  }
  context.logs->add(exchange.stream(200, std::move(headers)), std::move(query.follow), newest);
  return ok();
}

}  // namespace

void add_log_routes(Endpoints& endpoints, Context& context) {
  endpoints.add_deferred(
      "GET", "/api/v1/jobs/{id}/logs", http::Run::pool,
      {.summary = "What a job printed; with follow=1 or as server-sent events also what it prints "
                  "until it ends.",
       .content_type = "text/plain",
       .query = {{"offset", "Begin at this byte; negative: so many before the end.", "integer"},
                 {"attempt", "Of this attempt; of the newest when absent.", "integer"},
                 {"rank", "Of this member of a gang; of the first when absent.", "integer"},
                 {"follow", "1: go on until the job ends.", "integer"},
                 {"limit_bytes", "At most this many, when not following.", "integer"}}},
      [&context](const http::Exchange& exchange) {
        const auto& request = exchange.request();
        const auto refuse = [&](const Error& error) {
          exchange.responder()(http::problem(error, request.id));
        };
        const auto query = parse_query(request);
        if (!query) return refuse(query.error());
        if (query->following) {
          if (const auto following = follow_log(context, exchange, *query); !following)
            refuse(following.error());
          return;
        }
        auto response = read_log(context, *query);
        if (!response) return refuse(response.error());
        exchange.responder()(*std::move(response));
      });
}

}  // namespace galley::api
