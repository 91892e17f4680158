#pragma once

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <string>

namespace galley::app {

/// Signals must be blocked before the first thread starts, so that all threads inherit the mask and
/// only wait_for_stop() sees them.
sigset_t block_stop_signals();
void wait_for_stop(const sigset_t& signals);
/// Whether one came within the time.
bool stops_within(const sigset_t& signals, std::chrono::seconds time);

/// "localhost" where the machine has no name.
std::string host_name();
/// Where this program and its siblings lie.
std::filesystem::path program_folder();

}  // namespace galley::app
