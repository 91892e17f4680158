#include <array>

#include "fields.h"
#include "requests.h"

namespace galley::openai {
namespace {

/// A content of parts as one text: models here read text alone.
bool read_content(Fields& in, const Json& content, std::string& out) {
  if (content.is_string()) {
    out = content.get<std::string>();
    return true;
  }
  if (!content.is_array()) {
    in.fault("content", "found " + name_of_value(content), "a text or a list of parts");
    return false;
  }
  for (std::size_t i = 0; i < content.size(); ++i) {
    Fields part(content[i], in.path_of("content[" + std::to_string(i) + "]"));
    std::string type;
    part.require("type", "text");
    part.text("type", type);
    if (type == "text") {
      std::string text;
      part.require("text", "a text");
      part.text("text", text);
      out += text;
    } else if (!type.empty() && !part.failed()) {
      part.fault("type", "parts of type " + name_of_value(Json(type)) + " are not supported",
                 "text");
    }
    if (type == "text") part.ignore({"annotations", "cache_control"});
    if (auto status = part.finish(); !status) {
      in.fault(status.error());
      return false;
    }
  }
  return true;
}

/// Templates print the arguments of a call as JSON, so the text that clients send becomes a value.
void read_calls(Fields& in, const Json& calls, Json& message) {
  if (!calls.is_array()) return in.fault("tool_calls", "found " + name_of_value(calls), "a list");
  Json read = Json::array();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    Fields call(calls[i], in.path_of("tool_calls[" + std::to_string(i) + "]"));
    std::string id;
    call.text("id", id);
    call.ignore({"type", "index"});
    call.require("function", "an object with name and arguments");
    Json function = Json::object();
    if (const Json* given = call.object("function")) {
      Fields inside(*given, call.path_of("function"));
      std::string name;
      inside.require("name", "a text");
      inside.text("name", name);
      const Json* arguments = inside.any("arguments");
      function = {{"name", name},
                  {"arguments", arguments == nullptr ? Json::object() : *arguments}};
      if (arguments != nullptr && arguments->is_string())
        if (auto value = parse_json(arguments->get_ref<const std::string&>()))
          function["arguments"] = *std::move(value);
      if (auto status = inside.finish(); !status) call.fault(status.error());
    }
    if (auto status = call.finish(); !status) return in.fault(status.error());
    read.push_back({{"id", id}, {"type", "function"}, {"function", std::move(function)}});
  }
  message["tool_calls"] = std::move(read);
}

bool read_message(Fields& in, const Json& given, const std::string& path, Json& out) {
  Fields message(given, path);
  std::string role;
  message.require("role", "system, user, assistant or tool");
  message.word("role", role, {"system", "developer", "user", "assistant", "tool", "function"});
  // Templates know no developer, who is the system's voice by another name.
  out["role"] = role == "developer" ? "system" : role;
  const Json* content = message.any("content");
  const Json* calls = message.any("tool_calls");
  std::string text;
  if (content != nullptr) {
    if (read_content(message, *content, text)) out["content"] = text;
  } else if (role == "assistant" && calls != nullptr) {
    out["content"] = "";
  } else {
    message.fault("content", "required field is missing", "a text");
  }
  if (calls != nullptr) read_calls(message, *calls, out);
  for (const char* name : {"name", "tool_call_id"}) {
    std::string value;
    if (message.text(name, value)) out[name] = value;
  }
  message.ignore({"refusal", "annotations", "reasoning_content", "restart"});
  message.refuse("audio", "messages of sound are not supported");
  message.refuse("function_call", "function_call is not supported; tool_calls is");
  auto status = message.finish();
  if (!status) in.fault(status.error());
  return status.has_value();
}

void read_tools(Fields& in, ChatRequest& out) {
  const Json* tools = in.any("tools");
  const Json* choice = in.any("tool_choice");
  bool wanted = true;
  if (choice != nullptr) {
    if (*choice == "none")
      wanted = false;
    else if (*choice != "auto")
      return in.fault("tool_choice", "found " + name_of_value(*choice),
                      "auto or none; the model cannot be made to call");
  }
  if (tools == nullptr) return;
  if (!tools->is_array()) return in.fault("tools", "found " + name_of_value(*tools), "a list");
  for (std::size_t i = 0; i < tools->size(); ++i) {
    Fields tool((*tools)[i], "tools[" + std::to_string(i) + "]");
    std::string type;
    tool.require("type", "function");
    tool.word("type", type, {"function"});
    tool.require("function", "an object with name and parameters");
    if (const Json* function = tool.object("function")) {
      Fields inside(*function, tool.path_of("function"));
      std::string name;
      inside.require("name", "a text");
      inside.text("name", name);
      inside.object("parameters");
      inside.ignore({"description", "strict"});
      if (auto status = inside.finish(); !status) tool.fault(status.error());
    }
    if (auto status = tool.finish(); !status) return in.fault(status.error());
  }
  if (wanted && !tools->empty()) out.tools = *tools;
}

}  // namespace

void read_messages(Fields& in, Json& out) {
  in.require("messages", "a list of messages");
  const Json* messages = in.any("messages");
  if (messages == nullptr) return;
  if (!messages->is_array() || messages->empty())
    return in.fault("messages", "found " + name_of_value(*messages),
                    "a list with at least one message");
  if (messages->size() > kMaxMessages)
    return in.fault("messages", "found " + name_of_value(*messages),
                    "at most " + std::to_string(kMaxMessages));
  out = Json::array();
  for (std::size_t i = 0; i < messages->size(); ++i) {
    Json message = Json::object();
    if (!read_message(in, (*messages)[i], "messages[" + std::to_string(i) + "]", message)) return;
    out.push_back(std::move(message));
  }
}

Result<ChatRequest> parse_chat(const Json& given) {
  GALLEY_TRY(const Json body, without_extra_body(given));
  ChatRequest request;
  Fields in(body);
  read_messages(in, request.messages);
  read_knobs(in, request);
  std::int64_t tokens = 0;
  if (in.integer("max_completion_tokens", tokens, {0, 1 << 24})) {
    if (request.max_tokens && *request.max_tokens != tokens)
      in.fault("max_completion_tokens", "differs from max_tokens", "one of the two");
    request.max_tokens = tokens;
  }
  in.flag("logprobs", request.logprobs);
  if (in.integer("top_logprobs", request.top_logprobs, {0, kMaxTopLogprobs}) && !request.logprobs)
    in.fault("top_logprobs", "logprobs is not true", "logprobs: true");
  read_best_of(in, request);
  check_both(in, request);
  read_tools(in, request);
  in.refuse("functions", "functions are not supported; tools are");
  in.refuse("function_call", "function_call is not supported; tool_choice is");
  in.refuse("audio", "sound is not supported");
  in.refuse("web_search_options", "searching the web is not supported");
  if (const Json* modalities = in.any("modalities");
      modalities != nullptr && *modalities != Json::array({"text"}))
    in.fault("modalities", "found " + dump_json(*modalities), "[\"text\"]");
  GALLEY_TRY_STATUS(in.finish());
  return request;
}

}  // namespace galley::openai
