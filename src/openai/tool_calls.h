#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace galley::openai {

struct ToolCall {
  std::string name;
  std::string arguments;  // JSON, as text
};

struct ReadAnswer {
  std::string content;
  std::vector<ToolCall> calls;
};

/// Finds the calls in an answer, in the three forms that public models are trained on:
///   <tool_call>{"name": …, "arguments": {…}}</tool_call>, several of them, with text before
///   [TOOL_CALLS] [{"name": …, "arguments": {…}}, …]
///   {"name": …, "parameters": {…}} as the whole answer
/// An answer that is none of these, or whose JSON is broken, is content as it stands.
ReadAnswer read_tool_calls(std::string_view answer);

/// Decides, while an answer streams in, which of its text is surely no call and may be shown.
class CallFilter {
 public:
  /// The text that may be shown now; the rest is kept.
  std::string add(std::string_view text);
  /// At the end: what was kept, which is a call or the beginning of none.
  std::string take_rest();

 private:
  std::string kept_;
  bool is_call_ = false;
  bool at_start_ = true;  // nothing but spaces so far
};

}  // namespace galley::openai
