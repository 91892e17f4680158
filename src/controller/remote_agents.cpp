#include "controller/remote_agents.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "remote_agents_impl.h"

namespace galley::controller {
namespace {

/// Below it a clock is as right as what we can measure over a network; above, records would lie.
constexpr Millis kSkewCorrected{1'000};

}  // namespace

RemoteAgents::RemoteAgents(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RemoteAgents::~RemoteAgents() {
  stop();
  // Reports still queued in the store tell us when they are stored: wait for the last of them.
  (void)impl_->database.write([](store::Transaction&) { return ok(); });
}

Result<std::unique_ptr<RemoteAgents>> RemoteAgents::start(Controller& controller,
                                                          store::Database& database,
                                                          const Clock& clock, Options options) {
  auto impl = std::make_unique<Impl>(controller, database, clock, std::move(options));
  impl->looked_at = clock.steady();
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows, transaction.query("select distinct node_id from attempt_members "
                                                  "where state <> 'ended'"));
    for (const store::Row& row : rows) {
      const NodeId node = NodeId::trusted(row.text(0));
      if (node != impl->options.local_node)
        impl->awaited[node] = impl->looked_at + impl->options.silence;
    }
    return ok();
  }));
  impl->thread = std::jthread([raw = impl.get()](const std::stop_token& stop) { raw->look(stop); });
  return std::unique_ptr<RemoteAgents>(new RemoteAgents(std::move(impl)));
}

void RemoteAgents::stop() {
  std::vector<PollDone> parked;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_stopped = true;
    for (auto& [id, node] : impl_->nodes)
      if (node->parked) parked.push_back(std::exchange(node->parked, nullptr));
  }
  for (const PollDone& done : parked) done(agents_stopped());
  impl_->thread.request_stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void RemoteAgents::set_job_token(std::function<std::string(const RunId&)> job_token) {
  impl_->job_token = std::move(job_token);
}

Result<protocol::AttachAnswer> RemoteAgents::attach(const AgentRegistry::Agent& agent,
                                                    protocol::AttachRequest request,
                                                    const std::string& peer_address) {
  if (request.machine != agent.machine)
    return Error{Errc::conflict,
                 "this state folder is that of node '" + agent.name +
                     "', which lies on another machine or was copied here",
                 "machine",
                 {},
                 "start this agent on an empty folder with a join token of its own"};
  if (request.protocol < protocol::kOldestFleetProtocol)
    return Error{
        Errc::unsupported,
        fmt::format("the agent of node '{}' speaks version {} of the protocol, and this controller "
                    "needs {} or newer",
                    agent.name, request.protocol, protocol::kOldestFleetProtocol),
        "protocol",
        {},
        "install the controller's program there and start the agent again"};
  GALLEY_TRY_STATUS(impl_->note_program(agent.node, request));
  Impl::Node& node = impl_->node_of(agent.node);
  const std::lock_guard order(node.order);
  auto begun = impl_->begin_session(node, agent, request, peer_address);
  if (begun) begun = impl_->forget_ended(node, request);
  std::vector<std::function<void()>> calls;
  protocol::AttachAnswer answer{.epoch = impl_->controller.epoch(),
                                .session = {},
                                .heartbeat = impl_->options.heartbeat,
                                .silence = impl_->options.silence,
                                .clock = impl_->clock.wall()};
  {
    const std::lock_guard lock(impl_->mutex);
    if (!begun) impl_->end_session(node, calls);
    answer.session = node.session;
  }
  for (const auto& call : calls) call();
  if (!begun) return std::move(begun).error();
  return answer;
}

void RemoteAgents::poll(const NodeId& id, const std::string& session, std::int64_t after,
                        Millis wait, PollDone done) {
  Result<std::string> answer = std::string();
  PollDone older;
  {
    const std::lock_guard lock(impl_->mutex);
    const auto node = impl_->in_session(id, session);
    if (!node) {
      answer = node.error();
    } else {
      AgentOutbox& outbox = (*node)->outbox;
      outbox.acknowledge(after);
      older = std::exchange((*node)->parked, nullptr);
      if (outbox.empty() && wait > Millis{0}) {
        (*node)->parked_until = impl_->clock.steady() + std::min(wait, kLongestPoll);
        (*node)->parked = std::exchange(done, nullptr);
      } else {
        answer = outbox.print(impl_->controller.epoch());
      }
    }
  }
  // Its connection broke without our knowing; what it would have said the new one says.
  if (older) older(session_over());
  if (done) done(std::move(answer));
}

Status RemoteAgents::heartbeat(const NodeId& id, protocol::Heartbeat heartbeat) {
  protocol::NodeRecord record;
  {
    const std::lock_guard lock(impl_->mutex);
    GALLEY_TRY(Impl::Node * node, impl_->in_session(id, heartbeat.session));
    protocol::NodeRecord& known = node->record;
    if (heartbeat.node) {
      protocol::NodeRecord news = *std::move(heartbeat.node);
      news.id = known.id;
      news.name = known.name;
      news.state = known.state;
      if (news.address.empty()) news.address = known.address;
      known = std::move(news);
    }
    known.load_1m = heartbeat.load_1m;
    known.cpu_used_ratio = heartbeat.cpu_used_ratio;
    known.memory_used_bytes = heartbeat.memory_used_bytes;
    known.disk_free_bytes = heartbeat.disk_free_bytes;
    known.notes = std::move(heartbeat.notes);
    impl_->set_skew(*node, heartbeat.clock);
    record = impl_->shown(*node);
  }
  impl_->controller.heartbeat(std::move(record));
  return ok();
}

Status RemoteAgents::samples(const NodeId& id, protocol::NodeSample sample) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->is_stopped) return agents_stopped();
    Impl::Node* node = impl_->find(id);
    if (node == nullptr) return session_over();
    node->heard = impl_->clock.steady();
    sample.at -= node->skew;
  }
  sample.node = id;
  impl_->controller.samples(std::move(sample));
  return ok();
}

Status RemoteAgents::check_member(const NodeId& node, const AttemptId& attempt,
                                  std::int64_t rank) const {
  return impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row,
               transaction.query_one("select node_id from attempt_members where attempt_id = :1 "
                                     "and member_rank = :2",
                                     {attempt.str(), rank}));
    if (row && row->text(0) == node.str()) return ok();
    return Error{Errc::not_found,
                 fmt::format("attempt {} has no member {} on this node", attempt.str(), rank)};
  });
}

void RemoteAgents::report(const NodeId& id, protocol::AttemptReport report,
                          std::function<void(Status)> done) {
  if (auto known = check_member(id, report.attempt_id, report.rank); !known)
    return done(std::move(known));
  Impl::Node& node = impl_->node_of(id);
  {
    const std::lock_guard lock(impl_->mutex);
    node.heard = impl_->clock.steady();
    // Failures on several nodes are put in order by these times.
    if (std::chrono::abs(node.skew) >= kSkewCorrected) {
      if (report.started_at) *report.started_at -= node.skew;
      if (report.finished_at) *report.finished_at -= node.skew;
    }
  }
  const bool is_end = protocol::is_final(report.state);
  const AttemptId attempt = report.attempt_id;
  impl_->controller.report(std::move(report), [impl = impl_.get(), &node, attempt, is_end,
                                               done = std::move(done)](Status status) {
    const bool known = status || status.error().code == Errc::conflict;
    if (is_end && known) impl->send(node, {.forget = attempt});
    done(std::move(status));
  });
}

void RemoteAgents::progress(const NodeId& id, protocol::ProgressReport report,
                            std::vector<RegisteredFile> files, std::function<void(Status)> done) {
  if (auto known = check_member(id, report.attempt_id, report.rank); !known)
    return done(std::move(known));
  Impl::Node& node = impl_->node_of(id);
  {
    const std::lock_guard lock(impl_->mutex);
    node.heard = impl_->clock.steady();
    if (std::chrono::abs(node.skew) >= kSkewCorrected)
      for (auto& point : report.points) point.at -= node.skew;
  }
  impl_->controller.progress(std::move(report), std::move(files), std::move(done));
}

void RemoteAgents::drop(const NodeId& id) {
  Impl::Node& node = impl_->node_of(id);
  const std::lock_guard order(node.order);
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(impl_->mutex);
    node.up = false;
    impl_->end_session(node, calls);
    impl_->awaited.erase(id);
  }
  for (const auto& call : calls) call();
  impl_->controller.node_lost(id);
}

}  // namespace galley::controller
