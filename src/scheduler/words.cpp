#include "words.h"

#include <fmt/format.h>

#include "base/units.h"

namespace galley::scheduler {

std::string describe_member(const protocol::Resources& resources) {
  std::string text;
  if (resources.gpus > 0) {
    text = resources.gpu_milli && *resources.gpu_milli < 1000
               ? fmt::format("{} thousandths of a GPU", *resources.gpu_milli)
               : fmt::format("{} GPU{}", resources.gpus, resources.gpus == 1 ? "" : "s");
    if (resources.gpu_type) text += " of type " + *resources.gpu_type;
    if (resources.gpu_memory && resources.gpu_memory->count > 0)
      text += " with " + format_bytes(resources.gpu_memory->count);
    text += resources.memory.count > 0 ? ", " : " and ";
  }
  text += fmt::format("{} processor{}", resources.cpus, resources.cpus == 1 ? "" : "s");
  if (resources.memory.count > 0) text += " and " + format_bytes(resources.memory.count);
  return text;
}

std::string describe_request(const protocol::Resources& resources) {
  const std::string member = describe_member(resources);
  return resources.nodes > 1 ? fmt::format("{} on each of {} nodes", member, resources.nodes)
                             : member;
}

}  // namespace galley::scheduler
