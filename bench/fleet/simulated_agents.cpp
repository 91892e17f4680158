#include "fleet/simulated_agents.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api_client.h"
#include "protocol/fleet_messages.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kSharedConnections = 8;
constexpr std::size_t kJoiners = 8;

protocol::NodeRecord node_record(std::size_t index, const protocol::NodeSample& sensors) {
  protocol::NodeRecord node;
  node.name = fmt::format("sim-{:05}", index);
  node.cpus = 64;
  node.memory_bytes = std::int64_t{512} << 30;
  for (std::int64_t gpu = 0; gpu < std::ssize(sensors.gpus); ++gpu)
    node.devices.push_back({.id = sensors.gpus[static_cast<std::size_t>(gpu)].uuid,
                            .index = gpu,
                            .model = "NVIDIA H100 80GB HBM3",
                            .memory_bytes = std::int64_t{80} << 30});
  return node;
}

std::string report_body(const protocol::Assignment& assignment, protocol::AttemptState state) {
  protocol::AttemptReport report;
  report.attempt_id = assignment.attempt_id;
  report.rank = assignment.rank;
  report.state = state;
  const auto now = system_clock().wall();
  report.started_at = now;
  if (protocol::is_final(state)) report.finished_at = now;
  return protocol::print_message(report);
}

}  // namespace

Result<std::unique_ptr<SimulatedAgents>> SimulatedAgents::start(Options options) {
  std::unique_ptr<SimulatedAgents> all(new SimulatedAgents(std::move(options)));
  const auto colon = all->options_.url.rfind(':');
  all->port_ = static_cast<std::uint16_t>(std::stoi(all->options_.url.substr(colon + 1)));
  all->agents_.resize(static_cast<std::size_t>(all->options_.count));
  for (std::size_t i = 0; i < all->agents_.size(); ++i)
    all->agents_[i].first_sample = all->sensors_.next(i);
  std::vector<Status> outcomes(kJoiners, ok());
  {
    std::vector<std::jthread> joiners;
    for (std::size_t first = 0; first < kJoiners; ++first)
      joiners.emplace_back([&, first] {
        for (std::size_t i = first; i < all->agents_.size() && outcomes[first]; i += kJoiners)
          outcomes[first] = all->join(i);
      });
  }
  for (const Status& outcome : outcomes) GALLEY_TRY_STATUS(outcome);
  for (std::size_t i = 0; i < kSharedConnections; ++i) {
    GALLEY_TRY(auto wire, Wire::connect(all->port_));
    all->shared_.push_back(std::make_unique<Wire>(std::move(wire)));
  }
  const auto now = Steady::now();
  for (std::size_t i = 0; i < all->agents_.size(); ++i) {
    GALLEY_TRY(auto wire, Wire::connect(all->port_));
    all->agents_[i].poll = std::make_unique<Wire>(std::move(wire));
    // Spread over the period, as machines that were not started at one instant.
    all->agents_[i].next_heartbeat =
        now + all->options_.heartbeat * static_cast<std::int64_t>(i) / all->options_.count;
  }
  all->thread_ = std::thread([raw = all.get()] {
    if (auto status = raw->serve(); !status) {
      const std::lock_guard lock(raw->mutex_);
      raw->figures_.broken = std::move(status).error();
    }
  });
  return all;
}

SimulatedAgents::~SimulatedAgents() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

Status SimulatedAgents::join(std::size_t index) {
  Agent& agent = agents_[index];
  GALLEY_TRY(auto owner, support::ApiClient::open(options_.url, options_.token));
  GALLEY_TRY(const Json token, owner.post("/api/v1/nodes/join-tokens", Json::object()));
  const auto record = node_record(index, agent.first_sample);
  const std::string machine = "machine-" + record.name;
  GALLEY_TRY(const Json joined, owner.post("/internal/v1/join", {{"token", token.at("token")},
                                                                 {"name", record.name},
                                                                 {"machine", machine}}));
  agent.credential = joined.at("credential").get<std::string>();
  GALLEY_TRY(auto own, support::ApiClient::open(options_.url, agent.credential));
  agent.node = protocol::print_message(record);
  protocol::AttachRequest request{.node = record,
                                  .machine = machine,
                                  .version = "sim",
                                  .held = {},
                                  .ended = {},
                                  .clock = system_clock().wall()};
  GALLEY_TRY(const Json attached, own.post("/internal/v1/attach", protocol::print_struct(request)));
  agent.session = attached.at("session").get<std::string>();
  return ok();
}

void SimulatedAgents::poll(Agent& agent) {
  const auto index = static_cast<std::size_t>(&agent - agents_.data());
  agent.poll->send(request_text("GET",
                                fmt::format("/internal/v1/messages?session={}&after={}",
                                            agent.session, agent.after),
                                agent.credential),
                   [this, &agent, index](const WireAnswer& answer) {
                     count(answer);
                     if (answer.status == 200) take_messages(agent, index, answer.body);
                     if (!stopping_) poll(agent);
                   });
}

void SimulatedAgents::take_messages(Agent& agent, std::size_t index, const std::string& body) {
  const auto arrived_ms = to_ms(system_clock().wall());
  const auto messages = protocol::read_message<protocol::AgentMessages>(body);
  if (!messages) return;
  for (const auto& message : messages->messages) {
    if (message.seq <= agent.after) continue;
    agent.after = message.seq;
    if (!message.assign) continue;
    const auto& assignment = message.assign->assignment;
    {
      const std::lock_guard lock(mutex_);
      figures_.assigned_ms.emplace(assignment.attempt_id.str(), arrived_ms);
    }
    for (const auto state : {protocol::AttemptState::running, protocol::AttemptState::succeeded})
      shared_[index % kSharedConnections]->send(
          request_text("POST", "/internal/v1/report", agent.credential,
                       report_body(assignment, state)),
          [this](const WireAnswer& answer) { count(answer); });
  }
}

void SimulatedAgents::heartbeat(Agent& agent, std::size_t index) {
  const std::string body = fmt::format(
      R"({{"session":"{}","load_1m":{:.2f},"cpu_used_ratio":0.25,"memory_used_bytes":1000000000,)"
      R"("disk_free_bytes":4000000000000,"notes":[],"clock":"{}"}})",
      agent.session, static_cast<double>(index % 64), to_rfc3339(system_clock().wall()));
  shared_[index % kSharedConnections]->send(
      request_text("POST", "/internal/v1/heartbeat", agent.credential, body),
      [this, begin = Steady::now()](const WireAnswer& answer) {
        count(answer);
        const std::lock_guard lock(mutex_);
        ++figures_.heartbeats;
        figures_.heartbeat_ms.push_back(
            std::chrono::duration<double, std::milli>(Steady::now() - begin).count());
      });
}

void SimulatedAgents::sample(Agent& agent, std::size_t index) {
  shared_[index % kSharedConnections]->send(
      request_text("POST", "/internal/v1/samples", agent.credential,
                   protocol::print_message(sensors_.next(index))),
      [this](const WireAnswer& answer) { count(answer); });
}

void SimulatedAgents::count(const WireAnswer& answer) {
  if (answer.status < 400 || stopping_) return;
  const std::lock_guard lock(mutex_);
  ++figures_.failures;
}

Status SimulatedAgents::serve() {
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  const auto add = [&](Wire& wire) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &wire;
    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wire.fd(), &event);
  };
  for (const auto& wire : shared_) add(*wire);
  for (Agent& agent : agents_) {
    add(*agent.poll);
    poll(agent);
  }
  std::size_t turn = 0;  // agents are in the order of their heartbeats
  std::array<epoll_event, 256> ready{};
  while (!stopping_) {
    constexpr int kTickMs = 5;
    const int found =
        ::epoll_wait(epoll.get(), ready.data(), static_cast<int>(ready.size()), kTickMs);
    for (int i = 0; i < found; ++i)
      GALLEY_TRY_STATUS(static_cast<Wire*>(ready[static_cast<std::size_t>(i)].data.ptr)->serve());
    for (const auto now = Steady::now(); agents_[turn].next_heartbeat <= now;) {
      heartbeat(agents_[turn], turn);
      // Not all in one second.
      if ((agents_[turn].beats++ + static_cast<std::int64_t>(turn)) %
              options_.heartbeats_per_sample ==
          0)
        sample(agents_[turn], turn);
      agents_[turn].next_heartbeat += options_.heartbeat;
      turn = (turn + 1) % agents_.size();
    }
  }
  return ok();
}

SimulatedAgents::Figures SimulatedAgents::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(figures_, {});
}

}  // namespace galley::bench
