#include "traces/arrivals.h"

#include <numeric>
#include <utility>

namespace galley::bench {
namespace {

void shuffle(std::vector<std::uint32_t>& numbers, Random& random) {
  for (auto left = numbers.size(); left > 1; --left)
    std::swap(numbers[left - 1], numbers[random.below(left)]);
}

}  // namespace

std::uint64_t Random::next() {
  state_ += 0x9E3779B97F4A7C15ULL;
  auto mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31);
}

std::size_t Random::below(std::size_t bound) {
  return static_cast<std::size_t>(uniform() * static_cast<double>(bound));
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::int64_t gpu_request_milli(const TraceTask& task) {
  return std::int64_t{task.gpus} * task.gpu_milli;
}

std::int64_t gpu_capacity_milli(std::span<const TraceNode> nodes) {
  std::int64_t gpus = 0;
  for (const auto& node : nodes) gpus += node.gpus;
  return gpus * 1000;
}

std::vector<std::uint32_t> arrivals(std::span<const TraceTask> tasks, std::int64_t capacity_milli,
                                    double load, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint32_t> order(tasks.size());
  std::iota(order.begin(), order.end(), 0U);
  std::int64_t asked = 0;
  for (const auto& task : tasks) asked += gpu_request_milli(task);
  const auto most = static_cast<std::int64_t>(load * static_cast<double>(capacity_milli));
  // Without a single GPU asked for there is no load to reach.
  while (asked > 0) {
    const auto copy = random.below(tasks.size());
    asked += gpu_request_milli(tasks[copy]);
    if (asked > most) break;
    order.push_back(static_cast<std::uint32_t>(copy));
  }
  shuffle(order, random);
  return order;
}

std::vector<std::uint32_t> shuffled(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  shuffle(order, random);
  return order;
}

}  // namespace galley::bench
