#include "traces/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

namespace galley::bench {
namespace {

constexpr int kWholeGpuMilli = 1000;
constexpr double kNever = std::numeric_limits<double>::infinity();

double gpus_of(std::span<const int> milli) {
  double sum = 0;
  for (const int left : milli) sum += left;
  return sum / kWholeGpuMilli;
}

int fullest_holding(std::span<const int> milli, int share) {
  int best = -1;
  for (int gpu = 0; gpu < static_cast<int>(milli.size()); ++gpu) {
    const int left = milli[static_cast<std::size_t>(gpu)];
    if (left >= share && (best < 0 || left < milli[static_cast<std::size_t>(best)])) best = gpu;
  }
  return best;
}

}  // namespace

std::string_view to_string(Reference policy) {
  switch (policy) {
    case Reference::random:
      return "random";
    case Reference::bestfit:
      return "bestfit";
    case Reference::packing:
      return "packing";
    case Reference::dotprod:
      return "dotprod";
    case Reference::fgd:
      return "fgd";
  }
  return "";
}

std::vector<TaskClass> typical_classes(std::span<const TraceTask> tasks, double cut) {
  using Key = std::tuple<std::int64_t, int, int, std::vector<std::string>>;
  std::map<Key, std::size_t> known;
  std::vector<TaskClass> classes;
  for (const auto& task : tasks) {
    const auto [found, added] = known.try_emplace(
        Key{task.cpu_milli, task.gpus, task.gpu_milli, task.models}, classes.size());
    if (added) classes.push_back({task.cpu_milli, task.gpus, task.gpu_milli, task.models, 0});
    classes[found->second].share += 1;
  }
  std::ranges::stable_sort(classes, std::greater{}, &TaskClass::share);
  const double enough = cut * static_cast<double>(tasks.size());
  double covered = 0;
  std::size_t kept = 0;
  while (kept < classes.size() && covered < enough) covered += classes[kept++].share;
  classes.resize(kept);
  for (auto& each : classes) each.share /= covered;
  return classes;
}

ReferenceFleet::ReferenceFleet(const OpenbTrace& trace, std::span<const TaskClass> mix,
                               Reference policy, std::uint64_t seed)
    : policy_(policy), random_(seed) {
  for (const auto& node : trace.nodes)
    if (node.gpus > 0 && std::ranges::find(models_, node.model) == models_.end())
      models_.push_back(node.model);
  for (const auto& each : mix)
    mix_.push_back({each.cpu_milli, each.gpus, each.gpu_milli, allowed(each.models), each.share});
  for (const auto& node : trace.nodes) {
    const auto model = std::ranges::find(models_, node.model) - models_.begin();
    Node added{.cpu_milli = node.cpu_milli,
               .memory_mib = node.memory_mib,
               .model = node.gpus > 0 ? static_cast<int>(model) : -1,
               .milli = std::vector(static_cast<std::size_t>(node.gpus), kWholeGpuMilli)};
    added.fragmentation = fragmentation(added);
    nodes_.push_back(std::move(added));
    most_cpu_milli_ = std::max(most_cpu_milli_, static_cast<double>(node.cpu_milli));
    most_gpus_ = std::max(most_gpus_, static_cast<double>(node.gpus));
  }
  for (const auto& task : trace.tasks) {
    const Kind kind{task.cpu_milli, task.memory_mib, task.gpus, task.gpu_milli,
                    allowed(task.models)};
    auto found = std::ranges::find(kinds_, kind);
    if (found == kinds_.end()) found = kinds_.insert(kinds_.end(), kind);
    kind_of_.push_back(static_cast<std::uint32_t>(found - kinds_.begin()));
  }
  scores_.resize(kinds_.size());
}

std::vector<bool> ReferenceFleet::allowed(std::span<const std::string> models) const {
  std::vector<bool> allows(models_.size(), models.empty());
  for (std::size_t model = 0; model < models_.size(); ++model)
    if (std::ranges::find(models, models_[model]) != models.end()) allows[model] = true;
  return allows;
}

bool ReferenceFleet::fits(const Node& node, const Kind& kind) {
  if (node.cpu_milli < kind.cpu_milli || node.memory_mib < kind.memory_mib) return false;
  if (kind.gpus == 0) return true;
  if (node.model < 0 || !kind.allows[static_cast<std::size_t>(node.model)]) return false;
  return std::ranges::count_if(node.milli, [&](int left) { return left >= kind.gpu_milli; }) >=
         kind.gpus;
}

void ReferenceFleet::take(Node& node, const Kind& kind, int gpu) {
  node.cpu_milli -= kind.cpu_milli;
  node.memory_mib -= kind.memory_mib;
  if (gpu >= 0) {
    node.milli[static_cast<std::size_t>(gpu)] -= kind.gpu_milli;
    return;
  }
  int missing = kind.gpus;
  for (auto& left : node.milli)
    if (missing > 0 && left == kWholeGpuMilli) {
      left = 0;
      --missing;
    }
}

/// Milli of idle GPUs, expected over the mix, that the next task cannot use.
double ReferenceFleet::fragmentation(const Node& node) const {
  double idle = 0;
  for (const int left : node.milli) idle += left;
  double sum = 0;
  for (const auto& next : mix_) {
    const bool runs = next.gpus > 0 && node.model >= 0 && node.cpu_milli >= next.cpu_milli &&
                      next.allows[static_cast<std::size_t>(node.model)] &&
                      std::ranges::count_if(node.milli, [&](int left) {
                        return left >= next.gpu_milli;
                      }) >= next.gpus;
    double unusable = idle;
    if (runs) {
      unusable = 0;
      for (const int left : node.milli)
        if (left < next.gpu_milli) unusable += left;
    }
    sum += next.share * unusable;
  }
  return sum;
}

/// The paper's score: 100 * sigmoid of the growth in whole GPUs, cut to a whole number.
ReferenceFleet::Score ReferenceFleet::fgd_score(const Node& node, const Kind& kind) const {
  Score best{.value = kNever};
  const auto consider = [&](int gpu) {
    Node after = node;
    take(after, kind, gpu);
    const double gain = (node.fragmentation - fragmentation(after)) / kWholeGpuMilli;
    const double value = -std::floor(100.0 / (1.0 + std::exp(-gain)));
    if (value < best.value) best = {.gpu = gpu, .value = value};
  };
  if (kind.gpus == 1 && kind.gpu_milli < kWholeGpuMilli) {
    for (std::size_t gpu = 0; gpu < node.milli.size(); ++gpu)
      if (node.milli[gpu] >= kind.gpu_milli) consider(static_cast<int>(gpu));
  } else {
    consider(-1);
  }
  return best;
}

ReferenceFleet::Score ReferenceFleet::score(const Node& node, const Kind& kind) {
  if (!fits(node, kind)) return {.value = kNever};
  if (policy_ == Reference::fgd) return fgd_score(node, kind);

  Score score;
  const bool share = kind.gpus == 1 && kind.gpu_milli < kWholeGpuMilli;
  if (share) score.gpu = fullest_holding(node.milli, kind.gpu_milli);
  const double cpu = static_cast<double>(node.cpu_milli) / most_cpu_milli_;
  const double gpu = gpus_of(node.milli) / most_gpus_;
  const double wanted_cpu = static_cast<double>(kind.cpu_milli) / most_cpu_milli_;
  const double wanted_gpu = kind.gpus * kind.gpu_milli / (kWholeGpuMilli * most_gpus_);
  switch (policy_) {
    case Reference::bestfit:
      score.value = (cpu - wanted_cpu) + (gpu - wanted_gpu);
      break;
    case Reference::dotprod:
      score.value = cpu * wanted_cpu + gpu * wanted_gpu;
      break;
    case Reference::packing: {
      // The simulator's steps: tenths of the GPU in use; a node in use, however full; an empty one.
      const auto whole = std::ranges::count(node.milli, kWholeGpuMilli);
      const bool empty = whole == static_cast<std::int64_t>(node.milli.size());
      if (kind.gpus == 0)
        score.value = 0;
      else if (share && node.milli[static_cast<std::size_t>(score.gpu)] < kWholeGpuMilli)
        score.value = node.milli[static_cast<std::size_t>(score.gpu)] / 100;
      else
        score.value = empty ? 1000 + static_cast<double>(whole) : 100;
      break;
    }
    case Reference::random:
    case Reference::fgd:
      break;
  }
  return score;
}

bool ReferenceFleet::place(std::uint32_t task) {
  const Kind& kind = kinds_[kind_of_[task]];
  auto& scores = scores_[kind_of_[task]];
  scores.resize(nodes_.size());
  std::size_t best = nodes_.size();
  double best_value = kNever;
  std::size_t fitting = 0;
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (scores[n].version != nodes_[n].version) {
      scores[n] = score(nodes_[n], kind);
      scores[n].version = nodes_[n].version;
    }
    if (scores[n].value == kNever) continue;
    ++fitting;
    // Random: each of those that fit is the one with the same chance.
    const bool better =
        policy_ == Reference::random ? random_.below(fitting) == 0 : scores[n].value < best_value;
    if (!better) continue;
    best = n;
    best_value = scores[n].value;
  }
  if (best == nodes_.size()) return false;

  Node& node = nodes_[best];
  int gpu = scores[best].gpu;
  if (policy_ == Reference::random && gpu >= 0) {
    do gpu = static_cast<int>(random_.below(node.milli.size()));
    while (node.milli[static_cast<std::size_t>(gpu)] < kind.gpu_milli);
  }
  take(node, kind, gpu);
  ++node.version;
  if (policy_ == Reference::fgd) node.fragmentation = fragmentation(node);
  return true;
}

}  // namespace galley::bench
