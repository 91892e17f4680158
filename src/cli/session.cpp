#include "session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/text.h"
#include "protocol/controllers.h"

namespace galley::cli {
namespace {

/// Long, because a deployment answers when the model is loaded.
constexpr std::chrono::milliseconds kAnswerTimeout{120'000};
constexpr int kRepeats = 3;
/// A leader that died is followed by another within three seconds.
constexpr std::chrono::milliseconds kElectionPatience{5'000};
constexpr std::chrono::milliseconds kAskAgain{100};
constexpr std::int64_t kPageItems = 500;

/// Of an installation with several controllers people name all: "URL,URL".
std::vector<std::string> servers_of(const std::string& setting) {
  std::vector<std::string> servers;
  for (const std::string_view server : split(setting, ','))
    if (!server.empty()) servers.emplace_back(server);
  if (servers.empty()) servers.push_back(setting);
  return servers;
}

Result<Json> read_answer(Result<http::Response> answer) {
  if (!answer) return std::move(answer).error();
  if (answer->body.empty()) return Json::object();
  auto json = parse_json(answer->body);
  if (json) return json;
  return Error{Errc::corrupt,
               "the server's answer is " + json.error().message,
               {},
               {},
               "is it a Galley server?"};
}

}  // namespace

int exit_code_of(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
      return 2;
    case Errc::not_found:
      return 3;
    case Errc::unauthenticated:
    case Errc::forbidden:
    case Errc::rate_limited:
      return 4;
    case Errc::unavailable:
    case Errc::timeout:
      return 5;
    default:
      return 1;
  }
}

std::string encoded(std::string_view text) { return http::percent_encode(text); }

Session::Session() : terminal(look_at_terminal()) {}

WallTime Session::now() const { return system_clock().wall(); }

Result<Settings> Session::settings() { return resolve_settings(flags, process_environment()); }

Result<std::unique_ptr<http::Client>> Session::connect(std::chrono::milliseconds timeout) {
  GALLEY_TRY(const Settings found, settings());
  const std::string server =
      server_.empty() ? servers_of(found.server.value).front() : server_;  // the one that answered
  return http::Client::open({.server = server,
                             .bearer_token = found.token.value,
                             .timeout = timeout,
                             .ca_file = found.ca.value});
}

Status Session::open_client(const std::string& server) {
  server_ = server;
  GALLEY_TRY(client_, connect(kAnswerTimeout));
  return ok();
}

/// Goes where it is told that the leader is, and otherwise from one to the next.
Result<http::Response> Session::ask_each(const http::Client::Call& call, bool repeatable) {
  GALLEY_TRY(const Settings found, settings());
  const std::vector<std::string> servers = servers_of(found.server.value);
  if (!client_) {
    GALLEY_TRY_STATUS(open_client(servers.front()));
  }
  auto answer = client_->send(call);
  std::size_t next = 0;
  for (std::size_t hops = 0; hops <= servers.size(); ++hops) {
    std::string other;
    if (answer && answer->status == 503) {
      other = answer->headers.get(protocol::kLeaderHeader);
    } else if (!answer && repeatable) {
      while (next < servers.size() && servers[next] == server_) ++next;
      if (next < servers.size()) other = servers[next++];
    }
    if (other.empty()) break;
    GALLEY_TRY_STATUS(open_client(other));
    answer = client_->send(call);
  }
  return answer;
}

Result<http::Response> Session::send_to_leader(const http::Client::Call& call) {
  GALLEY_TRY(const Settings found, settings());
  const bool has_others = servers_of(found.server.value).size() > 1;
  // A request that may have been carried out is repeated only where that does no harm.
  const bool repeatable = call.method == "GET" || call.headers.has("Idempotency-Key");
  const auto deadline = std::chrono::steady_clock::now() + kElectionPatience;
  for (;;) {
    auto answer = ask_each(call, repeatable);
    const bool is_away = answer ? answer->status == 503 : answer.error().code == Errc::unavailable;
    if (!is_away || !has_others || !repeatable || std::chrono::steady_clock::now() > deadline)
      return answer;
    std::this_thread::sleep_for(kAskAgain);  // the lead is changing hands
  }
}

Result<http::Response> Session::send(http::Client::Call call) {
  auto raw = send_to_leader(call);
  const bool reached = raw.has_value();
  problem_ = nullptr;
  if (reached && raw->status >= 400)
    if (auto document = parse_json(raw->body)) problem_ = *std::move(document);
  auto answer = http::expect_ok(std::move(raw));
  if (answer) return answer;
  Error error = std::move(answer).error();
  GALLEY_TRY(const Settings found, settings());
  const bool local = found.server.value.starts_with("unix:");
  if (!reached && error.code == Errc::unavailable)
    error.hint = local
                     ? "start one with `galley up`, or name another with --server"
                     : fmt::format("is it running? The address comes from {}", found.server.source);
  if (!reached && error.code == Errc::unauthenticated)
    error.hint =
        found.ca.value.empty()
            ? "name the file of the authority that signed it with --ca, GALLEY_CA or `ca` in the "
              "config file; `galley tls init` writes it as ca.pem"
            : fmt::format("{} is trusted, by {}", found.ca.value, found.ca.source);
  if (error.code == Errc::unauthenticated && error.hint.empty())
    error.hint = "`galley login` stores a token";
  return error;
}

Result<Json> Session::get(const std::string& target) {
  return read_answer(send({.target = target}));
}

Result<Json> Session::send_json(std::string_view method, const std::string& target,
                                const Json& body, http::Headers headers) {
  headers.set("Content-Type", "application/json");
  http::Client::Call call{.method = std::string(method),
                          .target = target,
                          .headers = std::move(headers),
                          .body = dump_json(body)};
  return read_answer(send(std::move(call)));
}

Result<Json> Session::post(const std::string& target, const Json& body) {
  return send_json("POST", target, body);
}
Result<Json> Session::put(const std::string& target, const Json& body,
                          const std::string& if_match) {
  http::Headers headers;
  if (!if_match.empty()) headers.set("If-Match", if_match);
  return send_json("PUT", target, body, std::move(headers));
}
Status Session::remove(const std::string& target) {
  GALLEY_TRY_STATUS(send({.method = "DELETE", .target = target}));
  return ok();
}

Result<Json> Session::post_once(const std::string& target, const Json& body) {
  http::Headers key;
  key.set("Idempotency-Key", random_hex(16));
  auto answer = send_json("POST", target, body, key);
  for (int i = 1; i < kRepeats && !answer && answer.error().code == Errc::unavailable; ++i)
    answer = send_json("POST", target, body, key);
  return answer;
}

Result<Json> Session::list(const std::string& target, std::int64_t limit) {
  const char joint = target.find('?') == std::string::npos ? '?' : '&';
  Json all{{"items", Json::array()}};
  Json& items = all["items"];
  std::string cursor;
  for (;;) {
    const auto wanted = std::min(kPageItems, limit - static_cast<std::int64_t>(items.size()));
    std::string page_target = fmt::format("{}{}limit={}", target, joint, wanted);
    if (!cursor.empty()) page_target += "&cursor=" + encoded(cursor);
    GALLEY_TRY(Json page, get(page_target));
    const auto found = page.find("items");
    if (found == page.end() || !found->is_array())
      return Error{Errc::corrupt, "the server's answer to " + target + " is not a list"};
    for (Json& item : *found) items.push_back(std::move(item));
    const Json next = page.value("next_cursor", Json());
    const bool more = next.is_string() && !next.get_ref<const std::string&>().empty();
    if (more) cursor = next.get<std::string>();
    if (more && found->empty()) return all;  // a server that never ends a list must not hold us
    if (more && static_cast<std::int64_t>(items.size()) >= limit) all["next_cursor"] = cursor;
    if (!more || static_cast<std::int64_t>(items.size()) >= limit) return all;
  }
}

void Session::print_json(const Json& json) const { print_out(dump_json(json, 2) + "\n"); }

void Session::note(std::string_view line) const { print_note(std::string(line) + "\n"); }

}  // namespace galley::cli
