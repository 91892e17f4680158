#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace galley::text {

/// A model's own chat template: the part of Jinja2 that public templates use, compiled once. It
/// runs in bounded time and memory, reads nothing but its variables, and has no way out of the
/// program. Immutable, thread-safe.
class ChatTemplate {
 public:
  /// Errors: invalid_argument, naming the line and what stands there; too_large.
  static Result<ChatTemplate> compile(std::string_view source);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  /// `variables` is an object: messages, add_generation_prompt, bos_token, eos_token, tools, ...
  /// `now`, seconds since 1970 in the reader's time zone, is what strftime_now tells; where it is
  /// absent, strftime_now is not defined and templates take the way that they have for that.
  /// Errors: invalid_argument (the template called raise_exception: its words; an operation on the
  /// wrong type), too_large (more than kMaxOutputBytes or kMaxSteps).
  Result<std::string> render(const Json& variables) const;

  static constexpr std::size_t kMaxSourceBytes = 1 << 20;
  static constexpr std::size_t kMaxOutputBytes = 16 << 20;
  static constexpr std::size_t kMaxSteps = 10'000'000;

 private:
  struct Impl;
  explicit ChatTemplate(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// ChatML, for models that bring no template of their own.
std::string_view default_chat_template();

}  // namespace galley::text
