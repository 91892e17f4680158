#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "eta_data.h"

namespace galley::bench {

/// Recovery after spliced changes of speed, and false alarms: figures by name.
std::map<std::string, double> measure_changes(const std::vector<RecordedRun>& runs,
                                              std::uint64_t seed);

}  // namespace galley::bench
