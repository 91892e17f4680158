#include "log_text.h"

#include <algorithm>

namespace galley::api {
namespace {

/// The length that a character has by its first byte; 0 when it cannot be a first byte.
std::size_t length_by_first(unsigned char byte) {
  if (byte < 0x80) return 1;
  if (byte >= 0xC2 && byte <= 0xDF) return 2;
  if (byte >= 0xE0 && byte <= 0xEF) return 3;
  if (byte >= 0xF0 && byte <= 0xF4) return 4;
  return 0;
}

}  // namespace

std::size_t incomplete_utf8_tail(std::string_view bytes) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    return length_by_first(byte) > back ? back : 0;
  }
  return 0;
}

std::string log_event(std::int64_t offset, std::int64_t attempt, std::string_view bytes) {
  return dump_json({{"offset", offset}, {"attempt", attempt}, {"text", bytes}});
}

std::string end_event(const protocol::JobRecord& job,
                      const std::optional<protocol::AttemptRecord>& attempt) {
  const bool of_attempt = attempt && !protocol::is_final(job.state);
  Json json{
      {"state", of_attempt ? protocol::word_of(attempt->state) : protocol::word_of(job.state)}};
  const auto code = of_attempt ? attempt->exit_code : job.exit_code;
  if (code) json["exit_code"] = *code;
  return dump_json(json);
}

}  // namespace galley::api
