#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace galley::openai {

inline constexpr std::size_t kMaxBatchLines = 50'000;  // as OpenAI's
inline constexpr std::size_t kMaxLineErrors = 100;     // told of a file; the rest is alike

/// What a batch is and how far it is. The document is OpenAI's batch object.
struct BatchRecord {
  std::string id;
  std::string endpoint;  // "/v1/completions", …
  std::string input_file;
  std::string output_file, error_file;  // empty: none (yet)
  std::string status;                   // as on the wire
  std::string completion_window = "24h";
  Json metadata;
  Json errors = Json::array();  // {code, message, line, param}
  std::int64_t total = 0, completed = 0, failed = 0;
  std::int64_t created_s = 0;
  Json times = Json::object();  // "in_progress_at": seconds, …
};

Json print_batch(const BatchRecord& batch);
Result<BatchRecord> read_batch(std::string_view text);
/// validating, in_progress, finalizing, cancelling: somebody works at it.
bool is_open(const BatchRecord& batch);

/// {input_file_id, endpoint, completion_window, metadata?}. Errors: invalid_argument.
Result<BatchRecord> parse_new_batch(const Json& body);

/// One line of a batch's input.
struct BatchLine {
  std::string custom_id;
  Json body;
};
/// Errors: invalid_argument naming the field.
Result<BatchLine> parse_batch_line(std::string_view line, const std::string& endpoint);

/// The line that answers it, for the output file, or for the error file where status is not 200.
std::string print_answer_line(const std::string& request_id, const std::string& custom_id,
                              int status, std::string_view body);

}  // namespace galley::openai
