#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace galley {

/// "32GiB", "1.5 GB", "4096": bytes. KiB/MiB/GiB/TiB are powers of 1024, KB/MB/GB/TB of 1000, and
/// the short K/M/G/T are powers of 1024, as in Slurm and Kubernetes' Ki family.
/// Errors: invalid_argument (not a size, negative, or past 2^62).
Result<std::int64_t> parse_bytes(std::string_view text);
/// "32 GiB", "1.5 MiB", "17 B": at most one decimal.
std::string format_bytes(std::int64_t bytes);

/// "90m", "1h30m", "2d", "500ms", "45s", or plain seconds "45". Errors: invalid_argument.
Result<Millis> parse_duration(std::string_view text);
/// "350 ms", "4.2 s", "3 min 5 s", "2 h 4 min", "3 d 2 h": for people.
std::string format_duration(Millis duration);

}  // namespace galley
