#include "stop.h"

#include <signal.h>

#include <atomic>

namespace galley::support {
namespace {

std::atomic<bool> stop = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void on_signal(int) { stop = true; }

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

bool stop_requested() { return stop; }

Status check_stop() {
  if (stop) return Error{Errc::unavailable, "stopped on request"};
  return ok();
}

}  // namespace galley::support
