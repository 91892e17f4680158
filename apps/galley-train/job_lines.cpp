#include "job_lines.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

namespace {

std::atomic<bool> stop = false;
std::atomic<int> stop_signal = 0;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may set it");

void on_signal(int signal) {
  stop_signal = signal;
  stop = true;
}

}  // namespace

void print_key(const std::string& key, const std::string& value) {
  fmt::print("galley:: {}={}\n", key, value);
  std::fflush(stdout);
}

void print_note(const std::string& text) { fmt::print(stderr, "{}\n", text); }

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
}

const std::atomic<bool>& stop_requested() { return stop; }

int stopping_signal() { return stop_signal; }
