#include "batch_record.h"

#include <algorithm>
#include <array>

#include "fields.h"
#include "token_text.h"

namespace galley::openai {
namespace {

const std::vector<std::string> kEndpoints{"/v1/completions", "/v1/chat/completions",
                                          "/v1/embeddings"};
constexpr std::array kTimes{"in_progress_at", "finalizing_at", "completed_at", "failed_at",
                            "cancelling_at",  "cancelled_at",  "expires_at",   "expired_at"};
constexpr std::size_t kMaxCustomId = 512;
constexpr std::size_t kMaxMetadata = 16;
constexpr std::size_t kMaxMetadataBytes = 512;

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

std::string text_or_empty(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

bool is_open(const BatchRecord& batch) {
  return batch.status == "validating" || batch.status == "in_progress" ||
         batch.status == "finalizing" || batch.status == "cancelling";
}

Json print_batch(const BatchRecord& batch) {
  Json json{
      {"id", batch.id},
      {"object", "batch"},
      {"endpoint", batch.endpoint},
      {"errors", batch.errors.empty() ? Json() : Json{{"object", "list"}, {"data", batch.errors}}},
      {"input_file_id", batch.input_file},
      {"completion_window", batch.completion_window},
      {"status", batch.status},
      {"output_file_id", or_null(batch.output_file)},
      {"error_file_id", or_null(batch.error_file)},
      {"created_at", batch.created_s},
      {"request_counts",
       {{"total", batch.total}, {"completed", batch.completed}, {"failed", batch.failed}}},
      {"metadata", batch.metadata}};
  for (const char* time : kTimes) json[time] = batch.times.value(time, Json());
  return json;
}

Result<BatchRecord> read_batch(std::string_view text) {
  GALLEY_TRY(const Json json, parse_json(text));
  if (!json.is_object()) return Error{Errc::corrupt, "a batch is not an object"};
  BatchRecord batch;
  batch.id = text_or_empty(json, "id");
  batch.endpoint = text_or_empty(json, "endpoint");
  batch.input_file = text_or_empty(json, "input_file_id");
  batch.output_file = text_or_empty(json, "output_file_id");
  batch.error_file = text_or_empty(json, "error_file_id");
  batch.status = text_or_empty(json, "status");
  batch.completion_window = text_or_empty(json, "completion_window");
  batch.metadata = json.value("metadata", Json());
  if (batch.id.empty() || batch.status.empty() || batch.endpoint.empty())
    return Error{Errc::corrupt, "a batch lacks id, status or endpoint"};
  const auto number = [](const Json& of, const char* key) {
    const auto found = of.find(key);
    return found != of.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  };
  batch.created_s = number(json, "created_at");
  if (const auto counts = json.find("request_counts");
      counts != json.end() && counts->is_object()) {
    batch.total = number(*counts, "total");
    batch.completed = number(*counts, "completed");
    batch.failed = number(*counts, "failed");
  }
  if (const auto errors = json.find("errors"); errors != json.end() && errors->is_object())
    batch.errors = errors->value("data", Json::array());
  for (const char* time : kTimes)
    if (const auto found = json.find(time); found != json.end() && !found->is_null())
      batch.times[time] = *found;
  return batch;
}

Result<BatchRecord> parse_new_batch(const Json& body) {
  BatchRecord batch;
  Fields in(body);
  in.require("input_file_id", "the id of an uploaded file");
  in.text("input_file_id", batch.input_file);
  in.require("endpoint", "/v1/completions, /v1/chat/completions or /v1/embeddings");
  in.word("endpoint", batch.endpoint, kEndpoints);
  in.word("completion_window", batch.completion_window, {"24h"});
  if (const Json* metadata = in.object("metadata")) {
    bool fits = metadata->size() <= kMaxMetadata;
    for (const auto& [key, value] : metadata->items())
      fits = fits && key.size() <= 64 && value.is_string() &&
             value.get_ref<const std::string&>().size() <= kMaxMetadataBytes;
    if (!fits)
      in.fault("metadata", "does not fit", "at most 16 texts of 512 bytes under names of 64");
    batch.metadata = *metadata;
  }
  in.ignore({"output_expires_after"});
  GALLEY_TRY_STATUS(in.finish());
  return batch;
}

Result<BatchLine> parse_batch_line(std::string_view line, const std::string& endpoint) {
  GALLEY_TRY(const Json json, parse_body(line));
  BatchLine out;
  std::string method;
  std::string url;
  Fields in(json);
  in.require("custom_id", "a text of its own for each line");
  in.text("custom_id", out.custom_id);
  if (out.custom_id.size() > kMaxCustomId)
    in.fault("custom_id", "has " + std::to_string(out.custom_id.size()) + " bytes", "at most 512");
  in.require("method", "POST");
  in.word("method", method, {"POST"});
  in.require("url", endpoint);
  in.word("url", url, {endpoint});
  in.require("body", "the request");
  if (const Json* body = in.object("body")) {
    if (body->value("stream", Json()) == true)
      in.fault("body.stream", "an answer in a file is not streamed", "false");
    out.body = *body;
  }
  GALLEY_TRY_STATUS(in.finish());
  return out;
}

std::string print_answer_line(const std::string& request_id, const std::string& custom_id,
                              int status, std::string_view body) {
  std::string out = R"({"id":"batch_req_)" + request_id + R"(","custom_id":)";
  append_json_string(out, custom_id);
  out += R"(,"response":{"status_code":)" + std::to_string(status) + R"(,"request_id":")" +
         request_id + R"(","body":)";
  out += body;
  out += R"(},"error":null})";
  return out;
}

}  // namespace galley::openai
