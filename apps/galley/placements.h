#pragma once

#include "registry/registry.h"
#include "serving/model_host.h"

namespace galley::app {

/// Shows what every channel points at. A server that was killed between a channel's move and its
/// placement would otherwise serve the snapshot before. A snapshot that cannot be loaded is logged:
/// one broken model must not keep the others from being served. Errors: the store's.
Status show_channels(const registry::Registry& registry, serving::ModelHost& models);

}  // namespace galley::app
