#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "fleet/wire.h"
#include "metrics/sampled_fleet.h"

namespace galley::bench {

/// Agents that speak the protocol of docs/formats/agent_protocol.md and run nothing: a job that is
/// assigned is reported as running and, in the same breath, as succeeded. Each has its own long
/// poll, as a real agent; heartbeats, samples of the sensors and reports of all share a few
/// connections. One thread serves them all.
class SimulatedAgents {
 public:
  struct Options {
    std::string url;
    std::string token;  // of the installation's owner, for join tokens
    std::int64_t count = 1'000;
    std::int64_t gpus = 8;
    Millis heartbeat{1'000};
    std::int64_t heartbeats_per_sample = 5;
  };
  /// Joins and attaches all of them. Blocks for some seconds. Errors: the first refusal.
  static Result<std::unique_ptr<SimulatedAgents>> start(Options options);
  ~SimulatedAgents();

  struct Figures {
    std::int64_t heartbeats = 0;  // answered
    std::int64_t failures = 0;    // answers of 400 and more
    std::vector<double> heartbeat_ms;
    std::map<std::string, std::int64_t> assigned_ms;  // wall time of each assignment's arrival
    std::optional<Error> broken;
  };
  /// What was counted since the last call.
  Figures take();

 private:
  struct Agent {
    std::string credential;
    std::string session;
    protocol::NodeSample first_sample;
    std::string node;  // as JSON
    std::int64_t after = 0;
    std::unique_ptr<Wire> poll;
    Instant next_heartbeat{};
    std::int64_t beats = 0;
  };

  explicit SimulatedAgents(Options options)
      : options_(std::move(options)), sensors_(options_.count, options_.gpus, 1) {}
  Status join(std::size_t index);
  Status serve();
  void poll(Agent& agent);
  void take_messages(Agent& agent, std::size_t index, const std::string& body);
  void heartbeat(Agent& agent, std::size_t index);
  void sample(Agent& agent, std::size_t index);
  void count(const WireAnswer& answer);

  const Options options_;
  std::uint16_t port_ = 0;
  SampledFleet sensors_;
  std::vector<Agent> agents_;
  std::vector<std::unique_ptr<Wire>> shared_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;  // guards figures_
  Figures figures_;
  std::thread thread_;
};

}  // namespace galley::bench
