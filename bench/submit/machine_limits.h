#pragma once

#include <filesystem>

#include "base/result.h"

namespace galley::bench {

/// Median milliseconds of posix_spawn and wait for /bin/true: no job can be done sooner.
Result<double> measure_spawn_wait_ms();
/// Median milliseconds of appending 4 KiB to a file in `folder` and fdatasync.
Result<double> measure_fdatasync_ms(const std::filesystem::path& folder);

}  // namespace galley::bench
