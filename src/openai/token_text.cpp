#include "token_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "base/json.h"
#include "base/text.h"

namespace galley::openai {
namespace {

/// JSON has no infinity; this is what OpenAI prints for a token that cannot come.
constexpr float kImpossible = -9999.0F;

void append_number(std::string& out, float logprob) {
  fmt::format_to(std::back_inserter(out), "{}", std::isfinite(logprob) ? logprob : kImpossible);
}

/// Part of a character is shown as its bytes, as OpenAI's completions do: "bytes:\xe2\x80".
std::string name_of(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string name = "bytes:";
  for (const char c : bytes)
    fmt::format_to(std::back_inserter(name), "\\x{:02x}", static_cast<unsigned char>(c));
  return name;
}

void append_bytes(std::string& out, std::string_view bytes) {
  out += '[';
  for (std::size_t i = 0; i < bytes.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ",",
                   static_cast<unsigned char>(bytes[i]));
  out += ']';
}

void append_chat_token(std::string& out, std::string_view bytes, float logprob) {
  out += "{\"token\":";
  append_json_string(out, bytes);
  out += ",\"logprob\":";
  append_number(out, logprob);
  out += ",\"bytes\":";
  append_bytes(out, bytes);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  const bool is_plain = std::ranges::all_of(text, [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f &&
           c != '"' && c != '\\';
  });
  if (is_plain) {
    out += '"';
    out += text;
    out += '"';
    return;
  }
  out += dump_json(Json(std::string(text)));
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void CompletionLogprobs::add_token(text::TokenId token) {
  const std::string_view bytes = tokenizer_->bytes_of(token, true);
  const char* const comma = tokens_.empty() ? "" : ",";
  tokens_ += comma;
  append_json_string(tokens_, name_of(bytes));
  fmt::format_to(std::back_inserter(offsets_), "{}{}", comma, offset_);
  offset_ += count_characters(tokenizer_->bytes_of(token));
}

void CompletionLogprobs::add_prompt(std::span<const serving::TokenInfo> tokens) {
  if (tokens.empty()) return;
  add_token(tokens.front().token);
  logprobs_ += "null";
  top_ += "null";
  add(tokens.subspan(1));
}

void CompletionLogprobs::add(std::span<const serving::TokenInfo> tokens) {
  for (const serving::TokenInfo& one : tokens) {
    if (!tokens_.empty()) {
      logprobs_ += ',';
      top_ += ',';
    }
    add_token(one.token);
    append_number(logprobs_, one.logprob);
    top_ += '{';
    std::set<std::string, std::less<>> named;  // two tokens may be spelt alike
    for (const auto& [token, logprob] : one.top) {
      if (named.size() >= alternatives_) break;
      std::string name = name_of(tokenizer_->bytes_of(token, true));
      if (!named.insert(name).second) continue;
      if (named.size() > 1) top_ += ',';
      append_json_string(top_, name);
      top_ += ':';
      append_number(top_, logprob);
    }
    top_ += '}';
  }
}

std::string CompletionLogprobs::take() {
  std::string out = fmt::format(
      R"({{"tokens":[{}],"token_logprobs":[{}],"top_logprobs":[{}],"text_offset":[{}]}})", tokens_,
      logprobs_, top_, offsets_);
  tokens_.clear();
  logprobs_.clear();
  top_.clear();
  offsets_.clear();
  return out;
}

void ChatLogprobs::add(std::span<const serving::TokenInfo> tokens) {
  for (const serving::TokenInfo& one : tokens) {
    if (!content_.empty()) content_ += ',';
    append_chat_token(content_, tokenizer_->bytes_of(one.token, true), one.logprob);
    content_ += ",\"top_logprobs\":[";
    for (std::size_t i = 0; i < std::min(alternatives_, one.top.size()); ++i) {
      if (i > 0) content_ += ',';
      append_chat_token(content_, tokenizer_->bytes_of(one.top[i].first, true), one.top[i].second);
      content_ += '}';
    }
    content_ += "]}";
  }
}

std::string ChatLogprobs::take() {
  std::string out = R"({"content":[)" + std::exchange(content_, {}) + R"(],"refusal":null})";
  return out;
}

std::string print_prompt_logprobs(const text::Tokenizer& tokenizer,
                                  std::span<const serving::TokenInfo> tokens) {
  std::string out = "[null";
  const auto print = [&](text::TokenId token, float logprob) {
    fmt::format_to(std::back_inserter(out), R"("{}":{{"logprob":)", token);
    append_number(out, logprob);
    out += R"(,"decoded_token":)";
    append_json_string(out, tokenizer.bytes_of(token, true));
    out += '}';
  };
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    out += ",{";
    print(tokens[i].token, tokens[i].logprob);
    for (const auto& [token, logprob] : tokens[i].top) {
      if (token == tokens[i].token) continue;
      out += ',';
      print(token, logprob);
    }
    out += '}';
  }
  out += ']';
  return out;
}

}  // namespace galley::openai
