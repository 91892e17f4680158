#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "answer_log.h"
#include "batches.h"
#include "generation.h"

namespace galley::openai {

/// Works at one batch on the batches' thread until it has ended, is cancelled or the process stops.
class Batches::Run {
 public:
  Run(Batches& batches, BatchRecord batch) : batches_(batches), batch_(std::move(batch)) {}

  /// Ok also when it was stopped in the middle.
  Status go(const std::stop_token& stop);
  /// The batch fails for this reason.
  void give_up(const Error& why);

 private:
  /// An answer on its way from the engine's thread. `status` 0: cancelled, no answer.
  struct Done {
    std::size_t index = 0;
    int status = 0;
    std::string body;
  };
  /// What answers are left in; it outlives a Run that stops before they come.
  struct Inbox {
    std::mutex mutex;  // guards done
    std::condition_variable_any changed;
    std::deque<Done> done;
  };

  Status read_lines();
  Status validate();
  Status answer_lines(const std::stop_token& stop);
  Status begin_line(std::size_t index);
  Status begin_request(const BatchLine& line, std::size_t index);
  Status collect(const std::stop_token& stop);
  Status record(const Done& done);
  Status finish(const std::string& status);
  bool is_interrupted(const std::stop_token& stop) const {
    return stop.stop_requested() || batches_.is_cancelled(batch_.id);
  }
  void cancel_all();

  Batches& batches_;
  BatchRecord batch_;
  std::string input_;
  std::vector<std::string_view> lines_;
  std::vector<std::string> custom_ids_;
  std::unique_ptr<AnswerLog> log_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::map<std::size_t, std::weak_ptr<Generation>> running_;  // embeddings are null
};

}  // namespace galley::openai
