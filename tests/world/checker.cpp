#include "checker.h"

#include <fmt/format.h>

#include <algorithm>

namespace galley::world {

using controller::Effects;
using controller::Event;
using protocol::JobState;

namespace {

/// The core decides nothing for that long after a write was refused.
constexpr Millis kRetryDelay{1'000};

}  // namespace

void Checker::fail(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void Checker::accepted(const protocol::JobRecord& job) {
  jobs_[job.id] = {job, JobState::queued};
  open_.insert(job.id);
}

void Checker::moved(const JobId& job, JobState state) {
  Job& known = jobs_.at(job);
  if (protocol::is_final(known.state))
    fail(fmt::format("{} reached a final state twice: {} and {}", job.str(),
                     protocol::word_of(known.state), protocol::word_of(state)));
  known.state = state;
  if (protocol::is_final(state)) open_.erase(job);
}

void Checker::hold(const JobId& job, Held held) {
  for (const auto& share : held.placement.shares)
    for (const std::string& device : share.device_ids) {
      std::int64_t& milli = milli_held_[device];
      milli += held.milli;
      if (milli > 1000) fail(fmt::format("{} was given twice ({} milli)", device, milli));
    }
  held_[job] = std::move(held);
}

void Checker::give_back(const JobId& job) {
  const auto found = held_.find(job);
  if (found == held_.end()) return;
  for (const auto& share : found->second.placement.shares)
    for (const std::string& device : share.device_ids) milli_held_[device] -= found->second.milli;
  held_.erase(found);
  stopping_.erase(job);
}

void Checker::restored(const controller::Restored& restored, WallTime now) {
  disturbed();
  waiting_.clear();
  held_.clear();
  ended_.clear();
  given_up_.clear();
  milli_held_.clear();
  offers_.clear();
  teams_.clear();
  bookings_.clear();
  owing_.clear();
  stopping_.clear();
  retry_at_.reset();
  for (const auto& event : restored.learnt) {
    if (const auto* team = std::get_if<scheduler::TeamChanged>(&event))
      teams_[team->team.name] = team->team;
    if (const auto* booked = std::get_if<scheduler::Booked>(&event))
      bookings_.insert(booked->booking.id);
  }
  for (const auto& job : restored.queued) {
    waiting_.insert(job.id);
    if (jobs_.at(job.id).record.seq != job.seq)
      fail(job.id.str() + " has another place in the order than it was accepted at");
  }
  for (const auto& attempt : restored.active) {
    for (std::size_t rank = 0; rank < attempt.members.size(); ++rank)
      if (attempt.members[rank].ended) ended_.insert({attempt.id, static_cast<std::int64_t>(rank)});
    hold(attempt.job.id, {attempt.id, attempt.placement,
                          controller::milli_of(attempt.job.spec.resources), false, disturbances_});
    if (attempt.stopping) stopping_.emplace(attempt.job.id, now);
  }
}

void Checker::told(const Event& event, WallTime now) {
  if (const auto* attached = std::get_if<controller::NodeAttached>(&event)) {
    disturbed();
    const auto belongs = [&](const AttemptId& attempt) {
      for (const auto& [job, held] : held_)
        for (std::size_t rank = 0; rank < held.placement.shares.size(); ++rank) {
          const MemberKey member{attempt, static_cast<std::int64_t>(rank)};
          if (held.attempt == attempt && held.placement.shares[rank].node == attached->offer.id &&
              !ended_.contains(member) && !given_up_.contains(member))
            return true;
        }
      return false;
    };
    const bool strays = !std::ranges::all_of(attached->held, belongs);
    if (strays)
      offers_.erase(attached->offer.id);
    else
      offers_[attached->offer.id] = attached->offer;
  } else if (const auto* changed = std::get_if<controller::NodeChanged>(&event)) {
    disturbed();
    const auto known = offers_.find(changed->offer.id);
    if (known != offers_.end()) known->second = changed->offer;
  } else if (const auto* lost = std::get_if<controller::NodeLost>(&event)) {
    disturbed();
    offers_.erase(lost->node);
  } else if (const auto* accepted = std::get_if<controller::JobAccepted>(&event)) {
    waiting_.insert(accepted->job.id);
    if (owed_.contains(accepted->job.id)) owing_[accepted->job.id] = {now, disturbances_};
  } else if (const auto* stored = std::get_if<controller::StartStored>(&event)) {
    if (stored->outcome) return;
    disturbed();
    retry_at_ = now + kRetryDelay;
    give_back(stored->job);
    if (!protocol::is_final(jobs_.at(stored->job).state)) waiting_.insert(stored->job);
  } else if (const auto* ended = std::get_if<controller::MemberEnded>(&event)) {
    ended_.insert({ended->end.attempt, ended->end.rank});
    if (!ended->end.attempt_ended) {
      if (ended->end.stop_others) stopping_.emplace(ended->end.job, now);
      return;
    }
    give_back(ended->end.job);
    if (ended->end.job_state == JobState::queued) waiting_.insert(ended->end.job);
  } else if (const auto* cancelled = std::get_if<controller::JobCancelled>(&event)) {
    if (protocol::is_final(cancelled->state))
      waiting_.erase(cancelled->job);
    else
      stopping_.emplace(cancelled->job, now);
  } else if (const auto* refused = std::get_if<controller::LossRefused>(&event)) {
    retry_at_ = now + kRetryDelay;
    if (refused->error.code == Errc::conflict)
      given_up_.erase({refused->loss.attempt_id, refused->loss.rank});
  } else if (const auto* preempted = std::get_if<controller::PreemptionStored>(&event)) {
    if (!preempted->outcome) retry_at_ = now + kRetryDelay;
  } else if (const auto* learnt = std::get_if<controller::Learnt>(&event)) {
    disturbed();
    if (const auto* team = std::get_if<scheduler::TeamChanged>(&learnt->event))
      teams_[team->team.name] = team->team;
    if (const auto* booked = std::get_if<scheduler::Booked>(&learnt->event))
      bookings_.insert(booked->booking.id);
    if (const auto* unbooked = std::get_if<scheduler::Unbooked>(&learnt->event))
      bookings_.erase(unbooked->id);
  }
}

void Checker::start_answered(const controller::StartAttempt& command, const Error* error) {
  if (error == nullptr) return;
  if (error->message.find("allocated_milli") != std::string::npos ||
      error->message.find("allocations_one_job") != std::string::npos)
    fail("the store had to refuse what was given twice: " + command.job.str());
}

void Checker::began(const SimAgent& agent, const MemberKey& key) {
  for (const std::string& device : agent.processes().at(key).devices) {
    std::int64_t milli = 0;
    for (const auto& [other, process] : agent.processes())
      if (std::ranges::find(process.devices, device) != process.devices.end())
        milli += process.milli;
    if (milli > 1000) fail(fmt::format("two programs run on {} at once ({} milli)", device, milli));
  }
}

void Checker::decided(const Effects& effects, const controller::Core& core, WallTime now) {
  for (const auto& start : effects.starts) {
    waiting_.erase(start.job);
    owing_.erase(start.job);
    check_devices(start);
    check_gang(start);
    hold(start.job, {start.attempt, start.placement, controller::milli_of(start.resources),
                     start.standing == scheduler::Standing::guaranteed, disturbances_});
    check_guarantee(start);
  }
  for (const auto& start : effects.starts) check_order(start, core, now);
  for (const auto& loss : effects.losses) given_up_.insert({loss.attempt_id, loss.rank});
  for (const auto& preemption : effects.preemptions) {
    check_preemption(preemption);
    stopping_.emplace(preemption.job, now);
  }
  if (retry_at_ && *retry_at_ <= now) retry_at_.reset();
  for (auto& [job, owing] : owing_)
    if (has_no_cells(jobs_.at(job).record.team, core)) owing.since = now;
}

void Checker::check_devices(const controller::StartAttempt& start) {
  for (const auto& share : start.placement.shares) {
    const auto node = offers_.find(share.node);
    if (node == offers_.end())
      return fail(
          fmt::format("{} starts on {}, which is not up", start.job.str(), share.node.str()));
    for (const std::string& name : share.device_ids) {
      const auto& devices = node->second.devices;
      const auto device = std::ranges::find(devices, name, &scheduler::Device::id);
      if (device == devices.end())
        fail(fmt::format("{} starts on {}, which its node has not", start.job.str(), name));
      else if (!device->in_service)
        fail(fmt::format("{} starts on {}, which is out of service", start.job.str(), name));
      else if (controller::milli_of(start.resources) < 1000 && !device->shareable)
        fail(fmt::format("{} shares {}, which may not be shared", start.job.str(), name));
    }
  }
}

void Checker::check_gang(const controller::StartAttempt& start) {
  const auto& wanted = jobs_.at(start.job).record.spec.resources;
  if (static_cast<std::int64_t>(start.placement.shares.size()) != wanted.nodes)
    fail(fmt::format("gang {} starts with {} of {} members", start.job.str(),
                     start.placement.shares.size(), wanted.nodes));
  for (const auto& share : start.placement.shares) {
    const std::set<std::string> devices(share.device_ids.begin(), share.device_ids.end());
    if (static_cast<std::int64_t>(devices.size()) != wanted.gpus)
      fail(fmt::format("a member of {} starts with {} of {} GPUs", start.job.str(), devices.size(),
                       wanted.gpus));
  }
}

/// Of two jobs of one team that ask for the same, the one of the higher class, then the one that
/// was accepted first, starts first. Where the team owns cells, the first may be waiting for its
/// own while the second borrows what is free elsewhere.
void Checker::check_order(const controller::StartAttempt& start, const controller::Core& core,
                          WallTime now) {
  const protocol::JobRecord& late = jobs_.at(start.job).record;
  const auto team = teams_.find(late.team);
  const bool owns_cells = team != teams_.end() && !team->second.guarantees.empty();
  for (const JobId& id : waiting_) {
    const protocol::JobRecord& early = jobs_.at(id).record;
    const bool before = early.priority_class < late.priority_class ||
                        (early.priority_class == late.priority_class && early.seq < late.seq);
    if (owns_cells && early.priority_class != protocol::PriorityClass::idle) continue;
    if (!before || early.team != late.team || !(early.spec.resources == late.spec.resources) ||
        early.spec.max_runtime != late.spec.max_runtime ||
        early.spec.datasets != late.spec.datasets ||
        early.spec.reservation != late.spec.reservation ||
        (early.spec.start_at && *early.spec.start_at > now) || late.spec.start_at)
      continue;
    if (core.scheduler().find(id) == nullptr) continue;
    fail(fmt::format("order: {} (seq {}, {}) starts although {} (seq {}, {}) waits for the same",
                     late.id.str(), late.seq, protocol::word_of(late.priority_class), id.str(),
                     early.seq, protocol::word_of(early.priority_class)));
  }
}

/// What a team's guaranteed jobs hold is never more than what it is guaranteed.
void Checker::check_guarantee(const controller::StartAttempt& start) {
  if (start.standing != scheduler::Standing::guaranteed) return;
  const std::string& name = jobs_.at(start.job).record.team;
  const auto team = teams_.find(name);
  std::int64_t owned = 0;
  if (team != teams_.end())
    for (const auto& guarantee : team->second.guarantees) owned += guarantee.gpus * guarantee.count;
  std::int64_t used = 0;
  for (const auto& [job, held] : held_) {
    if (!held.guaranteed || jobs_.at(job).record.team != name || held.disturbances != disturbances_)
      continue;
    for (const auto& share : held.placement.shares)
      used += static_cast<std::int64_t>(share.device_ids.size()) * held.milli;
  }
  if (used > owned * 1000)
    fail(
        fmt::format("guarantee: jobs of team {} hold {} milli-GPUs as guaranteed, but it owns {} "
                    "GPUs",
                    name, used, owned));
}

/// Who runs on its team's own cells makes room for nobody, unless something changed there.
void Checker::check_preemption(const controller::PreemptAttempt& preemption) {
  const auto held = held_.find(preemption.job);
  if (held == held_.end()) return fail(preemption.job.str() + " is preempted but holds nothing");
  if (held->second.guaranteed && held->second.disturbances == disturbances_ &&
      preemption.beneficiary != preemption.job)
    fail(fmt::format("guarantee: {} runs on its team's own cells and is preempted for {}",
                     preemption.job.str(), preemption.beneficiary.str()));
}

void Checker::delay_owed(WallTime now) {
  for (auto& [job, owing] : owing_) owing.since = now;
}

void Checker::all_ended(const controller::Core& core, WallTime now) {
  if (open_.empty()) return;
  const JobId& job = *open_.begin();
  fail(fmt::format("{} jobs never ended, {} ({}) among them: {}", open_.size(), job.str(),
                   protocol::word_of(jobs_.at(job).state), core.scheduler().why(job, now).summary));
}

}  // namespace galley::world
