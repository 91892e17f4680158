// What people do: submit, cancel, set up teams and bookings.
#include <array>

#include "world.h"

namespace galley::world {

namespace {

controller::Caller somebody() { return {"somebody", "request"}; }

}  // namespace

protocol::JobSpec World::some_job() {
  constexpr std::array<std::int64_t, 10> kGpus{1, 1, 1, 2, 2, 4, 8, 3, 6, 1};
  constexpr std::array<std::int64_t, 4> kGangGpus{1, 2, 4, 8};
  constexpr std::array<std::int64_t, 3> kShares{100, 250, 500};
  protocol::JobSpec spec;
  spec.name = "x";
  spec.command = {"x"};
  spec.team = "t" + std::to_string(dice_.below(4));
  const auto kind = dice_.below(100);
  protocol::Resources& resources = spec.resources;
  if (kind < 10) {
    resources.cpus = dice_.between(1, 4);
  } else if (kind < 25) {
    resources.gpus = 1;
    resources.gpu_milli = kShares[dice_.below(kShares.size())];
  } else if (kind < 38) {
    resources.nodes = dice_.between(2, 3);
    resources.gpus = kGangGpus[dice_.below(kGangGpus.size())];
  } else {
    resources.gpus = kGpus[dice_.below(kGpus.size())];
  }
  if (resources.gpus > 0 && dice_.percent(15))
    resources.gpu_type = dice_.percent(50) ? "h100" : "A100";
  const auto rank = dice_.below(100);
  spec.priority_class = rank < 15   ? protocol::PriorityClass::urgent
                        : rank < 70 ? protocol::PriorityClass::normal
                                    : protocol::PriorityClass::idle;
  if (dice_.percent(70)) spec.max_runtime = std::chrono::minutes(5 * dice_.between(1, 6));
  if (dice_.percent(5))
    spec.start_at = clock_.wall() + std::chrono::seconds(dice_.between(1, 1200));
  if (dice_.percent(20)) spec.datasets = {"data@" + std::to_string(dice_.between(1, 4))};
  spec.max_lost = dice_.between(0, 3);
  return spec;
}

void World::submit() {
  constexpr std::size_t kMostOpen = 24;  // a queue, but not one that grows for ever
  if (checker_.open_jobs() >= kMostOpen) return;
  // People submit series: the order among equals is what they look at.
  if (!last_job_ || !dice_.percent(50)) last_job_ = some_job();
  submit(*last_job_, false);
}

void World::submit(protocol::JobSpec spec, bool owed) {
  if (!core_) return;
  protocol::JobRecord job;
  job.id = ids_.next<JobTag>();
  job.run_id = ids_.next<RunTag>();
  job.name = spec.name;
  job.team = spec.team;
  job.priority_class = spec.priority_class;
  job.created_at = clock_.wall();
  job.spec = std::move(spec);
  const auto wanted = controller::queued_job(job, {});
  // Without a node everything is admitted; what could never run would wait for ever.
  if (!core_->admit(wanted) || !all_built_.admit(wanted)) return;
  writes_.emplace_back([this, job, owed]() mutable {
    if (refusal()) return;  // whoever submitted it is told so
    const auto answer = store_.accept({job, somebody()});
    if (!answer) return checker_.fail("a job was refused: " + describe(answer.error()));
    job.seq = answer->seq;
    checker_.accepted(job);
    if (owed) checker_.owed(job.id);
    events_.emplace_back(controller::JobAccepted{controller::queued_job(job, answer->contents)});
  });
}

void World::cancel() {
  if (!core_ || checker_.open().empty()) return;
  auto chosen = checker_.open().begin();
  std::advance(chosen, dice_.below(checker_.open().size()));
  writes_.emplace_back([this, job = *chosen] {
    if (refusal()) return;
    const auto answer = store_.cancel({job, somebody(), clock_.wall()});
    if (!answer) return;  // it has ended meanwhile
    checker_.moved(job, *answer);
    events_.emplace_back(controller::JobCancelled{job, *answer});
  });
}

void World::change_team() {
  if (!core_) return;
  protocol::TeamSpec team;
  team.name = "t" + std::to_string(dice_.below(4));
  team.weight = static_cast<double>(dice_.between(1, 4));
  const auto guarantees = dice_.below(3);
  for (std::size_t n = 0; n < guarantees; ++n) {
    protocol::GuaranteeSpec guarantee;
    guarantee.gpus = std::int64_t{1} << dice_.below(4);
    guarantee.count = dice_.between(1, 2);
    if (dice_.percent(30)) guarantee.gpu_type = dice_.percent(50) ? "H100" : "A100";
    team.guarantees.push_back(guarantee);
  }
  writes_.emplace_back([this, team] {
    if (refusal() || !store_.put_team({team, somebody(), clock_.wall()})) return;
    events_.emplace_back(controller::Learnt{scheduler::TeamChanged{controller::team_of(team)}});
  });
}

/// A team that nobody has used gets a cell, and asks for all of it.
void World::found_team() {
  if (!core_) return;
  constexpr std::size_t kMostFounded = 3;
  if (founded_.size() >= kMostFounded) {
    const std::string name = founded_.front();
    writes_.emplace_back([this, name] {
      if (refusal()) return;
      std::erase(founded_, name);
      if (!store_.delete_team({name, somebody(), clock_.wall()})) return;
      scheduler::Team nobody;
      nobody.name = name;
      events_.emplace_back(controller::Learnt{scheduler::TeamChanged{nobody}});
    });
    return;
  }
  protocol::TeamSpec team;
  team.name = "new" + std::to_string(++teams_founded_);
  team.guarantees = {{std::nullopt, std::int64_t{1} << dice_.below(3), 1}};
  protocol::JobSpec spec;
  spec.name = "x";
  spec.command = {"x"};
  spec.team = team.name;
  spec.resources.gpus = team.guarantees[0].gpus;
  writes_.emplace_back([this, team, spec] {
    if (refusal() || !store_.put_team({team, somebody(), clock_.wall()})) return;
    founded_.push_back(team.name);
    events_.emplace_back(controller::Learnt{scheduler::TeamChanged{controller::team_of(team)}});
    submit(spec, true);
  });
}

void World::change_booking() {
  if (!core_) return;
  if (!bookings_.empty() && dice_.percent(50)) {
    const std::size_t chosen = dice_.below(bookings_.size());
    writes_.emplace_back([this, id = bookings_[chosen]] {
      if (refusal()) return;
      std::erase(bookings_, id);
      if (store_.unreserve({id, somebody(), clock_.wall()}))
        events_.emplace_back(controller::Learnt{scheduler::Unbooked{id.str()}});
    });
    return;
  }
  const auto id = ids_.next<ReservationTag>();
  protocol::ReservationSpec spec;
  spec.team = "t" + std::to_string(dice_.below(4));
  spec.resources.gpus = dice_.between(1, 4);
  spec.start_at = clock_.wall() + std::chrono::seconds(dice_.between(0, 600));
  spec.duration = std::chrono::seconds(dice_.between(60, 900));
  writes_.emplace_back([this, id, spec] {
    if (refusal() || !store_.reserve({id, spec, somebody(), clock_.wall()})) return;
    bookings_.push_back(id);
    protocol::ReservationRecord record{.id = id,
                                       .team = spec.team,
                                       .resources = spec.resources,
                                       .start_at = spec.start_at,
                                       .duration = spec.duration};
    events_.emplace_back(controller::Learnt{scheduler::Booked{controller::booking_of(record)}});
  });
}

}  // namespace galley::world
