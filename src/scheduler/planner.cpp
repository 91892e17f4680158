#include "planner.h"

#include <algorithm>
#include <bit>

namespace galley::scheduler {
namespace {

/// Slots of the future that are looked at: later ones have time.
constexpr std::size_t kMostSlots = 64;

}  // namespace

Planner::Planner(State& state, WallTime now)
    : state_(state),
      now_(now),
      pool_(state.fleet.pool()),
      reserved_(state.fleet.size(), 0),
      reserved_until_(state.fleet.size()),
      aged_gpus_(state.aged_gpus),
      aged_node_gpus_(state.aged_node_gpus),
      lifted_gpus_(state.lifted_gpus),
      walk_(state.queue, state.shares, {now, state.options.age_limit}) {
  for (std::size_t i = 0; i < state.fleet.size(); ++i)
    gpus_in_service_ += std::popcount(pool_.in_service(static_cast<NodeIndex>(i)));
  keep_limit_ = static_cast<int>(state.options.keep_ratio * gpus_in_service_);
  // Jobs that go first by age have a part of the fleet: were it all of it, an overload would turn
  // the queue into first come, first served.
  const double least = gpus_in_service_ > 0 ? 1.0 : 0.0;
  aged_limit_ = std::max(state.options.aged_ratio * gpus_in_service_, least);
  lift_limit_ = std::max(state.options.lifted_ratio * gpus_in_service_, least);
}

const Plan& Planner::decide() {
  start_private_jobs();
  place_entitled();
  hold_bookings();
  walk_queue();
  return plan_;
}

void Planner::wake(WallTime at) {
  if (at > now_ && (!plan_.wake_at || at < *plan_.wake_at)) plan_.wake_at = at;
}

Planner::Loss& Planner::Loss::operator+=(const Loss& other) {
  by_age += other.by_age;
  gpu_hours += other.gpu_hours;
  evicted += other.evicted;
  leaving += other.leaving;
  minus_ran_s += other.minus_ran_s;
  return *this;
}

Planner::Loss Planner::loss_of(const Job& job) const {
  if (job.stopping) return {.leaving = 1};
  auto unsaved = std::max(now_ - job.placed_at, Millis{0});
  if (job.spec.checkpoint_every && job.spec.checkpoint_every->count() > 0)
    unsaved %= *job.spec.checkpoint_every;
  const auto ran = now_ - job.placed_at + job.spec.done;
  return {.by_age = job.by_age ? 1 : 0,
          .gpu_hours = share_of(job) * static_cast<double>(unsaved / std::chrono::hours(1)),
          .evicted = 1,
          .minus_ran_s = -share_of(job) * static_cast<double>(ran.count()) / 1e3};
}

Planner::Loss Planner::loss_of(const Room& room) const {
  Loss loss;
  for (const Victim& victim : room.victims) loss += loss_of(state_.jobs[victim.job]);
  return loss;
}

void Planner::start(JobIndex index, const std::vector<Choice>& choices, Standing standing) {
  const Job& job = state_.jobs[index];
  const auto& members = state_.signatures.members(job.signature, state_.fleet);
  Start one{job.spec.id, {}, standing, {}};
  std::vector<Grant> grants;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Choice& choice = choices[i];
    pool_.take(members[i], choice.grant);
    count_reserved(choice.grant.node, members[i].gpus, now_ + length_of(job));
    grants.push_back(choice.grant);
    // A gang begins when its last member can.
    one.terms.start_delay_s = std::max(one.terms.start_delay_s, choice.terms.start_delay_s);
    one.terms.fragmentation_s += choice.terms.fragmentation_s;
    one.terms.spread_s += choice.terms.spread_s;
  }
  one.placement = state_.fleet.placement(grants);
  plan_.starts.push_back(std::move(one));
  walk_.charge(job.team, share_of(job) * static_cast<double>(length_of(job).count()) / 1e3);
}

std::optional<WallTime> Planner::hold_slot(const std::vector<Request>& members, WallTime from,
                                           Millis length, const std::string& booking) {
  const auto when = earliest(members);
  if (!when) return std::nullopt;
  for (std::size_t i = 0; i < members.size(); ++i)
    hold({.node = when->second[i],
          .until = std::max(from, now_),
          .wanted = members[i],
          .booking = booking});
  for (const NodeIndex node : when->second)
    count_reserved(node, 0, std::max(when->first, from) + length);
  return std::max(when->first, from);
}

std::optional<WallTime> Planner::slot(JobSeq job) const {
  const auto found = slots_.find(job);
  if (found == slots_.end()) return std::nullopt;
  return found->second;
}

void Planner::count_reserved(NodeIndex node, int gpus, WallTime until) {
  const auto n = static_cast<std::size_t>(node);
  reserved_[n] += gpus;
  reserved_until_[n] = std::max(reserved_until_[n], until);
}

void Planner::hold_bookings() {
  std::map<std::string, std::size_t> members_in_use;  // of each booking
  if (!state_.bookings.empty())
    state_.jobs.for_each([&](JobIndex, const Job& job) {
      if (job.placed && !job.spec.booking.empty())
        members_in_use[job.spec.booking] += job.placement.shares.size();
    });
  for (const auto& [id, booking] : state_.bookings) {
    if (booking.start_at + booking.duration <= now_) continue;
    wake(booking.start_at);
    wake(booking.start_at + booking.duration);
    QueuedJob like;
    like.resources = booking.resources;
    auto members = state_.fleet.members(like);
    members.resize(members.size() - std::min(members.size(), members_in_use[id]));
    (void)hold_slot(members, booking.start_at, booking.duration, id);
  }
  std::size_t slots = 0;
  for (const auto& [start_at, seq] : state_.future) {
    wake(start_at);
    if (++slots > kMostSlots) break;
    const Job& job = state_.jobs[*state_.jobs.find(seq)];
    if (!job.spec.runtime) continue;  // without an end it would be a slot for ever
    const auto& members = state_.signatures.members(job.signature, state_.fleet);
    if (const auto start = hold_slot(members, start_at, length_of(job), {})) slots_[seq] = *start;
  }
}

void Planner::count_started_by_age(const Job& job) {
  if (state_.is_aged(job, now_)) {
    aged_gpus_ += gpus_of(job);
    if (aged_gpus_ >= aged_limit_) walk_.end_aged();
    return;
  }
  const auto band = state_.lifted_from(job, now_);
  if (!band) return;
  double& lifted = lifted_gpus_[static_cast<std::size_t>(*band)];
  lifted += gpus_of(job);
  if (lifted >= lift_limit_) walk_.end_lifts(*band);
  if (job.needs_nodes) aged_node_gpus_ += gpus_of(job);
}

void Planner::walk_queue() {
  const std::vector<JobIndex> due = state_.due;
  for (const JobIndex index : due) consider(index);
  if (aged_gpus_ > 0 && aged_gpus_ >= aged_limit_) walk_.end_aged();
  for (int band = 0; band < JobQueue::kBands; ++band)
    if (const double lifted = lifted_gpus_[static_cast<std::size_t>(band)];
        lifted > 0 && lifted >= lift_limit_)
      walk_.end_lifts(band);
  // One at a time, the job that has waited longest for a whole node comes first: small ones that
  // keep coming would take each GPU as it falls free.
  std::optional<JobIndex> first;
  for (const auto priority_class :
       {protocol::PriorityClass::urgent, protocol::PriorityClass::normal})
    if (const auto oldest = state_.queue.oldest_for_a_node(priority_class);
        oldest && !first && !state_.guarantees.any() && aged_node_gpus_ < aged_limit_ &&
        state_.has_waited(state_.jobs[*oldest], now_))
      first = oldest;
  const auto try_to_start = [&](JobIndex index) {
    const std::size_t starts_before = plan_.starts.size();
    const bool goes_on = consider(index);
    if (plan_.starts.size() > starts_before) count_started_by_age(state_.jobs[index]);
    return goes_on;
  };
  if (first) (void)try_to_start(*first);
  while (const auto index = walk_.next()) {
    if (index == first) continue;
    const bool depth_left = plan_.reservations.size() < state_.options.reservation_depth;
    // No GPU is idle, nobody may be displaced (any more in this pass), and all want GPUs.
    if (!depth_left && pool_.highest_bucket() == 0 && state_.queued_without_gpus == 0 &&
        (state_.placed_of_class[2] == 0 || preemption_tries_ > kMostPreemptionTries))
      break;
    if (!try_to_start(*index)) walk_.skip(state_.jobs[*index].signature);
  }
}

bool Planner::consider(JobIndex index) {
  const Job& job = state_.jobs[index];
  const std::vector<Request>& members = state_.signatures.members(job.signature, state_.fleet);
  const bool depth_left = plan_.reservations.size() < state_.options.reservation_depth;
  if (!job.spec.booking.empty()) {
    // What its booking keeps is there for it alone.
    std::vector<Hold> own;
    for (auto hold = holds_.begin(); hold != holds_.end();) {
      if (hold->booking != job.spec.booking) {
        ++hold;
        continue;
      }
      pool_.give(hold->kept, hold->grant);
      own.push_back(std::move(*hold));
      hold = holds_.erase(hold);
    }
    const auto choices =
        state_.placer.choose_gang(pool_, members, state_.locality.delays(state_.fleet, job.spec));
    if (choices) start(index, *choices, Standing::borrowed);
    for (std::size_t i = choices ? std::min(members.size(), own.size()) : 0; i < own.size(); ++i) {
      keep(own[i]);
      holds_.push_back(std::move(own[i]));
    }
    return true;
  }
  if (!blocked_.contains(job.signature)) {
    if (const auto choices = state_.placer.choose_gang(
            pool_, members, state_.locality.delays(state_.fleet, job.spec))) {
      start(index, *choices, Standing::borrowed);
      return true;
    }
    if (backfill(index, members)) return true;
    if (preempt_for(index, members)) return true;
    blocked_.insert(job.signature);
  }
  if (!depth_left) return false;
  reserve(index, members);
  return true;
}

}  // namespace galley::scheduler
