#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "connection.h"
#include "problem.h"
#include "stream_core.h"
#include "target.h"
#include "text_util.h"

namespace galley::http {
namespace {

/// Bodies up to this are copied behind their head, which costs less than a second buffer.
constexpr std::size_t kCopiedBodyBytes = 16 << 10;
/// After an early answer, a body that is announced to be this short is read past to keep the
/// connection; for a longer one it is closed.
constexpr std::uint64_t kSwallowedBodyBytes = 64 << 10;
constexpr std::size_t kRequestIdBytes = 128;

/// Plain enough to be logged, printed and echoed as it is.
bool is_plain_id(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdBytes && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:/+=@").find(c) != std::string_view::npos;
  });
}

void append_chunk(std::string& out, std::string_view bytes) {
  std::array<char, 20> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  out.append(size.data(), end);
  out += "\r\n";
  out += bytes;
  out += "\r\n";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

void Connection::judge_head() {
  auto& transaction = *current_;
  auto& request = transaction.request;
  transaction.started = now_;
  transaction.keep_alive = parser_.keep_alive();
  transaction.http10 = parser_.is_http10();
  transaction.head_only = request.method == "HEAD";
  request.peer = peer_;
  const auto id = request.headers.get("X-Request-Id");
  request.id = is_plain_id(id) ? std::string(id) : site_.ids.next<RequestTag>().str();

  if (auto refusal = refusal_of_head()) return answer_early(std::move(*refusal));
  body_next_ = parser_.has_body();
  const bool asked = body_next_ && in_.empty() && !transaction.http10 &&
                     iequals(request.headers.get("Expect"), "100-continue");
  if (asked) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

/// The answer to a request that its head alone condemns. Sent before the body is read, so that
/// strangers and huge bodies cost nothing.
std::optional<Response> Connection::refusal_of_head() {
  auto& request = current_->request;
  if (const auto parsed = parse_target(request); !parsed)
    return problem(parsed.error(), request.id);
  if (auto unrouted = find_route()) return unrouted;
  for (const auto& middleware : site_.router.middlewares)
    if (auto answer = middleware(request, current_->route->pattern)) return answer;

  const auto expect = request.headers.get("Expect");
  if (!expect.empty() && !iequals(expect, "100-continue"))
    return problem_with_status(
        417, {Errc::unsupported, "the request expects something unknown", {}, "100-continue"},
        request.id);
  const std::size_t limit = current_->route->body_bytes.value_or(site_.limits.body_bytes);
  parser_.limit_body(limit);
  if (const auto length = parser_.content_length(); length && *length > limit)
    return problem(
        {Errc::too_large, "the body of " + std::to_string(*length) + " bytes is larger than the " +
                              std::to_string(limit) + " bytes that " + request.method + " " +
                              request.path + " takes"},
        request.id);
  if (current_->route->spools && parser_.has_body()) {
    auto file = BodyFile::create(site_.spool_folder);
    if (!file) return problem(file.error(), request.id);
    request.body_file = *std::move(file);
  }
  return std::nullopt;
}

std::optional<Response> Connection::find_route() {
  auto& request = current_->request;
  auto match = site_.router.match(request.method, raw_path(request.target));
  if (match.route != nullptr) {
    current_->route = match.route;
    for (std::size_t i = 0; i < match.values.size(); ++i)
      request.path_params.insert_or_assign(match.route->names[i], std::move(match.values[i]));
    return std::nullopt;
  }
  if (match.allowed.empty())
    return problem({Errc::not_found, "there is nothing at " + request.path}, request.id);
  const auto allowed = joined(match.allowed);
  auto response = problem_with_status(
      405, {Errc::unsupported, request.path + " does not take " + request.method, {}, allowed},
      request.id);
  response.headers.add("Allow", allowed);
  return response;
}

void Connection::answer_early(Response response) {
  const auto length = parser_.content_length();
  const bool sends_anyway = !current_->request.headers.has("Expect");
  const bool short_body = length && *length <= kSwallowedBodyBytes && sends_anyway;
  const bool body = parser_.has_body();
  if (body && !short_body) current_->keep_alive = false;
  const bool keep = send_answer(std::move(response));
  if (!keep || !body) return after_answer(keep);
  parser_.discard_body();
  body_next_ = true;
  stage_ = Stage::swallowing;
}

/// Answers bytes that cannot be followed any further; the connection ends with it.
void Connection::refuse(int status, const Error& error) {
  auto& transaction = *current_;
  if (transaction.request.id.empty()) transaction.request.id = site_.ids.next<RequestTag>().str();
  if (transaction.started == Instant{}) transaction.started = now_;
  transaction.keep_alive = false;
  send_answer(problem_with_status(status, error, transaction.request.id));
  stage_ = Stage::ending;
}

void Connection::dispatch() {
  const auto& route = *current_->route;
  if (route.run == Run::inline_on_io && route.handler)
    return after_answer(send_answer(call_handler(*current_)));
  stage_ = Stage::waiting;
  if (route.run == Run::inline_on_io) return call_deferred(current_);
  if (site_.pool.submit(current_)) return;
  after_answer(send_answer(problem(
      {Errc::unavailable,
       "the server is busy: " + std::to_string(site_.limits.queue) + " requests wait already",
       {},
       {},
       "try again in a second"},
      current_->request.id)));
}

void Connection::answered(const std::shared_ptr<Transaction>& transaction) {
  if (stage_ != Stage::waiting || transaction != current_) {
    if (transaction->stream) transaction->stream->reader_gone();
    return;
  }
  answer_ready_ = true;
  now_ = std::chrono::steady_clock::now();
  advance();
}

void Connection::stream_changed(const std::shared_ptr<StreamCore>& stream) {
  if (stage_ == Stage::waiting && answer_ready_) return;  // its head waits for the socket
  if (stage_ != Stage::streaming || stream != current_->stream) return stream->reader_gone();
  now_ = std::chrono::steady_clock::now();
  advance();
}

/// Prints the answer to the output; true when the connection may be used further.
bool Connection::send_answer(Response response) {
  const auto& transaction = *current_;
  const bool keep = transaction.keep_alive && !site_.draining &&
                    !iequals(response.headers.get("Connection"), "close");
  site_.heads.append(out_, response,
                     {.body_bytes = response.body.size() +
                                    (response.shared_body ? response.shared_body->size() : 0),
                      .keep_alive = keep,
                      .http10 = transaction.http10,
                      .request_id = transaction.request.id});
  if (!transaction.head_only && status_has_body(response.status)) {
    if (response.body.size() <= kCopiedBodyBytes || response.shared_body)
      out_ += response.body;
    else
      body_ = std::move(response.body);
    shared_body_ = std::move(response.shared_body);
  }
  observe(response.status);
  return keep;
}

void Connection::start_stream() {
  const auto& transaction = *current_;
  const auto& response = transaction.response;
  const bool no_body = transaction.head_only || !status_has_body(response.status);
  stream_keep_ = transaction.keep_alive && !site_.draining && (no_body || !transaction.http10);
  site_.heads.append(out_, response,
                     {.framing = transaction.http10 ? Framing::until_close : Framing::chunked,
                      .keep_alive = stream_keep_,
                      .http10 = transaction.http10,
                      .request_id = transaction.request.id});
  stream_sending_ = false;
  stage_ = Stage::streaming;
  ++site_.streams;
  if (no_body) return end_stream();
  if (site_.draining) transaction.stream->reader_gone();
  if (peer_done_) close();
}

/// Moves what the stream holds to the output; true when the connection should look again at once.
bool Connection::pump_stream() {
  const auto stream = current_->stream;
  const auto taken = stream->take();
  if (!taken.bytes.empty()) {
    stream_sending_ = true;
    if (current_->http10)
      out_ += taken.bytes;
    else
      append_chunk(out_, taken.bytes);
  }
  if (taken.finished) {
    if (!current_->http10) out_ += "0\r\n\r\n";
    end_stream();
    return true;
  }
  if (has_output()) return false;
  // The callbacks may write more. That comes back through the hub, so that one eager stream leaves
  // the I/O thread to the others in between.
  stream->settle(std::exchange(stream_sending_, false));
  if (taken.abandoned && stage_ == Stage::streaming) close();
  return false;
}

void Connection::end_stream() {
  const auto stream = current_->stream;
  --site_.streams;
  stream->reader_gone();
  observe(current_->response.status);
  after_answer(stream_keep_ && !site_.draining);
}

void Connection::after_answer(bool keep) {
  if (keep)
    next_request();
  else
    stage_ = Stage::ending;
}

void Connection::observe(int status) const {
  if (site_.router.observers.empty()) return;
  const auto took = std::chrono::steady_clock::now() - current_->started;
  const std::string_view pattern =
      current_->route == nullptr ? std::string_view{} : std::string_view(current_->route->pattern);
  for (const auto& observer : site_.router.observers)
    observer(current_->request, pattern, status, took);
}

}  // namespace galley::http
