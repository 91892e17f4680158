#pragma once

#include "cli/upgrade.h"

namespace galley::app {

/// Finds out what `galley doctor --upgrade` judges: asks the other program, looks at the records
/// without changing them, and lets a program that tells nothing try an empty copy of their schema.
cli::UpgradeSources upgrade_sources();

}  // namespace galley::app
