#include "generate_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "fields.h"
#include "progress.h"

namespace galley::cli {
namespace {

constexpr std::int64_t kMaxInputBytes = 200 << 20;
constexpr std::chrono::milliseconds kLookAgain{250};
constexpr const char* kInputKey = "galley_input_sha256";
constexpr const char* kCompletions = "/v1/completions";
constexpr const char* kChats = "/v1/chat/completions";
constexpr std::string_view kPageSize = "100";

/// One line as a line of a batch.
Result<Json> batch_line(const Json& line, std::size_t number, const Json& defaults) {
  Json whole = line;
  if (!line.contains("body")) {
    const bool is_chat = line.contains("messages");
    if (!is_chat && !line.contains("prompt"))
      return Error{Errc::invalid_argument,
                   fmt::format("line {} has no prompt, no messages and no body", number)};
    Json body = line;
    body.erase("custom_id");
    whole = {{"custom_id", line.value("custom_id", Json(fmt::format("line-{}", number)))},
             {"method", "POST"},
             {"url", is_chat ? kChats : kCompletions},
             {"body", std::move(body)}};
  }
  if (!whole["body"].is_object() || text_of(whole, "custom_id").empty() ||
      text_of(whole, "url").empty())
    return Error{Errc::invalid_argument,
                 fmt::format("line {} lacks custom_id, url or body", number)};
  for (const auto& [key, value] : defaults.items())
    if (!whole["body"].contains(key)) whole["body"][key] = value;
  return whole;
}

/// The batch of the same input that was begun before and did not fail, or null.
Result<Json> find_before(TextServer& server, const std::string& hash) {
  std::string after;
  for (;;) {
    GALLEY_TRY(const Json page,
               server.get(fmt::format("/v1/batches?limit={}{}", kPageSize, after)));
    const Json& data = child_of(page, "data");
    if (!data.is_array()) return Json();
    for (const Json& batch : data) {
      const std::string status = text_of(batch, "status");
      const bool is_usable =
          status != "failed" && status != "expired" && !status.starts_with("cancel");
      if (is_usable && text_of(child_of(batch, "metadata"), kInputKey) == hash) return batch;
    }
    if (!page.value("has_more", false) || data.empty()) return Json();
    after = "&after=" + encoded(text_of(data.back(), "id"));
  }
}

Result<Json> begin(Session& session, TextServer& server, const std::string& in,
                   const BatchInput& input) {
  const std::string hash = sha256_hex(input.lines);
  GALLEY_TRY(const Json before, find_before(server, hash));
  if (!before.is_null()) {
    session.note(fmt::format("going on with {}", text_of(before, "id")));
    return before;
  }
  GALLEY_TRY(const Json file, server.upload(in, "batch", input.lines));
  GALLEY_TRY(const Json batch, server.post("/v1/batches", {{"input_file_id", text_of(file, "id")},
                                                           {"endpoint", input.endpoint},
                                                           {"completion_window", "24h"},
                                                           {"metadata", {{kInputKey, hash}}}}));
  session.note(fmt::format("began {}", text_of(batch, "id")));
  return batch;
}

bool has_ended(const Json& batch) {
  const std::string status = text_of(batch, "status");
  return status == "completed" || status == "failed" || status == "cancelled" ||
         status == "expired";
}

/// A server that is being restarted goes on with its batch, so it is waited for.
Result<Json> wait_for(Session& session, TextServer& server, Json batch) {
  constexpr int kRefusals = 240;  // a minute
  int refused = 0;
  Progress progress(text_of(batch, "id"), session.terminal.err_is_terminal);
  while (!has_ended(batch)) {
    const Json& counts = child_of(batch, "request_counts");
    const auto total = count_of(counts, "total");
    const auto done = count_of(counts, "completed") + count_of(counts, "failed");
    progress.show(total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0,
                  fmt::format("{} of {}", done, total));
    std::this_thread::sleep_for(kLookAgain);
    auto now = server.get("/v1/batches/" + encoded(text_of(batch, "id")));
    if (now) {
      batch = *std::move(now);
      refused = 0;
    } else if (now.error().code != Errc::unavailable || ++refused > kRefusals) {
      return now;
    }
  }
  return batch;
}

/// The lines of both files by custom_id.
Status read_answers(TextServer& server, const Json& batch, const char* key,
                    std::map<std::string, std::string>& answers) {
  const std::string file = text_of(batch, key);
  if (file.empty()) return ok();
  GALLEY_TRY(const std::string text, server.get_bytes("/v1/files/" + encoded(file) + "/content"));
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    GALLEY_TRY(const Json json, parse_json(line));
    answers[text_of(json, "custom_id")] = line;
  }
  return ok();
}

Error failure_of(const Json& batch) {
  const Json& errors = child_of(child_of(batch, "errors"), "data");
  std::string why = "the batch " + text_of(batch, "id") + " is " + text_of(batch, "status");
  if (errors.is_array() && !errors.empty()) {
    const Json& first = errors.front();
    why += first.contains("line") && first["line"].is_number()
               ? fmt::format("; line {}: ", count_of(first, "line"))
               : ": ";
    why += text_of(first, "message");
    if (errors.size() > 1) why += fmt::format(" (and {} more)", errors.size() - 1);
  }
  return Error{Errc::internal, std::move(why)};
}

}  // namespace

Result<BatchInput> make_batch_input(std::string_view text, const Json& defaults) {
  BatchInput input;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    auto json = parse_json(line);
    if (!json || !json->is_object())
      return Error{
          Errc::invalid_argument,
          fmt::format("line {} is {}", number, json ? "not an object" : json.error().message)};
    GALLEY_TRY(const Json whole, batch_line(*json, number, defaults));
    const std::string url = text_of(whole, "url");
    if (input.endpoint.empty()) input.endpoint = url;
    if (url != input.endpoint)
      return Error{
          Errc::invalid_argument,
          fmt::format("line {} is for {}, and those before for {}", number, url, input.endpoint),
          {},
          "one kind of request in a file"};
    input.custom_ids.push_back(text_of(whole, "custom_id"));
    input.lines += dump_json(whole) + "\n";
  }
  if (input.custom_ids.empty()) return Error{Errc::invalid_argument, "the input has no line"};
  return input;
}

Result<int> generate_batch(Session& session, TextServer& server, const std::string& in,
                           const std::string& out, const Json& defaults) {
  GALLEY_TRY(const std::string text, read_file(in, kMaxInputBytes));
  auto input = make_batch_input(text, defaults);
  if (!input) {
    Error error = std::move(input).error();
    error.message = in + ": " + error.message;
    return error;
  }
  GALLEY_TRY(Json batch, begin(session, server, in, *input));
  GALLEY_TRY(batch, wait_for(session, server, std::move(batch)));
  if (text_of(batch, "status") != "completed") return failure_of(batch);
  std::map<std::string, std::string> answers;
  GALLEY_TRY_STATUS(read_answers(server, batch, "output_file_id", answers));
  GALLEY_TRY_STATUS(read_answers(server, batch, "error_file_id", answers));
  std::string all;
  for (const std::string& id : input->custom_ids)
    if (const auto found = answers.find(id); found != answers.end()) all += found->second + "\n";
  GALLEY_TRY_STATUS(write_file_atomic(out, all, Durability::disk));
  const auto failed = count_of(child_of(batch, "request_counts"), "failed");
  session.note(fmt::format("{} answers in {}{}", answers.size(), out,
                           failed > 0 ? fmt::format(", {} of them errors", failed) : ""));
  if (session.flags.json) session.print_json(batch);
  return failed > 0 ? 1 : 0;
}

}  // namespace galley::cli
