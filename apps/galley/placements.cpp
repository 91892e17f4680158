#include "placements.h"

#include <algorithm>

#include "base/log.h"

namespace galley::app {

Status show_channels(const registry::Registry& registry, serving::ModelHost& models) {
  const auto loaded = models.loaded();
  GALLEY_TRY(const auto channels, registry.channels());
  for (const registry::Channel& channel : channels) {
    const bool shown = std::ranges::any_of(loaded, [&](const serving::ModelHost::Loaded& one) {
      return one.placement.model == channel.model && one.placement.channel == channel.channel &&
             one.placement.generation == channel.generation;
    });
    if (shown) continue;
    GALLEY_TRY(const auto snapshot, registry.get(registry::Kind::model, channel.snapshot_id.str()));
    const auto applied = models.apply({.model = channel.model,
                                       .channel = channel.channel,
                                       .snapshot_id = snapshot.id.str(),
                                       .snapshot_ref = registry::reference(snapshot),
                                       .manifest_sha256 = snapshot.manifest_sha256,
                                       .generation = channel.generation});
    if (!applied)
      log::warn("up", "a deployed snapshot cannot be loaded",
                {{"snapshot", registry::reference(snapshot)}, {"why", describe(applied.error())}});
  }
  return ok();
}

}  // namespace galley::app
