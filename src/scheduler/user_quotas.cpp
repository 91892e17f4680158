#include "user_quotas.h"

#include <fmt/format.h>

#include <cmath>

namespace galley::scheduler {
namespace {

std::int64_t milli_of(const Job& job) { return std::llround(gpus_of(job) * kWholeGpuMilli); }

double gpus(std::int64_t milli) { return static_cast<double>(milli) / kWholeGpuMilli; }

}  // namespace

UserQuotas::Rank UserQuotas::rank_of(const Job& job, JobIndex index) {
  return {static_cast<int>(job.spec.priority_class), job.spec.seq, index};
}

void UserQuotas::set(const std::string& user, std::optional<std::int64_t> max_gpus) {
  if (max_gpus)
    users_[user].max_milli = *max_gpus * kWholeGpuMilli;
  else
    users_.erase(user);
}

bool UserQuotas::bounds(const Job& job) const {
  return !users_.empty() && users_.contains(job.spec.user) && milli_of(job) > 0;
}

void UserQuotas::wait(const Job& job, JobIndex index, bool let_in) {
  User& user = users_.at(job.spec.user);
  user.waiting[milli_of(job)].insert(rank_of(job, index));
  if (!let_in) return;
  user.let_in.insert(rank_of(job, index));
  user.let_in_milli += milli_of(job);
}

void UserQuotas::leave(const Job& job, JobIndex index) {
  User& user = users_.at(job.spec.user);
  const auto line = user.waiting.find(milli_of(job));
  if (line == user.waiting.end() || line->second.erase(rank_of(job, index)) == 0) return;
  if (line->second.empty()) user.waiting.erase(line);
  if (user.let_in.erase(rank_of(job, index)) > 0) user.let_in_milli -= milli_of(job);
}

void UserQuotas::hold(const Job& job, int sign) {
  users_.at(job.spec.user).held_milli += sign * milli_of(job);
}

UserQuotas::Change UserQuotas::review(const std::string& name) {
  User& user = users_.at(name);
  std::int64_t room = user.max_milli - user.held_milli;
  // The first of each size; room only shrinks, so a size that does not fit is done with.
  std::map<Rank, std::pair<std::int64_t, std::set<Rank>::const_iterator>> heads;
  for (const auto& [milli, line] : user.waiting)
    if (milli <= room) heads.emplace(*line.begin(), std::pair(milli, line.begin()));
  std::set<Rank> fits;
  user.let_in_milli = 0;
  while (!heads.empty()) {
    const auto [rank, head] = *heads.begin();
    heads.erase(heads.begin());
    if (head.first > room) continue;
    room -= head.first;
    user.let_in_milli += head.first;
    fits.insert(rank);
    const auto next = std::next(head.second);
    if (next != user.waiting.at(head.first).end())
      heads.emplace(*next, std::pair(head.first, next));
  }
  Change change;
  for (const Rank& rank : user.let_in)
    if (!fits.contains(rank)) change.back.push_back(std::get<2>(rank));
  for (const Rank& rank : fits)
    if (!user.let_in.contains(rank)) change.let_in.push_back(std::get<2>(rank));
  user.let_in = std::move(fits);
  return change;
}

std::string UserQuotas::reason(const Job& job) const {
  const User& user = users_.at(job.spec.user);
  if (milli_of(job) > user.max_milli)
    return fmt::format("quota of {}: it asks for {:g} GPUs, and {:g} may be in use at once",
                       job.spec.user, gpus(milli_of(job)), gpus(user.max_milli));
  std::string text = fmt::format("quota of {}: {:g} of {:g} GPUs in use", job.spec.user,
                                 gpus(user.held_milli), gpus(user.max_milli));
  if (user.let_in_milli > 0)
    text += fmt::format(", and {:g} go to jobs of {} before it", gpus(user.let_in_milli),
                        job.spec.user);
  return text;
}

}  // namespace galley::scheduler
