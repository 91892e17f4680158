// The half of a RemoteControllerLink that attaches, polls and applies messages.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "process/attempt.h"
#include "protocol/controllers.h"
#include "remote_link_impl.h"

namespace galley::agent {
namespace {

constexpr Millis kFirstSendPause{50};
constexpr Millis kLongestSendPause{1'000};
constexpr std::int64_t kPollWaitMs = 20'000;
constexpr Millis kAfterGrace{15'000};

Error no_controller() { return {Errc::unavailable, "no controller can be reached"}; }

/// Ends all that a supervisor of an agent before us has left.
Status kill_all(const std::filesystem::path& folder) {
  auto handle = process::AttemptHandle::adopt(folder);
  if (!handle) return handle.error().code == Errc::not_found ? ok() : Status(handle.error());
  return handle->kill_leftovers();
}

}  // namespace

Status RemoteControllerLink::Impl::take_stock() {
  for (const Allocation& known : table->all()) {
    const auto folder = folder_of(known.attempt);
    if (known.live) {
      auto handle = process::AttemptHandle::adopt(folder);
      auto status = handle ? handle->status() : Result<process::AttemptStatus>(handle.error());
      const bool runs = status && status->state == process::AttemptState::running;
      // Where processes do not die it still has its GPUs, whatever became of its supervisor.
      if (!runs && (status ? handle->kill_leftovers() : kill_all(folder)))
        table->end(known.attempt);
    }
    shipper->add(known.attempt, known.rank, folder);
  }
  return ok();
}

protocol::AttachRequest RemoteControllerLink::Impl::attach_request() const {
  protocol::AttachRequest request{.node = offered(agent->node()),
                                  .machine = machine,
                                  .version = options.version,
                                  .protocol = protocol::kFleetProtocol,
                                  .held = {},
                                  .ended = {},
                                  .clock = clock.wall()};
  for (const Allocation& known : table->all())
    (known.live ? request.held : request.ended).push_back(known.attempt);
  return request;
}

Status RemoteControllerLink::Impl::attach_at(const std::string& address, Standby& standby) {
  GALLEY_TRY(auto raw,
             attach_lane.send_raw(address, {.method = "POST",
                                            .target = "/internal/v1/attach",
                                            .body = protocol::print_message(attach_request())}));
  standby = {raw.status == 503, std::string(raw.headers.get(protocol::kLeaderHeader))};
  GALLEY_TRY(const auto response, http::expect_ok(std::move(raw)));
  GALLEY_TRY(const auto answer, protocol::read_message<protocol::AttachAnswer>(response.body));
  GALLEY_TRY_STATUS(epoch.accept(answer.epoch));
  applied_seq = 0;
  session.begin({address, answer.session});
  shipper->attached();
  return ok();
}

/// Asks the controllers in turn, beginning with another one each time, until one stands by: it
/// names the leader, or an election is under way. A refusal counts only where none is merely out
/// of reach.
Status RemoteControllerLink::Impl::attach_anywhere() {
  if (!session.prepare()) return no_controller();
  Status worst = no_controller();
  bool out_of_reach = false;
  std::vector<std::string> addresses = options.identity.access.addresses;
  std::ranges::rotate(addresses,
                      addresses.begin() + static_cast<std::ptrdiff_t>(rounds++ % addresses.size()));
  // It keeps its connections open and would cost this round its patience.
  const std::string silent = session.silent_address();
  if (addresses.size() > 1) std::erase(addresses, silent);
  const std::size_t most = 2 * addresses.size();
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    Standby standby;
    auto attached = attach_at(std::string(addresses[i]), standby);
    if (attached) return ok();
    const bool passing = is_passing(attached.error().code);
    if (!out_of_reach || passing) worst = std::move(attached);
    out_of_reach = out_of_reach || passing;
    if (!standby.answered) continue;
    if (standby.leader.empty() || standby.leader == silent || addresses.size() == most) break;
    // Two that point at each other end at the most.
    addresses.insert(addresses.begin() + static_cast<std::ptrdiff_t>(i) + 1, standby.leader);
  }
  return worst;
}

void RemoteControllerLink::Impl::serve() {
  Backoff backoff(kFirstSendPause, kLongestSendPause,
                  static_cast<std::uint32_t>(std::hash<std::string>{}(options.identity.name)));
  std::string told;
  while (!session.stopped()) {
    const auto attached = session.now();
    if (!attached || session.wants_renewal()) {
      auto status = attach_anywhere();
      if (status || session.stopped()) {
        told.clear();
        continue;
      }
      if (const std::string why = describe(status.error()); why != told) {
        log::warn("agent", "not attached", {{"reason", why}});
        told = why;
      }
      session.pause(backoff.next());
      continue;
    }
    if (auto status = poll(*attached); status) {
      backoff.reset();
    } else if (!session.stopped() && !session.wants_renewal()) {
      session.end();
      session.pause(backoff.next());
    }
  }
}

Status RemoteControllerLink::Impl::poll(const RemoteSession::Attached& attached) {
  GALLEY_TRY(const auto answer,
             poll_lane.send(attached.address,
                            {.target = "/internal/v1/messages?session=" + attached.session +
                                       "&after=" + std::to_string(applied_seq) +
                                       "&wait_ms=" + std::to_string(kPollWaitMs)}));
  return apply_all(answer.body);
}

Status RemoteControllerLink::Impl::apply_all(std::string_view body) {
  GALLEY_TRY(const Json json, parse_json(body));
  const auto list = json.is_object() ? json.find("messages") : json.end();
  const auto of = json.is_object() ? json.find("epoch") : json.end();
  if (of == json.end() || !of->is_number_integer() || list == json.end() || !list->is_array())
    return Error{Errc::corrupt, "the controller's messages cannot be read"};
  GALLEY_TRY_STATUS(epoch.accept(of->get<std::int64_t>()));
  for (const Json& message : *list) {
    const auto seq = message.is_object() ? message.value("seq", Json()) : Json();
    if (!seq.is_number_integer())
      return Error{Errc::corrupt, "a message of the controller has no number"};
    // A reply that was lost is sent again, so what has been applied may come once more.
    if (seq.get<std::int64_t>() <= applied_seq) continue;
    apply(message, seq.get<std::int64_t>());
    applied_seq = seq.get<std::int64_t>();
  }
  return ok();
}

/// One message that cannot be read must not keep the others from being applied.
void RemoteControllerLink::Impl::apply(const Json& json, std::int64_t seq) {
  auto message = protocol::parse_struct<protocol::AgentMessage>(json, protocol::Unknown::ignore);
  if (!message) {
    log::error("agent", "a message of the controller cannot be read",
               {{"seq", std::to_string(seq)}, {"reason", describe(message.error())}});
    return;
  }
  if (message->assign) apply(*std::move(message->assign));
  if (message->cancel) cancel(*message->cancel);
  if (message->forget) forget(*message->forget);
  if (message->self_test) agent->self_test(*message->self_test);
}

void RemoteControllerLink::Impl::apply(protocol::AssignMessage message) {
  const protocol::Assignment& assignment = message.assignment;
  if (assignment.epoch < epoch.newest())
    return log::warn(
        "agent", "an assignment of an older leader is refused",
        {{"attempt", assignment.attempt_id.str()}, {"epoch", std::to_string(assignment.epoch)}});
  const AttemptId attempt = assignment.attempt_id;
  if (!is_assigned(attempt)) {
    auto taken = table->take({.attempt = attempt,
                              .job = assignment.job_id,
                              .rank = assignment.rank,
                              .devices = assignment.device_ids,
                              .milli = assignment.spec.resources.gpu_milli.value_or(1'000)});
    if (!taken) return refuse(assignment, describe(taken.error()));
    const std::lock_guard lock(mutex);
    job_tokens[attempt] = message.job_token;
  }
  shipper->add(attempt, assignment.rank, folder_of(attempt));
  agent->assign({std::move(message.assignment), message.expected_running, message.progress_offset});
}

bool RemoteControllerLink::Impl::is_assigned(const AttemptId& attempt) const {
  const std::lock_guard lock(mutex);
  return job_tokens.contains(attempt);
}

/// The controller hears that it was not started, and of what is held here, and decides anew.
void RemoteControllerLink::Impl::refuse(const protocol::Assignment& assignment,
                                        std::string reason) {
  log::error("agent", "an assignment is refused", {{"reason", reason}});
  protocol::AttemptReport report;
  report.attempt_id = assignment.attempt_id;
  report.rank = assignment.rank;
  report.state = protocol::AttemptState::lost;
  report.reason = std::move(reason);
  small.run([this, report = std::move(report)] {
    // What cannot be told now comes up again: the assignment is sent with the next session.
    if (auto stored = send_report(report); !stored)
      log::warn("agent", "the refusal was not stored", {{"reason", describe(stored.error())}});
    session.renew();
  });
}

void RemoteControllerLink::Impl::cancel(const AttemptId& attempt) {
  if (is_assigned(attempt)) return agent->cancel(attempt);
  if (table->holds(attempt)) end_stray(attempt);
}

/// An attempt of an agent before us that nobody waits for any more.
void RemoteControllerLink::Impl::end_stray(const AttemptId& attempt) {
  strays.run([this, attempt, folder = folder_of(attempt)] {
    if (!table->holds(attempt)) return;
    if (auto handle = process::AttemptHandle::adopt(folder)) {
      (void)handle->cancel();
      // The grace is in its own spec; longer than any that is in use, the kill below helps.
      (void)handle->wait(kAfterGrace);
    }
    auto killed = kill_all(folder);
    if (!killed && killed.error().code == Errc::conflict) killed = Error{Errc::timeout, "it runs"};
    if (killed) table->end(attempt);
    if (!killed)
      log::warn("agent", "a stray attempt does not end",
                {{"attempt", attempt.str()}, {"reason", describe(killed.error())}});
    // Without it the node gives again; with it still here, the controller asks for its end again.
    session.renew();
  });
}

/// Its end is stored. What of its log is not delivered yet keeps the folder a little longer.
void RemoteControllerLink::Impl::forget(const AttemptId& attempt) {
  {
    const std::lock_guard lock(mutex);
    job_tokens.erase(attempt);
  }
  if (table->holds(attempt)) return;  // it runs: a stray, whose end comes first
  shipper->flush(attempt, [this, attempt] {
    shipper->remove(attempt);
    agent->forget(attempt);
    table->forget(attempt);
  });
}

}  // namespace galley::agent
