#include "http/client.h"

#include <array>
#include <thread>
#include <utility>

#include "client_address.h"
#include "client_socket.h"
#include "response_parser.h"

namespace galley::http {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
/// Before the first repetition; doubled before each further one. Long enough for a server that is
/// being restarted by a supervisor to come nearer, short enough for a person at a terminal.
constexpr std::chrono::milliseconds kFirstPause{50};

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE";
}

bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Status check(const Client::Call& call) {
  const bool plain_target = call.target.starts_with('/') &&
                            call.target.find(' ') == std::string::npos &&
                            !has_line_break(call.target);
  if (!plain_target)
    return Error{Errc::invalid_argument,
                 "'" + call.target.substr(0, 100) + "' is not a request target",
                 {},
                 "a percent-encoded path that begins with '/'"};
  for (const auto& [name, value] : call.headers.all())
    if (has_line_break(name) || has_line_break(value))
      return Error{Errc::invalid_argument, "the header '" + name + "' holds a line break"};
  return ok();
}

}  // namespace

struct Client::Impl {
  ClientOptions options;
  ServerAddress address;
  std::unique_ptr<ClientLink> link;  // null until the first request and after a break

  std::string head_of(const Call& call) const;
  Result<Response> attempt(const Call& call, const BodyPiece& piece, bool& pieces_given);
  Result<Response> read_answer(const Call& call, const BodyPiece& piece, Instant deadline);
  Result<Response> perform(const Call& call, const BodyPiece& piece);
};

std::string Client::Impl::head_of(const Call& call) const {
  std::string head = call.method + " " + call.target + " HTTP/1.1\r\n";
  if (!call.headers.has("Host")) head += "Host: " + address.authority + "\r\n";
  if (!options.bearer_token.empty() && !call.headers.has("Authorization"))
    head += "Authorization: Bearer " + options.bearer_token + "\r\n";
  const bool has_body =
      !call.body.empty() || call.method == "POST" || call.method == "PUT" || call.method == "PATCH";
  if (has_body) head += "Content-Length: " + std::to_string(call.body.size()) + "\r\n";
  for (const auto& [name, value] : call.headers.all()) head += name + ": " + value + "\r\n";
  return head + "\r\n";
}

Result<Response> Client::Impl::attempt(const Call& call, const BodyPiece& piece,
                                       bool& pieces_given) {
  // What a quiet connection has to say is that the server closed it, which is no failure.
  if (link && !link->quiet()) link.reset();
  if (!link) {
    GALLEY_TRY(link, open_link(address, options));
  }
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  auto head = head_of(call);
  const bool together = call.body.size() <= kReadBytes;
  if (together) head += call.body;
  auto taken = link->write(head, deadline);
  if (taken && *taken && !together) taken = link->write(call.body, deadline);
  if (!taken) return taken.error();
  BodyPiece counted;
  if (piece)
    counted = [&](std::string_view bytes) {
      pieces_given = true;
      return piece(bytes);
    };
  auto answer = read_answer(call, counted, deadline);
  if (!*taken) link.reset();  // the rest of the request is still owed to the server
  return answer;
}

Result<Response> Client::Impl::read_answer(const Call& call, const BodyPiece& piece,
                                           Instant deadline) {
  ResponseParser parser({.max_body_bytes = options.max_body_bytes,
                         .head_request = call.method == "HEAD",
                         .piece = piece});
  std::string waiting;
  std::array<char, kReadBytes> bytes{};
  for (;;) {
    GALLEY_TRY(const auto got, link->read(bytes, deadline));
    std::size_t consumed = 0;
    bool complete = false;
    if (got == 0) {
      GALLEY_TRY(complete, parser.end_of_input());
    } else if (waiting.empty()) {
      const std::string_view arrived(bytes.data(), got);
      GALLEY_TRY(complete, parser.feed(arrived, consumed));
      waiting = arrived.substr(consumed);
    } else {
      waiting.append(bytes.data(), got);
      GALLEY_TRY(complete, parser.feed(waiting, consumed));
      waiting.erase(0, consumed);
    }
    if (complete) {
      if (!parser.keep_alive() || !waiting.empty()) link.reset();
      return std::move(parser.response());
    }
    if (piece) deadline = std::chrono::steady_clock::now() + options.timeout;
  }
}

Result<Response> Client::Impl::perform(const Call& call, const BodyPiece& piece) {
  GALLEY_TRY_STATUS(check(call));
  auto pause = kFirstPause;
  for (int left = is_idempotent(call.method) ? options.retries : 0;; --left) {
    bool pieces_given = false;
    auto answer = attempt(call, piece, pieces_given);
    if (answer) return answer;
    link.reset();
    const bool again = answer.error().code == Errc::unavailable && left > 0 && !pieces_given;
    if (!again) {
      auto error = std::move(answer).error();
      if (error.message.find(address.text) == std::string::npos)
        error.message =
            call.method + " " + call.target + " of " + address.text + ": " + error.message;
      return error;
    }
    std::this_thread::sleep_for(pause);
    pause *= 2;
  }
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::open(ClientOptions options) {
  auto impl = std::make_unique<Impl>();
  GALLEY_TRY(impl->address, parse_server(options.server));
  if (has_line_break(options.bearer_token))
    return Error{Errc::invalid_argument, "the bearer token holds a line break"};
  impl->options = std::move(options);
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Result<Response> Client::send(Call call) { return impl_->perform(call, {}); }

Result<Response> Client::stream(Call call, const std::function<bool(std::string_view)>& piece) {
  return impl_->perform(call, piece);
}

}  // namespace galley::http
