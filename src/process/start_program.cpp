#include "start_program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>

namespace galley::process {
namespace {

/// The C library's two spawn objects, destroyed together.
struct SpawnPlan {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

Result<pid_t> spawn(const SpawnRequest& request) {
  if (request.argv.empty() || request.argv[0].empty())
    return Error{Errc::invalid_argument, "cannot start a program without a name"};

  SpawnPlan plan;
  // Lifted out of the way first, so that placing one descriptor never overwrites the next source.
  std::vector<UniqueFd> lifted;
  const int first_free = static_cast<int>(request.fds.size());
  for (int target = 0; target < first_free; ++target) {
    const int source = request.fds[static_cast<std::size_t>(target)];
    UniqueFd copy(::fcntl(source, F_DUPFD_CLOEXEC, first_free));
    if (!copy) return system_error("cannot pass a descriptor to '" + request.argv[0] + "'", errno);
    ::posix_spawn_file_actions_adddup2(&plan.actions, copy.get(), target);
    lifted.push_back(std::move(copy));
  }
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, first_free);
  if (!request.workdir.empty())
    ::posix_spawn_file_actions_addchdir_np(&plan.actions, request.workdir.c_str());

  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  ::posix_spawnattr_setpgroup(&plan.attributes, 0);
  const int group = request.new_session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
  ::posix_spawnattr_setflags(
      &plan.attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));

  const auto argv = pointers(request.argv);
  const auto env = pointers(request.env);
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, argv[0], &plan.actions, &plan.attributes, argv.data(), env.data());
  if (error == 0) return pid;
  std::string what = "cannot start '" + request.argv[0] + "'";
  if (error == ENOENT && !request.workdir.empty() && ::access(request.workdir.c_str(), F_OK) != 0)
    what = "cannot enter folder '" + request.workdir + "' to start '" + request.argv[0] + "'";
  return system_error(what, error);
}

std::vector<std::string> own_environment() {
  std::vector<std::string> list;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    list.emplace_back(*entry);
  return list;
}

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace galley::process
