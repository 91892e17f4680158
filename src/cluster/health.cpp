#include "cluster/health.h"

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace galley::cluster {
namespace {

std::size_t kind_of(const Subject& subject) { return subject.gpu.empty() ? 0 : 1; }

bool is_manual(const Health& health) {
  return is_out(health.state) && !health.owner.empty() && health.owner != kAutomatic;
}

std::string name_of(const Subject& subject) {
  return subject.gpu.empty() ? "node " + subject.node.str() : subject.gpu;
}

/// base * factor^steps, at most `most`.
Millis grown(Millis base, int factor, std::size_t steps, Millis most) {
  Millis wait = base;
  for (std::size_t i = 0; i < steps && wait < most; ++i) wait *= factor;
  return std::min(wait, most);
}

}  // namespace

HealthOutcome HealthCore::apply(const HealthEvent& event, WallTime now) {
  HealthOutcome outcome;
  std::visit([&](const auto& concrete) { on(concrete, now, outcome); }, event);
  return outcome;
}

Health& HealthCore::know(const Subject& subject) {
  const auto [found, fresh] = subjects_.try_emplace(subject);
  if (fresh) {
    ++known_[kind_of(subject)];
    if (!subject.gpu.empty()) know({subject.node});
  }
  return found->second;
}

void HealthCore::restore(const Subject& subject, Health health) {
  Health& known = know(subject);
  known = std::move(health);
  if (known.counted) ++counted_[kind_of(subject)];
}

void HealthCore::forget(const NodeId& node) {
  for (auto it = subjects_.lower_bound({node}); it != subjects_.end() && it->first.node == node;) {
    --known_[kind_of(it->first)];
    if (it->second.counted) --counted_[kind_of(it->first)];
    if (it->second.held) --held_;
    it = subjects_.erase(it);
  }
}

const Health* HealthCore::find(const Subject& subject) const {
  const auto found = subjects_.find(subject);
  return found == subjects_.end() ? nullptr : &found->second;
}

bool HealthCore::may_give(const NodeId& node, const std::string& gpu) const {
  const Health* own = find({node, gpu});
  const Health* whole = find({node});
  return (own == nullptr || !is_out(own->state)) && (whole == nullptr || !is_out(whole->state));
}

bool HealthCore::is_drained(const NodeId& node) const {
  const Health* whole = find({node});
  return whole != nullptr && is_manual(*whole);
}

std::int64_t HealthCore::counted(bool gpus) const { return counted_[gpus ? 1 : 0]; }

std::int64_t HealthCore::cap(bool gpus) const {
  const auto share = static_cast<std::int64_t>(
      std::floor(options_.cap_ratio * static_cast<double>(known_[gpus ? 1 : 0])));
  return std::max<std::int64_t>(options_.cap_least, share);
}

bool HealthCore::has_room(const Subject& subject) const {
  const bool gpus = !subject.gpu.empty();
  return counted(gpus) < cap(gpus);
}

void HealthCore::move(const Subject& subject, Health& health, HealthState to, WallTime now,
                      HealthOutcome& outcome) {
  const HealthState from = health.state;
  health.state = to;
  health.since = now;
  if (to != HealthState::probing) health.test_deadline.reset();
  outcome.transitions.push_back({subject, from, health});
}

void HealthCore::take_out(const Subject& subject, Health& health, Severity severity, WallTime now,
                          HealthOutcome& outcome) {
  const bool gone = severity == Severity::gone;
  if (!gone && !has_room(subject)) {
    if (health.held) {
      health.held = std::max(*health.held, severity);
      return;
    }
    health.held = severity;
    ++held_;
    health.owner = kAutomatic;
    outcome.alarms.push_back(
        name_of(subject) + " is faulty (" + health.evidence +
        ") and stays in service: " + std::to_string(counted(!subject.gpu.empty())) +
        " are out already, as many as may be without a person");
    move(subject, health, HealthState::suspect, now, outcome);
    return;
  }
  if (health.held) --held_;
  health.held.reset();
  health.gone = gone;
  health.counted = !gone;
  if (health.counted) ++counted_[kind_of(subject)];
  health.owner = kAutomatic;
  health.doubts = 0;
  health.clean_looks = 0;
  health.failed_tests = 0;
  std::erase_if(health.exclusions, [&](WallTime at) { return at + options_.flap_window <= now; });
  health.exclusions.push_back(now);
  const auto times = health.exclusions.size();
  const auto limit = static_cast<std::size_t>(options_.flap_limit);
  health.quarantined = times >= limit;
  if (health.quarantined) {
    health.next_test_at =
        now + grown(options_.quarantine, 2, times - limit, options_.longest_quarantine);
    outcome.alarms.push_back(name_of(subject) + " was taken out " + std::to_string(times) +
                             " times in a day and is in quarantine: " + health.evidence);
  } else {
    health.next_test_at =
        now + grown(options_.first_test_after, 4, times - 1, options_.longest_test_wait);
  }
  const bool finish_first = severity == Severity::drain && health.busy;
  if (severity >= Severity::exclude && health.busy) outcome.evictions.push_back(subject);
  move(subject, health, finish_first ? HealthState::draining : HealthState::excluded, now, outcome);
}

void HealthCore::on(const Evidence& event, WallTime now, HealthOutcome& outcome) {
  Health& health = know(event.subject);
  if (event.severity == Severity::note) {
    ++health.notes;
    health.last_note = event.text;
    return;
  }
  health.present = event.severity != Severity::gone;
  health.clean_looks = 0;
  if (health.waived == event.reason && event.severity < Severity::gone) return;
  if (event.severity >= Severity::drain) health.fault = event.reason;
  switch (health.state) {
    case HealthState::ok:
    case HealthState::suspect:
      health.reason = event.reason;
      health.evidence = event.text;
      if (event.severity != Severity::doubt) {
        take_out(event.subject, health, event.severity, now, outcome);
      } else if (++health.doubts >= options_.doubts_to_drain) {
        take_out(event.subject, health, Severity::drain, now, outcome);
      } else if (health.state == HealthState::ok) {
        health.owner = kAutomatic;
        move(event.subject, health, HealthState::suspect, now, outcome);
      }
      return;
    case HealthState::draining:
      if (event.severity < Severity::exclude) return;
      if (health.busy) outcome.evictions.push_back(event.subject);
      health.faulty = true;
      if (!is_manual(health)) health.reason = event.reason;
      health.evidence = event.text;
      move(event.subject, health, HealthState::excluded, now, outcome);
      return;
    case HealthState::excluded:
      if (event.severity >= Severity::drain) health.faulty = true;
      return;
    case HealthState::probing:
      if (event.severity == Severity::doubt) return;
      health.reason = event.reason;
      health.evidence = event.text;
      fail_test(event.subject, health, now, outcome);
      return;
  }
}

void HealthCore::on(const SeenWell& event, WallTime now, HealthOutcome& outcome) {
  Health& health = know(event.subject);
  health.present = true;
  health.clean_looks = std::min(health.clean_looks + 1, options_.clean_to_clear);
  if (health.clean_looks < options_.clean_to_clear) return;
  health.doubts = 0;
  health.waived.reset();
  if (health.state == HealthState::suspect && !health.held)
    give_back(event.subject, health, now, outcome);
  test_when_due(event.subject, health, now, outcome);
}

void HealthCore::on(const UseChanged& event, WallTime now, HealthOutcome& outcome) {
  Health& health = know(event.subject);
  health.busy = event.busy;
  if (!event.busy && health.state == HealthState::draining)
    move(event.subject, health, HealthState::excluded, now, outcome);
}

void HealthCore::on(const SelfTestEnded& event, WallTime now, HealthOutcome& outcome) {
  Health& health = know(event.subject);
  if (health.state != HealthState::probing) return;
  if (event.passed) return give_back(event.subject, health, now, outcome);
  health.reason = FaultReason::self_test_failed;
  health.evidence = event.text;
  fail_test(event.subject, health, now, outcome);
}

void HealthCore::on(const DrainAsked& event, WallTime now, HealthOutcome& outcome) {
  Health& health = know(event.subject);
  health.faulty = health.faulty || health.counted || health.gone;
  if (health.held) {
    health.held.reset();
    health.faulty = true;
    --held_;
  }
  health.owner = event.owner;
  health.reason = FaultReason::drained;
  health.evidence = event.reason;
  health.expires_at = event.until;
  health.next_test_at.reset();
  move(event.subject, health, health.busy ? HealthState::draining : HealthState::excluded, now,
       outcome);
}

void HealthCore::on(const ResumeAsked& event, WallTime now, HealthOutcome& outcome) {
  Health& health = know(event.subject);
  if (is_out(health.state)) release(event.subject, health, event.force, now, outcome);
}

void HealthCore::on(const TimePassed&, WallTime now, HealthOutcome& outcome) {
  for (auto& [subject, health] : subjects_) {
    if (health.expires_at && *health.expires_at <= now && is_manual(health))
      release(subject, health, false, now, outcome);
    if (health.test_deadline && *health.test_deadline <= now) {
      health.reason = FaultReason::self_test_failed;
      health.evidence =
          "the self-test gave no answer within " + format_duration(options_.test_patience);
      fail_test(subject, health, now, outcome);
    }
    test_when_due(subject, health, now, outcome);
  }
  fill_room(now, outcome);
}

/// Ends a person's drain, or an exclusion that a person does not want to wait for.
void HealthCore::release(const Subject& subject, Health& health, bool force, WallTime now,
                         HealthOutcome& outcome) {
  const bool needs_test = health.faulty || health.counted || health.gone;
  health.expires_at.reset();
  if (force && needs_test) health.waived = health.fault;
  if (force || !needs_test) return give_back(subject, health, now, outcome);
  health.owner = kAutomatic;
  health.reason = health.fault;
  if (!health.counted && !health.gone) {
    // It broke while a person held it: from now on it is our judgement that keeps it out.
    if (!has_room(subject)) {
      health.held = Severity::exclude;
      ++held_;
      health.faulty = false;
      outcome.alarms.push_back(name_of(subject) + " is faulty (" + health.evidence +
                               ") and back in service: as many as may be are out already");
      return move(subject, health, HealthState::suspect, now, outcome);
    }
    health.counted = true;
    ++counted_[kind_of(subject)];
  }
  if (health.busy || !health.present) {
    health.next_test_at = now;
    return move(subject, health, HealthState::excluded, now, outcome);
  }
  begin_test(subject, health, now, outcome);
}

void HealthCore::give_back(const Subject& subject, Health& health, WallTime now,
                           HealthOutcome& outcome) {
  const bool made_room = health.counted;
  if (health.counted) --counted_[kind_of(subject)];
  health.counted = health.gone = health.faulty = health.quarantined = false;
  health.reason = FaultReason::none;
  health.owner.clear();
  health.next_test_at.reset();
  health.expires_at.reset();
  health.doubts = health.failed_tests = 0;
  move(subject, health, HealthState::ok, now, outcome);
  if (made_room) fill_room(now, outcome);
}

void HealthCore::begin_test(const Subject& subject, Health& health, WallTime now,
                            HealthOutcome& outcome) {
  health.faulty = false;
  health.next_test_at.reset();
  health.test_deadline = now + options_.test_patience;
  outcome.self_tests.push_back(subject);
  move(subject, health, HealthState::probing, now, outcome);
}

void HealthCore::fail_test(const Subject& subject, Health& health, WallTime now,
                           HealthOutcome& outcome) {
  ++health.failed_tests;
  health.clean_looks = 0;
  const auto failed = static_cast<std::size_t>(health.failed_tests);
  const Millis wait = health.quarantined
                          ? options_.quarantine
                          : grown(options_.first_test_after, 2, failed, options_.longest_test_wait);
  health.next_test_at = now + wait;
  move(subject, health, HealthState::excluded, now, outcome);
}

void HealthCore::test_when_due(const Subject& subject, Health& health, WallTime now,
                               HealthOutcome& outcome) {
  if (health.state != HealthState::excluded || is_manual(health) || health.busy ||
      !health.present || health.clean_looks < options_.clean_to_clear || !health.next_test_at ||
      *health.next_test_at > now)
    return;
  begin_test(subject, health, now, outcome);
}

void HealthCore::fill_room(WallTime now, HealthOutcome& outcome) {
  if (held_ == 0) return;
  for (auto& [subject, health] : subjects_)
    if (health.held && has_room(subject)) take_out(subject, health, *health.held, now, outcome);
}

std::optional<WallTime> HealthCore::wake_at() const {
  std::optional<WallTime> wake;
  const auto consider = [&](const std::optional<WallTime>& at) {
    if (at && (!wake || *at < *wake)) wake = at;
  };
  for (const auto& [subject, health] : subjects_) {
    consider(health.expires_at);
    consider(health.test_deadline);
    // Until it has been seen well often enough, the look that does so begins the test.
    if (health.state == HealthState::excluded && health.present && !health.busy &&
        health.clean_looks >= options_.clean_to_clear)
      consider(health.next_test_at);
  }
  return wake;
}

std::string next_step(const Health& health, WallTime now) {
  const auto in = [&](WallTime at) {
    return at <= now ? std::string("now") : "in " + format_duration(at - now);
  };
  switch (health.state) {
    case HealthState::ok:
      return "";
    case HealthState::suspect:
      return health.held ? "taken out of service as soon as another comes back, or drain it by hand"
                         : "ok after looks that find nothing wrong, drained if it lasts";
    case HealthState::draining:
      if (is_manual(health))
        return "excluded when its jobs have ended" +
               (health.expires_at ? ", back " + in(*health.expires_at) : std::string{});
      return "excluded when its jobs have ended, then tested";
    case HealthState::excluded:
      if (is_manual(health))
        return health.expires_at ? "back " + in(*health.expires_at) : "back when it is resumed";
      if (!health.present) return "tested once it is seen again";
      if (health.clean_looks == 0) return "tested once the fault is no longer seen";
      return health.next_test_at ? "tested " + in(*health.next_test_at) : "tested";
    case HealthState::probing:
      return "back to work when its self-test passes";
  }
  return "";
}

}  // namespace galley::cluster
