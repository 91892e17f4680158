#include "interrupts.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace galley::cli {

Interrupts::Interrupts(std::function<void(int)> handler) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_IGN) ::sigaddset(&set, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &set, &previous_);
  signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
  stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  GALLEY_CHECK(signals_ && stop_, "two descriptors for the handling of Ctrl-C");
  thread_ = std::thread([this, handler = std::move(handler)] {
    std::array<pollfd, 2> ready{{{signals_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    for (int count = 1;;) {
      if (::poll(ready.data(), ready.size(), -1) < 0) {
        if (errno == EINTR) continue;
        return;
      }
      if (ready[1].revents != 0) return;
      signalfd_siginfo info{};
      if (::read(signals_.get(), &info, sizeof info) == sizeof info) handler(count++);
    }
  });
}

Interrupts::~Interrupts() {
  const std::uint64_t one = 1;
  if (::write(stop_.get(), &one, sizeof one) == sizeof one)
    thread_.join();
  else
    thread_.detach();
  ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

void exit_interrupted() {
  constexpr int kInterrupted = 130;
  ::_exit(kInterrupted);
}

}  // namespace galley::cli
