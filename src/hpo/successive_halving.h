#pragma once

#include <memory>

#include "hpo/early_stopping.h"

namespace galley::hpo {

/// Synchronous brackets: eta^rungs trials start together, all wait at a rung for the slowest, the
/// best 1/eta go on. A full bracket opens the next, so that no GPU waits with the trials.
/// `cycle`: Hyperband, whose brackets take turns in starting at the first, second, ... rung with
/// as many trials as cost about the same.
std::unique_ptr<EarlyStopping> make_brackets(const StoppingSpec& spec, bool cycle);

}  // namespace galley::hpo
