#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "http/client.h"

namespace galley::mlflow {

/// Sends the calls of a transcript one after the other and holds each answer against what is
/// written (transcripts/README.md). Failures are the test's.
class TranscriptPlayer {
 public:
  explicit TranscriptPlayer(http::Client& client) : client_(client) {}
  /// How many calls there were.
  std::size_t play(const Json& transcript);

 private:
  void play_step(const Json& step);
  /// With ${name} replaced and lists repeated.
  Json filled(const Json& value) const;
  std::string filled_text(std::string text) const;
  /// What of the answer is not as expected; empty when all is.
  std::string difference(const Json& expected, const Json& found, const std::string& path);

  http::Client& client_;
  std::map<std::string, std::string> known_;
};

}  // namespace galley::mlflow
