#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "http/client.h"
#include "subject.h"

namespace galley::profiling {

struct TargetOptions {
  std::string url;      // with or without /v1
  std::string model{};  // as the server names it; empty: its first
  std::string api_key{};
  std::string ca_file{};
  /// A server that sends nothing for so long has failed the request.
  std::chrono::milliseconds timeout{30'000};
};

/// A server with OpenAI's API, asked as any client would: completions where it has them, else
/// chats, streamed.
///
/// It is not trusted: an answer that stalls, breaks off or is refused is a fault of that request,
/// and its counts of tokens are checked against what came.
class TargetSubject final : public Subject {
 public:
  /// Finds out which model it has, which fields it takes, and how many bytes of our text a token
  /// is. Errors: unavailable (nobody answers), those that the server gives, corrupt (another API).
  static Result<std::unique_ptr<TargetSubject>> open(TargetOptions options, std::stop_token stop);
  ~TargetSubject() override;

  const ProfiledModel& model() const override { return model_; }
  const ProfiledMachine& machine() const override { return machine_; }
  bool is_target() const override { return true; }
  Prompt make_prompt(std::uint64_t seed, std::uint64_t index, std::uint32_t tokens,
                     PromptShape shape) const override;
  std::vector<Reply> answer(std::span<const Ask> asks, const AskLimits& limits) override;
  std::string cannot_hold(std::uint32_t, std::uint32_t) const override { return {}; }
  std::uint64_t resident_bytes() const override { return 0; }
  std::vector<std::string> take_notes() override;

 private:
  /// Which names the server has for what OpenAI has none for.
  enum class Dialect : std::uint8_t { plain, extended, llama_cpp };

  explicit TargetSubject(TargetOptions options, std::stop_token stop);
  Result<std::unique_ptr<http::Client>> connect() const;
  Status look_at_models(http::Client& client);
  Status find_dialect();
  std::string text_of(const Ask& ask) const;
  std::string body_of(const Ask& ask) const;
  Reply answer_one(const Ask& ask) const;
  void judge(const Ask& ask, const class StreamedAnswer& streamed) const;

  TargetOptions options_;
  std::string server_, prefix_;
  std::string wire_name_;  // of the model, as the server has it
  std::stop_token stop_;
  UniqueFd interrupt_;  // readable once stop was requested
  std::unique_ptr<std::stop_callback<std::function<void()>>> on_stop_;
  std::uint64_t first_number_;  // of another study another
  mutable std::atomic<std::uint64_t> prompts_sent_{0};
  ProfiledModel model_;
  ProfiledMachine machine_;
  Dialect dialect_ = Dialect::plain;
  bool chats_ = false;
  double bytes_per_token_ = 0;
  std::vector<std::string> notes_;  // of opening

  /// What was seen in the answers since notes were last taken.
  struct Seen {
    std::atomic<std::uint32_t> answers{0}, wrong_counts{0}, no_counts{0}, ended_early{0};
    std::atomic<std::uint64_t> said_tokens{0}, came_pieces{0};
  };
  mutable Seen seen_;
};

}  // namespace galley::profiling
