#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "protocol/fleet_messages.h"

namespace galley::controller {

/// The messages of one session that its agent has not acknowledged. Each poll answers all of them,
/// so a reply that is lost is sent again, and the agent passes over numbers it has applied.
///
/// Pure; one thread at a time.
class AgentOutbox {
 public:
  /// More than any node runs. An agent that lets so many wait has lost its way and must attach
  /// again, which says everything anew.
  static constexpr std::size_t kMostWaiting = 10'000;

  /// Gives the message its number. False when it is full.
  bool push(protocol::AgentMessage message);
  /// The agent has applied all up to this number.
  void acknowledge(std::int64_t seq);
  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }
  /// The body of an answer: protocol::AgentMessages as JSON.
  std::string print(std::int64_t epoch) const;

 private:
  struct Waiting {
    std::int64_t seq = 0;
    std::string json;
  };
  std::deque<Waiting> waiting_;
  std::int64_t last_seq_ = 0;
};

}  // namespace galley::controller
