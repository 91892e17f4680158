#include "command.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "start_program.h"

namespace galley::process {
namespace {

/// What the child sends over the report pipe before it becomes the command; closing it without a
/// failure means success.
enum class Step : int { join, account, workdir, bind, bind_skipped, exec };
struct Report {
  Step step;
  int error;
  int index;  // of the bind or cgroup folder
};

/// Runs in the child, up to exec. Ordinary code is safe here, because the parent has one thread.
class Child {
 public:
  Child(const AttemptSpec& spec, const std::vector<UniqueFd>& joins, int report)
      : spec_(spec), joins_(joins), report_(report) {}

  [[noreturn]] void become(const std::string& attempt_folder, int output, bool rlimit_memory,
                           pid_t supervisor) {
    ::setpgid(0, 0);
    die_with(supervisor);
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(null, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    // Ours close on exec anyway; this is for what whoever started us left open.
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    for (std::size_t i = 0; i < joins_.size(); ++i)
      if (::write(joins_[i].get(), "0", 1) != 1) fail(Step::join, static_cast<int>(i));
    if (rlimit_memory) {
      // RLIMIT_DATA, not RLIMIT_AS: GPU runtimes reserve far more addresses than they use.
      const auto bytes = static_cast<rlim_t>(spec_.limits.memory_bytes);
      const rlimit limit{bytes, bytes};
      ::setrlimit(RLIMIT_DATA, &limit);
    }
    show_binds();
    if (spec_.account && spec_.become_account) {
      become_account(*spec_.account);
      die_with(supervisor);  // which the kernel forgets of one who becomes somebody else
    }
    if (::chdir(spec_.workdir.c_str()) != 0) fail(Step::workdir, 0);
    execute(attempt_folder);
  }

 private:
  static void die_with(pid_t supervisor) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != supervisor) ::_exit(1);  // it died before the line above
  }

  /// For good: no saved id is left to go back to.
  void become_account(const Account& account) {
    const gid_t gid = account.gid;
    // An account that is gone by now has no groups but its own.
    if (::initgroups(account.name.c_str(), gid) != 0 && ::setgroups(1, &gid) != 0)
      fail(Step::account, 0);
    if (::setresgid(gid, gid, gid) != 0 || ::setresuid(account.uid, account.uid, account.uid) != 0)
      fail(Step::account, 0);
  }

  [[noreturn]] void fail(Step step, int index) {
    send({step, errno, index});
    ::_exit(126);
  }

  void send(const Report& report) {
    // Far less than a pipe holds, so it never blocks or splits.
    if (::write(report_, &report, sizeof report) < 0) ::_exit(126);
  }

  void show_binds() {
    if (spec_.read_only_binds.empty()) return;
    const bool own_mounts = ::unshare(CLONE_NEWNS) == 0;
    if (!own_mounts) send({Step::bind_skipped, errno, 0});
    // Slave: file systems that the host mounts later still appear here, ours never there.
    if (own_mounts && ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
      fail(Step::bind, 0);
    for (std::size_t i = 0; i < spec_.read_only_binds.size(); ++i) {
      const ReadOnlyBind& bind = spec_.read_only_binds[i];
      const bool shown = own_mounts ? mount_read_only(bind) : link(bind);
      if (!shown) fail(Step::bind, static_cast<int>(i));
    }
  }

  static bool mount_read_only(const ReadOnlyBind& bind) {
    const char* target = bind.target.c_str();
    std::error_code error;
    std::filesystem::create_directories(bind.target, error);
    if (error) {
      errno = error.value();
      return false;
    }
    struct statvfs info {};
    if (::statvfs(bind.source.c_str(), &info) != 0) return false;
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;
    // A remount must keep these, or it would loosen them.
    if ((info.f_flag & ST_NOSUID) != 0) flags |= MS_NOSUID;
    if ((info.f_flag & ST_NODEV) != 0) flags |= MS_NODEV;
    if ((info.f_flag & ST_NOEXEC) != 0) flags |= MS_NOEXEC;
    return ::mount(bind.source.c_str(), target, nullptr, MS_BIND, nullptr) == 0 &&
           ::mount(nullptr, target, nullptr, flags, nullptr) == 0;
  }

  /// Without a mount namespace the data set's file modes keep it unchanged.
  static bool link(const ReadOnlyBind& bind) {
    if (::access(bind.source.c_str(), F_OK) != 0) return false;
    std::error_code error;
    std::filesystem::create_directories(bind.target.parent_path(), error);
    ::rmdir(bind.target.c_str());  // an empty folder made for a mount is in the way
    return ::symlink(bind.source.c_str(), bind.target.c_str()) == 0;
  }

  bool is_inherited(std::string_view name) const {
    return std::ranges::any_of(spec_.inherited_env, [&](std::string_view wanted) {
      if (!wanted.ends_with('*')) return name == wanted;
      wanted.remove_suffix(1);
      return name.starts_with(wanted);
    });
  }

  /// What whoever started the supervisor, such as a batch system, says of this very run.
  void inherit(std::vector<char*>& env) const {
    if (spec_.inherited_env.empty()) return;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text = *entry;
      const std::string_view name = text.substr(0, text.find('='));
      if (!is_inherited(name)) continue;
      std::erase_if(
          env, [&](std::string_view known) { return known.substr(0, known.find('=')) == name; });
      env.push_back(*entry);
    }
  }

  [[noreturn]] void execute(const std::string& attempt_folder) {
    std::vector<char*> argv;
    for (const std::string& text : spec_.argv) argv.push_back(const_cast<char*>(text.c_str()));
    argv.push_back(nullptr);
    std::string variable = std::string(kAttemptVariable) + "=" + attempt_folder;
    std::vector<char*> env;
    const std::string name = std::string(kAttemptVariable) + "=";
    for (const std::string& text : spec_.env)
      if (!text.starts_with(name)) env.push_back(const_cast<char*>(text.c_str()));
    inherit(env);
    env.push_back(variable.data());
    env.push_back(nullptr);

    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    environ = env.data();  // execvp looks the program up in the PATH of the command, not in ours
    ::execvp(argv[0], argv.data());
    fail(Step::exec, 0);
  }

  const AttemptSpec& spec_;
  const std::vector<UniqueFd>& joins_;
  int report_;
};

StartFailure describe_failure(const AttemptSpec& spec, const Report& report) {
  const std::string& program = spec.argv[0];
  const std::string why = std::strerror(report.error);
  const std::string whose =
      spec.account && spec.become_account ? " as " + spec.account->name : std::string();
  switch (report.step) {
    case Step::exec: {
      const int code = report.error == ENOENT ? 127 : 126;
      const bool is_path = program.find('/') != std::string::npos;
      const std::string file = program.starts_with('/') ? program : spec.workdir + "/" + program;
      if (report.error == ENOENT && is_path && ::access(file.c_str(), F_OK) == 0)
        return {"cannot start '" + program +
                    "': the interpreter or loader that the file names does not exist",
                code};
      return {"cannot start '" + program + "'" + whose + ": " + why, code};
    }
    case Step::workdir:
      return {"cannot start '" + program + "' in folder '" + spec.workdir + "'" + whose + ": " +
                  why +
                  (report.error == EACCES && !whose.empty()
                       ? "; all folders above it must let that account pass"
                       : ""),
              126};
    case Step::account:
      return {"cannot start '" + program + "'" + whose + ": " + why, 126};
    case Step::bind: {
      const auto& bind = spec.read_only_binds[static_cast<std::size_t>(report.index)];
      return {
          "cannot show '" + bind.source.string() + "' at '" + bind.target.string() + "': " + why,
          126};
    }
    case Step::join:
    case Step::bind_skipped:
      break;
  }
  return {"cannot put '" + program + "' into its cgroup: " + why, 126};
}

/// Reads reports until the child has become the command or has failed.
StartFailure* read_reports(int fd, const AttemptSpec& spec, StartedCommand& command,
                           StartFailure& failure) {
  Report report{};
  for (;;) {
    const ssize_t count = ::read(fd, &report, sizeof report);
    if (count < 0 && errno == EINTR) continue;
    if (count != static_cast<ssize_t>(sizeof report)) return nullptr;
    if (report.step == Step::bind_skipped) {
      command.bind_note = std::strerror(report.error);
      continue;
    }
    failure = describe_failure(spec, report);
    return &failure;
  }
}

StartFailure cannot_prepare(const AttemptSpec& spec, const Error& error) {
  return {"cannot start '" + spec.argv[0] + "': " + describe(error), 126};
}

}  // namespace

std::variant<StartedCommand, StartFailure> start_command(const AttemptSpec& spec,
                                                         const std::string& attempt_folder,
                                                         const Cgroup* cgroup, bool rlimit_memory) {
  auto output = make_pipe();
  auto reports = make_pipe();
  if (!output || !reports) return cannot_prepare(spec, output ? reports.error() : output.error());
  ::fcntl(output->read_end.get(), F_SETPIPE_SZ,
          static_cast<int>(kOutputPipeBytes));  // refused: the default will do
  // A program that opens /dev/stderr anew must be allowed to.
  if (spec.account && ::fchown(output->write_end.get(), spec.account->uid, spec.account->gid) != 0)
    return cannot_prepare(spec, system_error("give the output to " + spec.account->name, errno));
  std::vector<UniqueFd> joins;
  if (cgroup != nullptr) {
    auto opened = cgroup->open_joins();
    if (!opened) return cannot_prepare(spec, opened.error());
    joins = *std::move(opened);
  }

  const pid_t supervisor = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return cannot_prepare(spec, system_error("fork", errno));
  if (pid == 0)
    Child(spec, joins, reports->write_end.get())
        .become(attempt_folder, output->write_end.get(), rlimit_memory, supervisor);
  ::setpgid(pid, pid);  // both sides do it, so that it is done whoever runs first
  output->write_end.reset();
  reports->write_end.reset();

  StartedCommand command;
  command.pid = pid;
  StartFailure failure;
  if (read_reports(reports->read_end.get(), spec, command, failure) != nullptr) {
    ::waitpid(pid, nullptr, 0);
    return failure;
  }
  ::fcntl(output->read_end.get(), F_SETFL, O_NONBLOCK);
  command.output = std::move(output->read_end);
  return command;
}

}  // namespace galley::process
