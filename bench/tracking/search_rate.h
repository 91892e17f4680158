#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"

namespace galley::bench {

/// How long readers wait, without HTTP, medians over repetitions:
///   search_100k_ms      of the slowest of several searches of `runs` runs with 50 metrics each,
///                       filtered, ordered by a metric, 100 a page; each as search_100k_NAME_ms
///   downsample_1m_ms    2,000 points of a series of 1,000,000
Result<std::map<std::string, double>> measure_reads(std::int64_t runs);

}  // namespace galley::bench
