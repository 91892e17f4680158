#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "state.h"
#include "words.h"

namespace galley::scheduler {
namespace {

Error refuse(std::string field, std::string message, std::string expected) {
  return Error{Errc::invalid_argument, std::move(message), std::move(field), std::move(expected)};
}

/// The most of each thing that one node has, GPUs counted among those of the type asked for.
struct Most {
  std::int64_t gpus = 0;
  std::int64_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t gpu_memory_bytes = 0;
  bool shareable = false;
};

Most most_of(const Fleet& fleet, const Request& request) {
  Most most;
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    const NodeOffer& offer = fleet.offer(static_cast<NodeIndex>(i));
    most.cpus = std::max(most.cpus, offer.cpus);
    most.memory_bytes = std::max(most.memory_bytes, offer.memory_bytes);
    std::int64_t gpus = 0;
    for (const Device& device : offer.devices) {
      const auto model = fleet.pool().find_model(device.model);
      if (!device.in_service ||
          (!request.models.empty() && !std::ranges::binary_search(request.models, *model)))
        continue;
      ++gpus;
      most.gpu_memory_bytes = std::max(most.gpu_memory_bytes, device.memory_bytes);
      most.shareable |= device.shareable;
    }
    most.gpus = std::max(most.gpus, gpus);
  }
  return most;
}

}  // namespace

Status Scheduler::admit(const QueuedJob& job) const {
  State& state = *state_;
  state.settle();
  const Fleet& fleet = state.fleet;
  const protocol::Resources& resources = job.resources;
  if (fleet.empty()) return ok();
  const auto members = fleet.members(job);
  std::size_t holding = 0;
  for (std::size_t i = 0; i < fleet.size(); ++i)
    if (fleet.pool().could_fit(static_cast<NodeIndex>(i), members.front())) ++holding;
  if (holding >= members.size()) return ok();
  if (holding > 0)
    return refuse("resources.nodes",
                  fmt::format("{} nodes with {} each were asked for", members.size(),
                              describe_member(resources)),
                  fmt::format("at most {}, for so many nodes could hold that", holding));

  if (members.front().needs != 0) {
    Abilities all = 0;
    for (std::size_t i = 0; i < fleet.size(); ++i)
      all |= fleet.pool().abilities(static_cast<NodeIndex>(i));
    if ((all & kRunsImages) == 0)
      return refuse(job.container == Container::build ? "build" : "image",
                    "no node has a container engine that answers",
                    "a program of the nodes themselves, without an image");
    if ((members.front().needs & ~all) != 0)
      return refuse("build", "no node's container engine can build images",
                    "an image that is built already");
  }
  const Most most = most_of(fleet, members.front());
  const std::string kind = resources.gpu_type ? " of type " + *resources.gpu_type : "";
  if (resources.gpus > most.gpus) {
    std::string expected = fmt::format("at most {}", most.gpus);
    if (most.gpus == 0) {
      std::vector<std::string> models = fleet.model_names();
      std::ranges::sort(models);
      expected = models.empty() ? "0: no node has GPUs" : "one of the types that there are: ";
      for (std::size_t i = 0; i < models.size(); ++i) expected += (i == 0 ? "" : ", ") + models[i];
    }
    return refuse(
        most.gpus == 0 && resources.gpu_type ? "resources.gpu_type" : "resources.gpus",
        fmt::format("{} GPU{}{} on one node {} asked for", resources.gpus,
                    resources.gpus == 1 ? "" : "s", kind, resources.gpus == 1 ? "was" : "were"),
        expected);
  }
  if (resources.cpus > most.cpus)
    return refuse("resources.cpus",
                  fmt::format("{} processors on one node were asked for", resources.cpus),
                  fmt::format("at most {}", most.cpus));
  if (resources.memory.count > most.memory_bytes)
    return refuse("resources.memory",
                  fmt::format("{} on one node was asked for", format_bytes(resources.memory.count)),
                  "at most " + format_bytes(most.memory_bytes));
  if (members.front().is_share() && !most.shareable)
    return refuse("resources.gpu_milli", "a part of a GPU was asked for",
                  "a whole GPU: no GPU" + kind + " is marked as shareable");
  if (resources.gpu_memory && resources.gpu_memory->count > most.gpu_memory_bytes)
    return refuse("resources.gpu_memory",
                  fmt::format("GPUs{} with {} each were asked for", kind,
                              format_bytes(resources.gpu_memory->count)),
                  "at most " + format_bytes(most.gpu_memory_bytes));
  return refuse("resources", "no single node has all of " + describe_member(resources),
                "less of one of them");
}

}  // namespace galley::scheduler
