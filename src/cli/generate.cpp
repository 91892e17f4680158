#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <iterator>

#include "commands.h"
#include "fields.h"
#include "generate_batch.h"
#include "text_server.h"

namespace galley::cli {
namespace {

struct GenerateOptions {
  std::string prompt;
  std::string model;
  std::string url;
  std::string batch;
  std::string out;
  Knobs knobs;
};

struct ChatOptions {
  std::string model;
  std::string url;
  std::string system;
  Knobs knobs;
};

/// The text of one chunk, of either kind.
std::string text_of_chunk(const Json& chunk) {
  const Json& choices = child_of(chunk, "choices");
  if (!choices.is_array() || choices.empty()) return {};
  const Json& choice = choices.front();
  return choice.contains("delta") ? text_of(child_of(choice, "delta"), "content")
                                  : text_of(choice, "text");
}

void note_usage(const Session& session, const Json& usage, double seconds) {
  if (usage.is_null() || !session.terminal.err_is_terminal) return;
  const auto written = count_of(usage, "completion_tokens");
  const auto cached = count_of(child_of(usage, "prompt_tokens_details"), "cached_tokens");
  session.note(fmt::format("{} prompt tokens{}, {} written, {:.1f} tokens/s",
                           count_of(usage, "prompt_tokens"),
                           cached > 0 ? fmt::format(" ({} cached)", cached) : "", written,
                           seconds > 0 ? static_cast<double>(written) / seconds : 0));
}

/// Prints an answer as it comes and answers all of its text.
Result<std::string> print_streamed(const Session& session, TextServer& server,
                                   const std::string& target, Json body) {
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  const auto began = std::chrono::steady_clock::now();
  std::string all;
  Json usage;
  GALLEY_TRY_STATUS(server.stream(target, body, [&](const Json& chunk) {
    const std::string text = text_of_chunk(chunk);
    print_out(text);
    all += text;
    if (const Json& last = child_of(chunk, "usage"); !last.is_null()) usage = last;
    return true;
  }));
  if (!all.ends_with('\n')) print_out("\n");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  note_usage(session, usage, took.count());
  return all;
}

Result<int> generate(Session& session, GenerateOptions& options) {
  GALLEY_TRY(auto server, TextServer::open(session, options.url));
  Json body = Json::object();
  if (!options.model.empty()) body["model"] = options.model;
  GALLEY_TRY_STATUS(options.knobs.add_to(body));
  if (!options.batch.empty() || !options.out.empty()) {
    if (options.batch.empty() || options.out.empty() || !options.prompt.empty())
      return Error{Errc::invalid_argument, "a batch needs its input and its output, and no prompt",
                   "--batch", "--batch IN.jsonl --out OUT.jsonl"};
    return generate_batch(session, server, options.batch, options.out, body);
  }
  if (options.prompt.empty()) {
    if (::isatty(STDIN_FILENO) == 1) session.note("reading the prompt until Ctrl-D");
    options.prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  body["prompt"] = options.prompt;
  if (!session.flags.json) {
    GALLEY_TRY_STATUS(print_streamed(session, server, "/v1/completions", std::move(body)));
    return 0;
  }
  GALLEY_TRY(const Json answer, server.post("/v1/completions", body));
  session.print_json(answer);
  return 0;
}

Json opening(const ChatOptions& options) {
  Json messages = Json::array();
  if (!options.system.empty())
    messages.push_back({{"role", "system"}, {"content", options.system}});
  return messages;
}

Result<int> chat(Session& session, ChatOptions& options) {
  GALLEY_TRY(auto server, TextServer::open(session, options.url));
  Json body = Json::object();
  if (!options.model.empty()) body["model"] = options.model;
  GALLEY_TRY_STATUS(options.knobs.add_to(body));
  const bool is_terminal = ::isatty(STDIN_FILENO) == 1;
  if (is_terminal) session.note("/reset begins anew, /exit or Ctrl-D ends");
  Json messages = opening(options);
  for (std::string line;;) {
    if (is_terminal) print_note("> ");
    if (!std::getline(std::cin, line) || line == "/exit") break;
    if (line.empty()) continue;
    if (line == "/reset") {
      messages = opening(options);
      session.note("a new conversation");
      continue;
    }
    messages.push_back({{"role", "user"}, {"content", line}});
    body["messages"] = messages;
    const auto answer = print_streamed(session, server, "/v1/chat/completions", body);
    if (!answer) {
      // One turn that fails does not end a conversation that somebody sits at.
      if (!is_terminal) return answer.error();
      session.note(describe(answer.error()));
      messages.erase(messages.size() - 1);
      continue;
    }
    messages.push_back({{"role", "assistant"}, {"content", *answer}});
  }
  if (session.flags.json) session.print_json({{"messages", messages}});
  return 0;
}

constexpr const char* kUrlHelp = "Any server with OpenAI's API, such as a `galley serve`";
constexpr const char* kModelHelp = "Which model, or MODEL:ADAPTER; the first when absent";

}  // namespace

void add_text_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "generate",
       .help = "Let a language model go on with a text",
       .group = kModelGroup,
       .examples = {"galley generate --url http://127.0.0.1:7421 'Once upon a time'",
                    "galley generate --max-tokens 200 --top-p 0.9 < prompt.txt",
                    "galley generate --batch in.jsonl --out out.jsonl   many, in the background; "
                    "again to go on"},
       .define = [&session](Options& options) -> Action {
         auto wanted = std::make_shared<GenerateOptions>();
         options.optional_positional("PROMPT", wanted->prompt, "Standard input when absent")
             .text("--model", wanted->model, "NAME", kModelHelp)
             .text("--url", wanted->url, "URL", kUrlHelp)
             .text("--batch", wanted->batch, "FILE",
                   "Lines {\"prompt\": …}, {\"messages\": …} or OpenAI's of a batch")
             .text("--out", wanted->out, "FILE",
                   "Where the answers of a batch go, in the order of the input");
         wanted->knobs.define(options);
         return [&session, wanted] { return generate(session, *wanted); };
       }});
  commands.push_back(
      {.name = "chat",
       .help = "Talk to a language model",
       .group = kModelGroup,
       .examples = {"galley chat --url http://127.0.0.1:7421 --system 'Answer in Korean.'"},
       .define = [&session](Options& options) -> Action {
         auto wanted = std::make_shared<ChatOptions>();
         options.text("--model", wanted->model, "NAME", kModelHelp)
             .text("--url", wanted->url, "URL", kUrlHelp)
             .text("--system", wanted->system, "TEXT", "What the model is told first");
         wanted->knobs.define(options);
         return [&session, wanted] { return chat(session, *wanted); };
       }});
}

}  // namespace galley::cli
