#include "target_subject.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/json.h"
#include "target_stream.h"

namespace galley::profiling {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5'000};
/// Of UTF-8 text in two languages, where the server does not say how many tokens it made of it.
constexpr double kUsualBytesPerToken = 3;
constexpr std::uint32_t kProbeBytes = 480;
/// Our text must not reach past a context because one sentence has longer tokens than the probe's.
constexpr double kTokenMargin = 0.96;
constexpr std::uint32_t kThreads = 64;

double ms_since(Instant from) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - from).count();
}

/// "https://host:8000/v1/" -> server and path before /v1.
std::pair<std::string, std::string> split_url(const std::string& url) {
  const auto scheme = url.find("://");
  const auto slash = url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  std::string prefix = slash == std::string::npos ? "" : url.substr(slash);
  while (prefix.ends_with('/')) prefix.pop_back();
  if (prefix.ends_with("/v1")) prefix.resize(prefix.size() - 3);
  return {url.substr(0, slash), prefix};
}

std::string message_of(const http::Response& answer) {
  const auto body = parse_json(answer.body);
  std::string said;
  if (body && body->is_object())
    for (const char* name : {"error", "detail", "message"})
      if (const auto member = body->find(name); member != body->end()) {
        const Json text = member->is_object() ? member->value("message", Json()) : *member;
        said = text.is_string() ? text.get<std::string>() : dump_json(*member);
        break;
      }
  return fmt::format("the server answers {}{}{}", answer.status, said.empty() ? "" : ": ", said);
}

std::uint32_t number_of(const Json& object, const char* name) {
  if (!object.is_object()) return 0;
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_unsigned()) return 0;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(member->get<std::uint64_t>(), UINT32_MAX));
}

http::Headers json_headers() {
  http::Headers headers;
  headers.set("Content-Type", "application/json");
  return headers;
}

Error no_answer(const std::string& why) {
  return {.code = Errc::unavailable,
          .message = "the target does not answer a prompt: " + why,
          .field = "--target",
          .hint = "it must have OpenAI's /v1/completions or /v1/chat/completions, streamed"};
}

Json get_json(http::Client& client, const std::string& target) {
  const auto answer = client.send({.target = target});
  if (!answer || answer->status >= 400) return nullptr;
  auto json = parse_json(answer->body);
  return json ? *std::move(json) : Json(nullptr);
}

}  // namespace

TargetSubject::TargetSubject(TargetOptions options, std::stop_token stop)
    : options_(std::move(options)),
      stop_(std::move(stop)),
      interrupt_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      first_number_(
          static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count())) {
  std::tie(server_, prefix_) = split_url(options_.url);
  on_stop_ = std::make_unique<std::stop_callback<std::function<void()>>>(
      stop_, std::function<void()>([fd = interrupt_.get()] {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
      }));
}

TargetSubject::~TargetSubject() = default;

Result<std::unique_ptr<http::Client>> TargetSubject::connect() const {
  return http::Client::open({.server = server_,
                             .bearer_token = options_.api_key,
                             .connect_timeout = kConnectTimeout,
                             .timeout = options_.timeout,
                             .retries = 0,
                             .ca_file = options_.ca_file,
                             .interrupt_fd = interrupt_.get()});
}

Result<std::unique_ptr<TargetSubject>> TargetSubject::open(TargetOptions options,
                                                           std::stop_token stop) {
  std::unique_ptr<TargetSubject> subject(new TargetSubject(std::move(options), std::move(stop)));
  GALLEY_TRY(const auto client, subject->connect());
  GALLEY_TRY_STATUS(subject->look_at_models(*client));
  GALLEY_TRY_STATUS(subject->find_dialect());
  return subject;
}

Status TargetSubject::look_at_models(http::Client& client) {
  GALLEY_TRY(const auto answer, client.send({.target = prefix_ + "/v1/models"}));
  if (answer.status >= 400)
    return Error{http::errc_of(answer.status), message_of(answer), "--target"};
  const auto list = parse_json(answer.body);
  const Json empty = Json::array();
  const Json& data = list && list->is_object() && list->contains("data") ? (*list)["data"] : empty;
  const Json* found = nullptr;
  if (data.is_array())
    for (const Json& one : data)
      if (one.is_object() && one.contains("id") && one["id"].is_string() && found == nullptr &&
          (options_.model.empty() || one["id"] == options_.model))
        found = &one;
  if (found == nullptr)
    return Error{Errc::not_found,
                 options_.model.empty() ? prefix_ + "/v1/models names no model"
                                        : "the server has no model '" + options_.model + "'",
                 options_.model.empty() ? "--target" : "--target-model",
                 {},
                 "GET " + prefix_ + "/v1/models lists them"};
  wire_name_ = (*found)["id"].get<std::string>();
  // llama.cpp's is the path of a file.
  model_.name = wire_name_.ends_with(".gguf") ? std::filesystem::path(wire_name_).stem().string()
                                              : wire_name_;
  machine_.name =
      server_.substr(server_.find("://") == std::string::npos ? 0 : server_.find("://") + 3);
  machine_.devices = 1;
  model_.context =
      std::max(number_of(*found, "context_length"), number_of(*found, "max_model_len"));
  model_.parameters = number_of(*found, "parameters");
  if (found->contains("parameters") && (*found)["parameters"].is_number_unsigned())
    model_.parameters = (*found)["parameters"].get<std::uint64_t>();
  if (found->contains("snapshot") && (*found)["snapshot"].is_string())
    model_.snapshot = (*found)["snapshot"].get<std::string>();
  if (found->value("owned_by", "") != "llamacpp") return ok();
  dialect_ = Dialect::llama_cpp;
  const Json meta = found->value("meta", Json::object());
  if (meta.is_object()) {
    if (meta.contains("n_params") && meta["n_params"].is_number_unsigned())
      model_.parameters = meta["n_params"].get<std::uint64_t>();
    if (meta.contains("size") && meta["size"].is_number_unsigned())
      model_.weight_bytes = meta["size"].get<std::uint64_t>();
  }
  // A request gets one slot's share of the context.
  const Json props = get_json(client, prefix_ + "/props");
  if (props.is_object())
    model_.context = number_of(props.value("default_generation_settings", Json::object()), "n_ctx");
  return ok();
}

/// Sends the same short request with fewer and fewer fields of its own until it is taken.
Status TargetSubject::find_dialect() {
  Ask ask;
  ask.prompt.text = prompt_text(1, 0, kProbeBytes, PromptShape::prose);
  if (model_.context > 0 && model_.context < kProbeBytes / 2)
    ask.prompt.text.resize(std::min<std::size_t>(ask.prompt.text.size(), model_.context));
  ask.max_tokens = 1;
  ask.repetition_penalty = 2;
  ask.ignore_eos = true;
  bytes_per_token_ = kUsualBytesPerToken;
  const Dialect richest = dialect_ == Dialect::llama_cpp ? Dialect::llama_cpp : Dialect::extended;
  std::string why;
  for (const bool chats : {false, true})
    for (const Dialect dialect : {richest, Dialect::plain}) {
      chats_ = chats;
      dialect_ = dialect;
      const Reply reply = answer_one(ask);
      if (stop_.stop_requested()) return Error{Errc::unavailable, "interrupted"};
      if (!reply.fault.empty()) {
        if (why.empty()) why = reply.fault;
        if (!reply.refused) return no_answer(why);
        continue;
      }
      if (dialect == Dialect::plain)
        notes_.push_back(
            "The server takes no fields but OpenAI's: repetition penalties and answers that go on "
            "behind their natural end were not asked for.");
      if (chats) notes_.push_back("The server has no completions; the prompts were sent as chats.");
      if (reply.prompt_tokens > 0)
        bytes_per_token_ = static_cast<double>(ask.prompt.text.size()) / reply.prompt_tokens;
      else
        notes_.push_back(fmt::format(
            "The server does not count tokens: prompts are taken to have {} bytes a token, and "
            "every piece that came is taken for one token.",
            kUsualBytesPerToken));
      seen_.answers = seen_.wrong_counts = seen_.no_counts = seen_.ended_early = 0;
      seen_.said_tokens = seen_.came_pieces = 0;
      return ok();
    }
  return no_answer(why);
}

Prompt TargetSubject::make_prompt(std::uint64_t seed, std::uint64_t index, std::uint32_t tokens,
                                  PromptShape shape) const {
  Prompt prompt;
  const auto bytes = static_cast<std::size_t>(tokens * bytes_per_token_ * kTokenMargin);
  prompt.text = prompt_text(seed, index, bytes, shape);
  std::size_t end = std::min(bytes, prompt.text.size());
  // Cut between characters.
  while (end > 0 && end < prompt.text.size() &&
         (static_cast<unsigned char>(prompt.text[end]) & 0xC0U) == 0x80U)
    --end;
  prompt.text.resize(std::max<std::size_t>(end, 1));
  prompt.number_bytes = std::min(prompt.text.find('.'), prompt.text.size());
  return prompt;
}

std::string TargetSubject::text_of(const Ask& ask) const {
  std::string text = ask.prompt.text;
  if (ask.exactly) return text;
  Draws draws(first_number_, prompts_sent_++);
  for (std::size_t i = 0; i < ask.prompt.number_bytes; ++i)
    text[i] = static_cast<char>('0' + draws.below(10));
  return text;
}

std::string TargetSubject::body_of(const Ask& ask) const {
  Json body{{"model", wire_name_},
            {"max_tokens", ask.max_tokens},
            {"temperature", ask.greedy ? 0.0F : ask.temperature},
            {"top_p", ask.top_p},
            {"seed", ask.seed % INT32_MAX},
            {"stream", true},
            {"stream_options", {{"include_usage", true}}}};
  if (chats_)
    body["messages"] = Json::array({{{"role", "user"}, {"content", text_of(ask)}}});
  else
    body["prompt"] = text_of(ask);
  if (!ask.stop.empty()) body["stop"] = ask.stop;
  if (dialect_ == Dialect::plain) return dump_json(body);
  if (ask.ignore_eos) body["ignore_eos"] = true;
  if (ask.repetition_penalty > 1) {
    // llama.cpp's penalty sees the prompt's last tokens too; there is no setting that makes the two
    // the same.
    body[dialect_ == Dialect::llama_cpp ? "repeat_penalty" : "repetition_penalty"] =
        ask.repetition_penalty;
  }
  if (dialect_ == Dialect::llama_cpp) body["cache_prompt"] = false;
  return dump_json(body);
}

Reply TargetSubject::answer_one(const Ask& ask) const {
  Reply reply;
  // A connection a request: many servers close one after some, which would look like a failure.
  const auto client = connect();
  if (!client) {
    reply.fault = describe(client.error());
    return reply;
  }
  StreamedAnswer streamed;
  http::EventParser events;
  std::string broken;
  const Instant sent = std::chrono::steady_clock::now();
  const auto answer = (*client)->stream(
      {.method = "POST",
       .target = prefix_ + (chats_ ? "/v1/chat/completions" : "/v1/completions"),
       .headers = json_headers(),
       .body = body_of(ask)},
      [&](std::string_view piece) {
        const auto fed = events.feed(piece, [&](const http::EventParser::Event& event) {
          if (!broken.empty()) return;
          const auto taken = streamed.take(event.data);
          if (!taken) {
            broken = describe(taken.error());
            return;
          }
          if (!*taken) return;
          reply.latency_ms = ms_since(sent);
          if (reply.first_token_ms == 0) reply.first_token_ms = reply.latency_ms;
        });
        if (!fed && broken.empty()) broken = describe(fed.error());
        return broken.empty();
      });
  const double end_ms = ms_since(sent);
  reply.text = streamed.text();
  if (!answer)
    reply.fault = answer.error().code == Errc::timeout
                      ? fmt::format("nothing came for {:.0f} s",
                                    std::chrono::duration<double>(options_.timeout).count())
                      : describe(answer.error());
  else if (answer->status >= 400)
    reply.fault = message_of(*answer);
  else if (!broken.empty())
    reply.fault = broken;
  else if (!streamed.complete())
    reply.fault =
        fmt::format("the stream ended after {} pieces without saying why", streamed.pieces());
  reply.refused = answer.has_value();
  if (!reply.fault.empty()) return reply;
  if (reply.latency_ms == 0) reply.first_token_ms = reply.latency_ms = end_ms;
  reply.output_tokens = streamed.output_tokens(ask.max_tokens);
  if (streamed.usage()) reply.prompt_tokens = streamed.usage()->prompt_tokens;
  if (reply.prompt_tokens == 0 && bytes_per_token_ > 0 && !streamed.usage())
    reply.prompt_tokens =
        static_cast<std::uint32_t>(static_cast<double>(ask.prompt.text.size()) / bytes_per_token_);
  const bool stopped = streamed.finish_reason() == "stop";
  reply.finish = !stopped ? "length" : streamed.names_stop() || !ask.stop.empty() ? "stop" : "eos";
  judge(ask, streamed);
  return reply;
}

void TargetSubject::judge(const Ask& ask, const StreamedAnswer& streamed) const {
  ++seen_.answers;
  if (!streamed.usage()) ++seen_.no_counts;
  if (streamed.count_is_wrong(ask.max_tokens)) {
    ++seen_.wrong_counts;
    seen_.said_tokens += streamed.usage()->output_tokens;
    seen_.came_pieces += streamed.pieces();
  }
  if (ask.ignore_eos && dialect_ != Dialect::plain && streamed.finish_reason() == "stop")
    ++seen_.ended_early;
}

std::vector<Reply> TargetSubject::answer(std::span<const Ask> asks, const AskLimits& limits) {
  std::vector<Reply> replies(asks.size());
  std::atomic<std::size_t> next{0};
  const Instant began = std::chrono::steady_clock::now();
  const auto work = [&] {
    while (true) {
      // Taking a number and looking at the clock may race with others; at worst one more is sent.
      if (stop_.stop_requested() ||
          (next > 0 && std::chrono::steady_clock::now() >= limits.no_start_after))
        return;
      const std::size_t index = next++;
      if (index >= asks.size()) return;
      const double sent_ms = ms_since(began);
      replies[index] = answer_one(asks[index]);
      replies[index].sent_ms = sent_ms;
    }
  };
  const auto threads = std::min<std::size_t>({limits.at_once, asks.size(), kThreads});
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
  }
  replies.resize(std::min(next.load(), asks.size()));
  return replies;
}

std::vector<std::string> TargetSubject::take_notes() {
  std::vector<std::string> notes = std::move(notes_);
  notes_.clear();
  if (const auto wrong = seen_.wrong_counts.exchange(0); wrong > 0)
    notes.push_back(fmt::format(
        "{} of {} answers came with a count of tokens that cannot be true: {} tokens were said "
        "where {} pieces of text came; the pieces were counted.",
        wrong, seen_.answers.load(), seen_.said_tokens.exchange(0), seen_.came_pieces.exchange(0)));
  if (const auto none = seen_.no_counts.exchange(0); none > 0)
    notes.push_back(fmt::format(
        "{} of {} answers came without a count of tokens; the pieces of text were counted.", none,
        seen_.answers.load()));
  if (const auto early = seen_.ended_early.exchange(0); early > 0)
    notes.push_back(
        fmt::format("{} of {} answers ended by themselves although they were asked to "
                    "go on.",
                    early, seen_.answers.load()));
  seen_.answers = 0;
  return notes;
}

}  // namespace galley::profiling
