#pragma once

#include <string>

#include "profiling/profile.h"

/// The pictures of each family of experiments, with captions; empty where nothing can be drawn.
namespace galley::profiling {

std::string plots_of_requests(const Experiment& experiment);
std::string plots_of_batches(const Experiment& experiment);
std::string plots_of_length(const Experiment& experiment);
std::string plots_of_budget(const Experiment& experiment);
std::string plots_of_batching(const Experiment& experiment);
std::string plots_of_warm_up(const Experiment& experiment);
std::string plots_of_settings(const Experiment& experiment);
std::string plots_of_differences(const Experiment& experiment);
std::string plots_of_quality(const Experiment& experiment);
std::string plots_of_machine(const Experiment& experiment);
std::string plots_of_capacity(const Experiment& experiment);

}  // namespace galley::profiling
