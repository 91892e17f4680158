#include "mutation.h"

#include <algorithm>
#include <map>
#include <utility>

namespace galley::world {
namespace {

using controller::Effects;
using controller::Event;

/// Every few times, so that the world goes on in between.
class Sometimes {
 public:
  explicit Sometimes(int period) : period_(period) {}
  bool operator()() { return ++count_ % period_ == 0; }

 private:
  const int period_;
  int count_ = 0;
};

/// Gives a GPU that another job has been given.
class DoubleGrant final : public Mutation {
 public:
  void want(Effects& effects) override {
    for (auto& start : effects.starts)
      for (auto& share : start.placement.shares) {
        if (share.device_ids.empty()) continue;
        std::string& last = last_[share.node];
        if (!last.empty() && often_() && !std::ranges::count(share.device_ids, last))
          share.device_ids.front() = last;
        last = share.device_ids.back();
      }
  }

 private:
  Sometimes often_{5};
  std::map<NodeId, std::string> last_;
};

/// Forgets to queue a job again after it was preempted or lost.
class LostRequeue final : public Mutation {
 public:
  void hear(Event& event) override {
    auto* ended = std::get_if<controller::MemberEnded>(&event);
    if (ended != nullptr && ended->end.attempt_ended &&
        ended->end.job_state == protocol::JobState::queued)
      ended->end.job_state = protocol::JobState::cancelled;
  }
};

class PartialGang final : public Mutation {
 public:
  void want(Effects& effects) override {
    for (auto& start : effects.starts)
      if (start.placement.shares.size() > 1) start.placement.shares.pop_back();
  }
};

/// Does not hear that a GPU is out of service.
class BadDevice final : public Mutation {
 public:
  void hear(Event& event) override {
    if (auto* changed = std::get_if<controller::NodeChanged>(&event)) mend(changed->offer);
    if (auto* attached = std::get_if<controller::NodeAttached>(&event)) mend(attached->offer);
  }

 private:
  static void mend(scheduler::NodeOffer& offer) {
    for (auto& device : offer.devices) device.in_service = true;
  }
};

/// Serves the last first.
class InvertedOrder final : public Mutation {
 public:
  void hear(Event& event) override {
    constexpr std::int64_t kFar = 1'000'000'000;
    if (auto* accepted = std::get_if<controller::JobAccepted>(&event))
      accepted->job.seq = kFar - accepted->job.seq;
    if (auto* restored = std::get_if<controller::Restored>(&event))
      for (auto& job : restored->queued) job.seq = kFar - job.seq;
  }
};

/// Never hears of guarantees.
class StolenGuarantee final : public Mutation {
 public:
  void hear(Event& event) override {
    if (auto* learnt = std::get_if<controller::Learnt>(&event)) steal(learnt->event);
    if (auto* restored = std::get_if<controller::Restored>(&event))
      for (auto& learnt : restored->learnt) steal(learnt);
  }

 private:
  static void steal(scheduler::ClusterEvent& event) {
    if (auto* team = std::get_if<scheduler::TeamChanged>(&event)) team->team.guarantees.clear();
  }
};

/// Now and then one GPU of what a job gave back stays taken, so that its cells never become whole.
class UnmergedCell final : public Mutation {
 public:
  void hear(Event& event) override {
    if (const auto* ended = std::get_if<controller::MemberEnded>(&event);
        ended != nullptr && ended->end.attempt_ended && given_.contains(ended->end.job))
      freed_ = given_.at(ended->end.job);
    if (std::holds_alternative<controller::Restored>(event)) freed_.reset();
    if (std::holds_alternative<controller::TimerFired>(event) && freed_)
      event = controller::Learnt{
          scheduler::JobPlaced{phantom(), {{*std::exchange(freed_, std::nullopt)}}, {}}};
  }
  void want(Effects& effects) override {
    for (const auto& start : effects.starts)
      for (const auto& share : start.placement.shares) {
        if (share.device_ids.empty()) continue;
        given_[start.job] = {share.node, {share.device_ids.front()}};
        if (freed_ && std::ranges::count(share.device_ids, freed_->device_ids.front()) > 0)
          freed_.reset();
      }
  }

 private:
  scheduler::QueuedJob phantom() {
    scheduler::QueuedJob job;
    job.id = JobId::trusted("job_phantom" + std::to_string(++phantoms_));
    job.seq = 2'000'000'000 + phantoms_;
    job.resources.gpus = 1;
    return job;
  }

  std::map<JobId, scheduler::NodeShare> given_;
  std::optional<scheduler::NodeShare> freed_;
  std::int64_t phantoms_ = 0;
};

/// Starts again what was cancelled while it waited.
class DeafToCancel final : public Mutation {
 public:
  void hear(Event& event) override {
    if (auto* cancelled = std::get_if<controller::JobCancelled>(&event);
        cancelled != nullptr && protocol::is_final(cancelled->state))
      event = controller::TimerFired{};
  }
};

template <class Bug>
std::unique_ptr<Mutation> make() {
  return std::make_unique<Bug>();
}

}  // namespace

const std::vector<PlantedBug>& planted_bugs() {
  static const std::vector<PlantedBug> bugs{{"DoubleGrant", make<DoubleGrant>, "given twice"},
                                            {"LostRequeue", make<LostRequeue>, ""},
                                            {"PartialGang", make<PartialGang>, "gang"},
                                            {"BadDevice", make<BadDevice>, "out of service"},
                                            {"InvertedOrder", make<InvertedOrder>, "order"},
                                            {"StolenGuarantee", make<StolenGuarantee>, "guarantee"},
                                            {"UnmergedCell", make<UnmergedCell>, ""},
                                            {"DeafToCancel", make<DeafToCancel>, ""}};
  return bugs;
}

}  // namespace galley::world
