#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

namespace galley::testing {

/// The exit status of a child that means "this machine does not allow the setting".
inline constexpr int kNotPossible = 77;

/// Runs `body` in a forked child and answers its exit status. A failed expectation in the child is
/// printed by the child and becomes status 1. The caller must not have started threads.
inline int in_child(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return 1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Runs `body` in a child that sees an empty file system of `size` ("2m") at `folder`.
inline int with_small_disk(const std::filesystem::path& folder, const std::string& size,
                           const std::function<void()>& body) {
  return in_child([&] {
    const std::string options = "size=" + size;
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) != 0)
      ::_exit(kNotPossible);
    body();
  });
}

/// Runs `body` in a child to whom read-only folders are read-only, even when we are root.
inline int as_nobody(const std::function<void()>& body) {
  constexpr unsigned kNobody = 65534;
  return in_child([&] {
    if (::geteuid() == 0 && (::setresgid(kNobody, kNobody, kNobody) != 0 ||
                             ::setresuid(kNobody, kNobody, kNobody) != 0))
      ::_exit(kNotPossible);
    body();
  });
}

}  // namespace galley::testing
