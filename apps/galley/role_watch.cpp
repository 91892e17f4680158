#include "role_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace galley::app {

Result<RoleWatch> RoleWatch::open(const sigset_t& signals) {
  UniqueFd signal_fd(::signalfd(-1, &signals, SFD_CLOEXEC));
  if (!signal_fd) return system_error("signalfd", errno);
  UniqueFd event_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event_fd) return system_error("eventfd", errno);
  return RoleWatch(std::move(signal_fd), std::move(event_fd));
}

RoleWatch::Woken RoleWatch::wait() {
  for (;;) {
    std::array<pollfd, 2> ready{pollfd{signals_.get(), POLLIN, 0},
                                pollfd{changes_.get(), POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), -1) < 0) continue;  // EINTR
    if ((ready[0].revents & POLLIN) != 0) return Woken::stop;
    std::uint64_t changes = 0;
    if (::read(changes_.get(), &changes, sizeof changes) > 0) return Woken::changed;
  }
}

void RoleWatch::changed() {
  const std::uint64_t one = 1;
  (void)!::write(changes_.get(), &one, sizeof one);
}

}  // namespace galley::app
