#include "batch_run.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "embeddings.h"
#include "error_reply.h"

namespace galley::openai {
namespace {

/// Enough that the engine never waits for the next one, few enough that its queue stays short.
constexpr std::size_t kInFlight = 128;
constexpr std::int64_t kMaxInputBytes = std::int64_t{1} << 30;
/// How soon a model that is being loaded, or an engine whose queue is full, is asked again.
constexpr std::chrono::milliseconds kAskAgain{100};
constexpr int kCancelled = 0;

bool is_for_later(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::exhausted;
}

}  // namespace

Status Batches::Run::go(const std::stop_token& stop) {
  GALLEY_TRY_STATUS(read_lines());
  if (batch_.status == "validating") {
    GALLEY_TRY_STATUS(validate());
    if (batch_.status == "failed") return ok();
  }
  GALLEY_TRY(auto log,
             AnswerLog::open(batches_.folder_of(batch_.id) / "answers.log", lines_.size()));
  log_ = std::make_unique<AnswerLog>(std::move(log));
  if (batch_.status == "in_progress") {
    GALLEY_TRY_STATUS(answer_lines(stop));
    if (stop.stop_requested()) return ok();
    GALLEY_TRY_STATUS(batches_.move_on(batch_, "finalizing"));
  }
  return finish(batch_.status == "cancelling" ? "cancelled" : "completed");
}

Status Batches::Run::read_lines() {
  auto text = read_file(batches_.files_.path_of(batch_.input_file), kMaxInputBytes);
  if (!text) return Error{Errc::not_found, "the input file is gone", "input_file_id"};
  input_ = *std::move(text);
  for (const std::string_view line : split(input_, '\n'))
    if (!trim(line).empty()) lines_.push_back(trim(line));
  custom_ids_.resize(lines_.size());
  batch_.total = static_cast<std::int64_t>(lines_.size());
  return ok();
}

Status Batches::Run::validate() {
  std::set<std::string> seen;
  const auto blame = [&](std::size_t line, const Error& error) {
    if (batch_.errors.size() >= kMaxLineErrors) return;
    const Json body = error_body(error)["error"];
    batch_.errors.push_back({{"code", "invalid_request"},
                             {"message", body["message"]},
                             {"param", body["param"]},
                             {"line", line == 0 ? Json() : Json(line)}});
  };
  if (lines_.empty()) blame(0, {Errc::invalid_argument, "the input file has no line"});
  if (lines_.size() > kMaxBatchLines)
    blame(0, {Errc::too_large,
              "the input file has " + std::to_string(lines_.size()) + " lines",
              {},
              "at most " + std::to_string(kMaxBatchLines)});
  for (std::size_t i = 0; i < lines_.size() && batch_.errors.size() < kMaxLineErrors; ++i) {
    const auto line = parse_batch_line(lines_[i], batch_.endpoint);
    if (!line)
      blame(i + 1, line.error());
    else if (!seen.insert(line->custom_id).second)
      blame(i + 1,
            {Errc::invalid_argument,
             "\"" + line->custom_id.substr(0, 80) + "\" stands in a line before", "custom_id"});
  }
  return batches_.move_on(batch_, batch_.errors.empty() ? "in_progress" : "failed");
}

Status Batches::Run::answer_lines(const std::stop_token& stop) {
  std::size_t next = 0;
  while (!is_interrupted(stop)) {
    bool later = false;
    for (; next < lines_.size() && running_.size() < kInFlight; ++next) {
      if (log_->has(next)) continue;
      const auto begun = begin_line(next);
      later = !begun && is_for_later(begun.error());
      if (later) break;
      GALLEY_TRY_STATUS(begun);
      if (stop.stop_requested()) break;
    }
    if (!later && next == lines_.size() && running_.empty()) {
      const std::lock_guard lock(inbox_->mutex);
      if (inbox_->done.empty()) return ok();
    }
    GALLEY_TRY_STATUS(collect(stop));
  }
  cancel_all();
  return ok();
}

/// Errors are those that stop the batch, or mean that it should come again; a line that is wrong
/// gets its answer.
Status Batches::Run::begin_line(std::size_t index) {
  GALLEY_TRY(const BatchLine line, parse_batch_line(lines_[index], batch_.endpoint));
  custom_ids_[index] = line.custom_id;
  const auto begun = begin_request(line, index);
  if (begun) return ok();
  if (is_for_later(begun.error())) return begun;
  const std::lock_guard lock(inbox_->mutex);
  inbox_->done.push_back({index, status_of(begun.error()), dump_json(error_body(begun.error()))});
  running_[index] = {};
  return ok();
}

Status Batches::Run::begin_request(const BatchLine& line, std::size_t index) {
  auto done = [inbox = inbox_, index](Result<std::string> answer) {
    Done one{index, 200, {}};
    if (answer) {
      one.body = *std::move(answer);
    } else {
      const bool cancelled = answer.error().code == Errc::unavailable;
      one.status = cancelled ? kCancelled : status_of(answer.error());
      one.body = dump_json(error_body(answer.error()));
    }
    {
      const std::lock_guard lock(inbox->mutex);
      inbox->done.push_back(std::move(one));
    }
    inbox->changed.notify_one();
  };
  if (batch_.endpoint == "/v1/embeddings") {
    GALLEY_TRY(const auto request, parse_embedding(line.body));
    GALLEY_TRY_STATUS(embed(batches_.planning_, request, std::move(done)));
    running_[index] = {};
    return ok();
  }
  Plan plan;
  if (batch_.endpoint == "/v1/completions") {
    GALLEY_TRY(const auto request, parse_completion(line.body));
    GALLEY_TRY(plan, plan_completion(batches_.planning_, request));
  } else {
    GALLEY_TRY(const auto request, parse_chat(line.body));
    GALLEY_TRY(plan, plan_chat(batches_.planning_, request));
  }
  for (auto& request : plan.requests) request.request_class = serving::RequestClass::background;
  const auto generation = std::make_shared<Generation>(*plan.model);
  const std::size_t prompts = plan.requests.size();
  GALLEY_TRY_STATUS(generation->start(
      std::move(plan.requests),
      std::make_shared<WholeAnswer>(std::move(plan.style), prompts, std::move(done))));
  running_[index] = generation;
  return ok();
}

/// Waits for an answer, then records all that are there under one fsync.
Status Batches::Run::collect(const std::stop_token& stop) {
  std::deque<Done> done;
  {
    std::unique_lock lock(inbox_->mutex);
    inbox_->changed.wait_for(lock, stop, kAskAgain, [this] { return !inbox_->done.empty(); });
    done.swap(inbox_->done);
  }
  if (done.empty()) return ok();
  for (const Done& one : done) {
    running_.erase(one.index);
    if (one.status != kCancelled) GALLEY_TRY_STATUS(record(one));
  }
  GALLEY_TRY_STATUS(log_->sync());
  batch_.completed = log_->completed();
  batch_.failed = log_->failed();
  batches_.show_counts(batch_);
  return ok();
}

Status Batches::Run::record(const Done& done) {
  if (log_->has(done.index)) return ok();
  return log_->append(done.index, done.status,
                      print_answer_line(batches_.planning_.ids.next_body(), custom_ids_[done.index],
                                        done.status, done.body));
}

void Batches::Run::cancel_all() {
  for (const auto& [index, weak] : running_)
    if (const auto generation = weak.lock()) generation->cancel();
}

Status Batches::Run::finish(const std::string& status) {
  GALLEY_TRY(const auto files, log_->sync().and_then([&](auto) { return log_->sorted(); }));
  batch_.completed = log_->completed();
  batch_.failed = log_->failed();
  // The names first, so that a crash between the files and the end makes no second pair.
  const bool named = !batch_.output_file.empty() || !batch_.error_file.empty();
  if (!named && !files.output.empty()) batch_.output_file = batches_.files_.new_id();
  if (!named && !files.errors.empty()) batch_.error_file = batches_.files_.new_id();
  GALLEY_TRY_STATUS(batches_.keep(batch_));
  if (!batch_.output_file.empty())
    GALLEY_TRY_STATUS(batches_.files_.add(batch_.id + "_output.jsonl", "batch_output", files.output,
                                          batch_.output_file));
  if (!batch_.error_file.empty())
    GALLEY_TRY_STATUS(batches_.files_.add(batch_.id + "_errors.jsonl", "batch_output", files.errors,
                                          batch_.error_file));
  GALLEY_TRY_STATUS(batches_.move_on(batch_, status));
  std::error_code ignored;
  std::filesystem::remove(batches_.folder_of(batch_.id) / "answers.log", ignored);
  return ok();
}

void Batches::Run::give_up(const Error& why) {
  cancel_all();
  batch_.errors.push_back(
      {{"code", "failed"}, {"message", describe(why)}, {"param", nullptr}, {"line", nullptr}});
  log::warn("openai", "a batch failed", {{"batch", batch_.id}, {"reason", describe(why)}});
  if (const auto status = batches_.move_on(batch_, "failed"); !status) {
    // It cannot be written down; at least this process does not try for ever.
    log::error("openai", "a batch cannot be stored",
               {{"batch", batch_.id}, {"reason", describe(status.error())}});
    batches_.show(batch_);
  }
}

}  // namespace galley::openai
