#include "agent_outbox.h"

namespace galley::controller {

bool AgentOutbox::push(protocol::AgentMessage message) {
  if (waiting_.size() >= kMostWaiting) return false;
  message.seq = ++last_seq_;
  waiting_.push_back({message.seq, protocol::print_message(message)});
  return true;
}

void AgentOutbox::acknowledge(std::int64_t seq) {
  while (!waiting_.empty() && waiting_.front().seq <= seq) waiting_.pop_front();
}

std::string AgentOutbox::print(std::int64_t epoch) const {
  std::string body = R"({"epoch":)" + std::to_string(epoch) + R"(,"messages":[)";
  for (const Waiting& one : waiting_) {
    if (!body.ends_with('[')) body += ',';
    body += one.json;
  }
  return body + "]}";
}

}  // namespace galley::controller
