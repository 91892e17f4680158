#include "text_server.h"

#include <array>
#include <cstdlib>
#include <optional>

#include "base/file.h"
#include "base/text.h"

namespace galley::cli {
namespace {

/// Until the first byte of an answer that is not streamed; a long one takes its time.
constexpr std::chrono::milliseconds kServerPatience{600'000};
/// Where a `galley serve` listens when nothing is said.
constexpr const char* kLocalServe = "http://127.0.0.1:7421";
constexpr const char* kDefaultSource = "default";
constexpr std::chrono::milliseconds kProbe{500};
constexpr std::int64_t kMaxFormBytes = 256 << 10;

struct KnobFlag {
  const char* flag;
  const char* field;
  const char* value;
  const char* help;
  bool is_text = false;  // "7" is a text too
};
constexpr std::array kFlags{
    KnobFlag{"--max-tokens", "max_tokens", "N", "Tokens to write at most"},
    KnobFlag{"--temperature", "temperature", "X",
             "0 takes the most likely token, 1 the model's own odds"},
    KnobFlag{"--top-p", "top_p", "X", "Of the most likely tokens that together have this share"},
    KnobFlag{"--top-k", "top_k", "N", "Of the N most likely tokens; 0 is off"},
    KnobFlag{"--min-p", "min_p", "X", "Of tokens at least so likely beside the first"},
    KnobFlag{"--repetition-penalty", "repetition_penalty", "X",
             "Above 1: against tokens that were there"},
    KnobFlag{"--presence-penalty", "presence_penalty", "X", "-2 to 2"},
    KnobFlag{"--frequency-penalty", "frequency_penalty", "X", "-2 to 2"},
    KnobFlag{"--seed", "seed", "N", "The same seed gives the same text"},
    KnobFlag{"--start", "start", "TEXT", "Put after the prompt, before the answer begins", true},
    KnobFlag{"--restart", "restart", "TEXT",
             "Put after the answer, so that the next turn can follow", true},
    KnobFlag{"--adapter", "adapter", "NAME", "Of the model", true},
};

std::string server_api_key(const Session& session) {
  if (!session.flags.token.empty()) return session.flags.token;
  const char* key = std::getenv("GALLEY_API_KEY");
  return key == nullptr ? "" : key;
}

/// OpenAI's {"error": {message, …}}, or our problem+json.
Result<http::Response> read_refusal(Result<http::Response> answer) {
  if (!answer) {
    Error error = std::move(answer).error();
    if (error.code == Errc::unavailable)
      error.hint = "`galley serve --model FILE` starts a server; --url names it";
    return error;
  }
  if (answer->status < 400) return answer;
  const auto body = parse_json(answer->body);
  if (body && body->is_object() && body->contains("error")) {
    const Json& error = (*body)["error"];
    const Json message = error.is_object() ? error.value("message", Json()) : error;
    Error out{http::errc_of(answer->status),
              message.is_string() ? message.get<std::string>() : dump_json(error)};
    if (out.code == Errc::unauthenticated) out.hint = "--token or GALLEY_API_KEY gives the key";
    return out;
  }
  return http::expect_ok(std::move(answer));
}

Result<Json> as_json(Result<http::Response> answer) {
  if (!answer) return std::move(answer).error();
  auto json = parse_json(answer->body);
  if (json) return json;
  return Error{Errc::corrupt,
               "the server's answer is " + json.error().message,
               {},
               {},
               "does it have OpenAI's API?"};
}

/// A number, true or false as it is, anything else as text.
Json value_of(const std::string& text) {
  if (auto json = parse_json(text); json && (json->is_number() || json->is_boolean()))
    return *std::move(json);
  return text;
}

bool answers(const std::string& url) {
  auto client = http::Client::open(
      {.server = url, .connect_timeout = kProbe, .timeout = kProbe, .retries = 0});
  return client && (*client)->send({.target = "/version"}).has_value();
}

}  // namespace

Result<TextServer> TextServer::open(Session& session, const std::string& given) {
  GALLEY_TRY(const auto settings, session.settings());
  const char* named = std::getenv("GALLEY_URL");
  std::string url = given.empty() && named != nullptr ? named : given;
  if (url.empty() && settings.server.source == kDefaultSource && answers(kLocalServe))
    url = kLocalServe;
  if (url.empty()) {
    GALLEY_TRY(auto client, session.connect(kServerPatience));
    return TextServer(std::move(client), "");
  }
  const auto scheme = url.find("://");
  const auto slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  std::string prefix = slash == std::string::npos ? "" : url.substr(slash);
  while (prefix.ends_with('/')) prefix.pop_back();
  if (prefix.ends_with("/v1")) prefix.resize(prefix.size() - 3);
  GALLEY_TRY(auto client, http::Client::open({.server = normal_server(url.substr(0, slash)),
                                              .bearer_token = server_api_key(session),
                                              .timeout = kServerPatience,
                                              .ca_file = settings.ca.value}));
  return TextServer(std::move(client), std::move(prefix));
}

Result<http::Response> TextServer::send(http::Client::Call call) {
  call.target = prefix_ + call.target;
  return read_refusal(client_->send(std::move(call)));
}

Result<Json> TextServer::get(const std::string& target) {
  return as_json(send({.target = target}));
}

Result<Json> TextServer::post(const std::string& target, const Json& body) {
  http::Headers headers;
  headers.set("Content-Type", "application/json");
  return as_json(send({.method = "POST",
                       .target = target,
                       .headers = std::move(headers),
                       .body = dump_json(body)}));
}

Result<std::string> TextServer::get_bytes(const std::string& target) {
  GALLEY_TRY(auto answer, send({.target = target}));
  return std::move(answer.body);
}

Result<Json> TextServer::upload(const std::string& name, const std::string& purpose,
                                std::string_view bytes) {
  const std::string boundary = "galley" + random_hex(16);
  std::string body =
      "--" + boundary + "\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n" + purpose +
      "\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"";
  for (const char c : name) body += c == '"' || c == '\r' || c == '\n' ? '_' : c;
  body += "\"\r\nContent-Type: application/jsonl\r\n\r\n";
  body += bytes;
  body += "\r\n--" + boundary + "--\r\n";
  http::Headers headers;
  headers.set("Content-Type", "multipart/form-data; boundary=" + boundary);
  return as_json(send({.method = "POST",
                       .target = "/v1/files",
                       .headers = std::move(headers),
                       .body = std::move(body)}));
}

Status TextServer::stream(const std::string& target, const Json& body,
                          const std::function<bool(const Json&)>& each) {
  http::Headers headers;
  headers.set("Content-Type", "application/json");
  http::EventParser parser;
  bool done = false;
  std::optional<Error> failure;
  const auto take = [&](const http::EventParser::Event& event) {
    if (done || failure) return;
    if (event.data == "[DONE]") {
      done = true;
      return;
    }
    const auto json = parse_json(event.data);
    if (!json || !json->is_object())
      failure = Error{Errc::corrupt, "the server sent an event that is not JSON"};
    else if (json->contains("error"))
      failure = Error{Errc::unavailable, (*json)["error"].value("message", "the answer broke off")};
    else if (!each(*json))
      done = true;
  };
  const auto answer = read_refusal(client_->stream({.method = "POST",
                                                    .target = prefix_ + target,
                                                    .headers = std::move(headers),
                                                    .body = dump_json(body)},
                                                   [&](std::string_view bytes) {
                                                     const auto fed = parser.feed(bytes, take);
                                                     if (!fed && !failure) failure = fed.error();
                                                     return !failure && !done;
                                                   }));
  if (failure) return *failure;
  if (!answer) return answer.error();
  if (!done) return Error{Errc::unavailable, "the answer broke off"};
  return ok();
}

Knobs::Knobs() : values_(kFlags.size()) {}

void Knobs::define(Options& options) {
  for (std::size_t i = 0; i < kFlags.size(); ++i)
    options.text(kFlags[i].flag, values_[i], kFlags[i].value, kFlags[i].help);
  options.texts("--stop", stops_, "TEXT", "End before this text; may be repeated")
      .flag("--greedy", greedy_, "Always the most likely token")
      .flag("--ignore-eos", ignore_eos_, "Go on where the model would end")
      .text("--schema", schema_file_, "FILE", "JSON Schema that the answer follows")
      .text("--grammar", grammar_file_, "FILE", "GBNF grammar that the answer follows");
}

Status Knobs::add_to(Json& body) const {
  for (std::size_t i = 0; i < kFlags.size(); ++i)
    if (!values_[i].empty())
      body[kFlags[i].field] = kFlags[i].is_text ? Json(values_[i]) : value_of(values_[i]);
  if (!stops_.empty()) body["stop"] = stops_;
  if (greedy_) body["greedy"] = true;
  if (ignore_eos_) body["ignore_eos"] = true;
  if (!schema_file_.empty()) {
    GALLEY_TRY(const std::string text, read_file(schema_file_, kMaxFormBytes));
    auto schema = parse_json(text);
    if (!schema)
      return Error{Errc::invalid_argument, schema_file_ + " is " + schema.error().message,
                   "--schema"};
    body["response_format"] = {{"type", "json_schema"},
                               {"json_schema", {{"name", "answer"}, {"schema", *schema}}}};
  }
  if (!grammar_file_.empty()) {
    GALLEY_TRY(body["grammar"], read_file(grammar_file_, kMaxFormBytes));
  }
  return ok();
}

}  // namespace galley::cli
