#include "slurm_cluster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "process/child.h"

extern char** environ;

namespace galley::support {
namespace {

namespace fs = std::filesystem;
constexpr Millis kReadyTimeout{30'000};
constexpr Millis kPause{20};
constexpr std::int64_t kMostLog = 1 << 20;
// Slurm wants devices, and these are everywhere.
constexpr std::array<const char*, 4> kDevices{"/dev/null", "/dev/zero", "/dev/full", "/dev/random"};

Result<std::string> find_program(const std::string& name) {
  std::error_code ignored;
  for (const char* folder : {"/usr/sbin/", "/usr/bin/"})
    if (fs::exists(folder + name, ignored)) return folder + name;
  return Error{Errc::not_found,
               name + " is not installed",
               {},
               {},
               "apt-get install slurmctld slurmd slurm-client munge"};
}

/// Ports that were free a moment ago, all different because they are held until the last is found.
Result<std::vector<int>> free_ports(int count) {
  std::vector<UniqueFd> held;
  std::vector<int> ports;
  for (int i = 0; i < count; ++i) {
    UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
      return system_error("no free port", errno);
    ports.push_back(::ntohs(address.sin_port));
    held.push_back(std::move(probe));
  }
  return ports;
}

std::string short_host_name() {
  std::array<char, 256> name{};
  (void)::gethostname(name.data(), name.size() - 1);
  const std::string full = name.data();
  return full.substr(0, full.find('.'));
}

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());  // NOLINT(concurrency-mt-unsafe): one thread yet
  return entry != nullptr ? entry->pw_name : "root";
}

void kill_and_reap(pid_t& pid) {
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  pid = -1;
}

/// Processes whose environment began with that entry.
std::vector<pid_t> processes_with(const std::string& variable) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size() || pid == ::getpid()) continue;
    const auto text = read_file(entry.path() / "environ", kMostLog);
    if (!text) continue;
    const auto entries = split(*text, '\0');
    if (std::ranges::find(entries, std::string_view(variable)) != entries.end())
      found.push_back(pid);
  }
  return found;
}

}  // namespace

Result<SlurmCluster> SlurmCluster::start(const SlurmOptions& options) {
  for (const char* name : {"munged", "slurmctld", "slurmd", "sbatch"})
    GALLEY_TRY_STATUS(find_program(name));
  SlurmCluster cluster;
  // Short, since the path of munge's socket has to fit into a socket's address.
  std::string pattern = (fs::temp_directory_path() / "galley-slurm-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    return system_error("cannot make a temporary folder", errno);
  cluster.folder_ = pattern;
  cluster.node_count_ = options.nodes;
  for (int i = 1; i <= options.nodes; ++i) cluster.nodes_.push_back({"n" + std::to_string(i)});
  GALLEY_TRY_STATUS(cluster.configure(options));
  GALLEY_TRY_STATUS(cluster.start_munge());
  GALLEY_TRY_STATUS(cluster.start_controller());
  for (int i = 1; i <= options.nodes; ++i) GALLEY_TRY_STATUS(cluster.start_node(i));
  GALLEY_TRY_STATUS(cluster.wait_idle(options.nodes));
  return cluster;
}

SlurmCluster::SlurmCluster(SlurmCluster&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      node_count_(other.node_count_),
      munge_(std::exchange(other.munge_, {"munged"})),
      controller_(std::exchange(other.controller_, {"slurmctld"})),
      nodes_(std::exchange(other.nodes_, {})) {}

SlurmCluster::~SlurmCluster() {
  if (folder_.empty()) return;
  for (Daemon& node : nodes_) kill_and_reap(node.pid);
  kill_and_reap(controller_.pid);
  kill_jobs("SLURM_CONF=" + conf());
  kill_and_reap(munge_.pid);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Status SlurmCluster::configure(const SlurmOptions& options) {
  GALLEY_TRY(const auto ports, free_ports(options.nodes + 1));
  const std::string host = short_host_name();
  const std::string at = folder_.string();
  const std::string user = user_name();
  for (const char* part : {"munge", "state", "spool", "log", "run"})
    GALLEY_TRY_STATUS(make_folders(folder_ / part));
  ::chmod((folder_).c_str(), 0755);
  std::string text = "ClusterName=galley\nSlurmctldHost=" + host +
                     "(127.0.0.1)\nSlurmctldPort=" + std::to_string(ports[0]) +
                     "\nSlurmUser=" + user + "\nSlurmdUser=" + user +
                     "\nAuthType=auth/munge\nAuthInfo=socket=" + at + "/munge/socket\n" +
                     "CredType=cred/munge\nStateSaveLocation=" + at +
                     "/state\nSlurmctldPidFile=" + at + "/run/slurmctld.pid\nSlurmdPidFile=" + at +
                     "/run/%n.pid\nSlurmdSpoolDir=" + at + "/spool/%n\n" +
                     "SlurmdParameters=config_overrides\n"
                     "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n"
                     "SwitchType=switch/none\nMpiDefault=none\n"
                     "JobAcctGatherType=jobacct_gather/none\n"
                     "AccountingStorageType=accounting_storage/none\n"
                     "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\n"
                     "SchedulerType=sched/backfill\nGresTypes=gpu\nReturnToService=2\n"
                     "PropagateResourceLimits=NONE\n";
  for (const std::string& line : options.settings) text += line + "\n";
  std::string gres = "AutoDetect=off\n";
  for (int i = 1; i <= options.nodes; ++i) {
    const std::string name = "n" + std::to_string(i);
    GALLEY_TRY_STATUS(make_folders(folder_ / "spool" / name));
    text += "NodeName=" + name + " NodeHostname=" + host +
            " NodeAddr=127.0.0.1 Port=" + std::to_string(ports[static_cast<std::size_t>(i)]) +
            " CPUs=" + std::to_string(options.cpus) +
            " Boards=1 SocketsPerBoard=1 CoresPerSocket=" + std::to_string(options.cpus) +
            " ThreadsPerCore=1 RealMemory=4000 State=UNKNOWN";
    if (options.gpus > 0) text += " Gres=gpu:H100:" + std::to_string(options.gpus);
    text += "\n";
    if (options.gpus == 0) continue;
    std::string files;
    for (int gpu = 0; gpu < options.gpus; ++gpu)
      files += (gpu == 0 ? "" : ",") + std::string(kDevices.at(static_cast<std::size_t>(gpu)));
    gres += "NodeName=" + name + " Name=gpu Type=H100 File=" + files + "\n";
  }
  text += "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n";
  GALLEY_TRY_STATUS(write_file_atomic(folder_ / "gres.conf", gres, Durability::memory));
  return write_file_atomic(folder_ / "slurm.conf", text, Durability::memory);
}

Status SlurmCluster::begin(Daemon& daemon, std::vector<std::string> argv) const {
  GALLEY_TRY(argv.front(), find_program(argv.front()));
  argv.insert(argv.begin(), {"/usr/bin/setpriv", "--pdeathsig", "KILL"});
  std::vector<char*> words;
  for (std::string& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  std::string variable = "SLURM_CONF=" + conf();
  std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  // Names the node to whatever a daemon starts, so that kill_node() finds it.
  std::string name = "GALLEY_SLURM_DAEMON=" + folder_.string() + "/" + daemon.name;
  const std::array<char*, 4> environment{variable.data(), path.data(), name.data(), nullptr};
  const std::string log_file = (folder_ / "log" / daemon.name).string();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log_file.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const int failed =
      ::posix_spawn(&daemon.pid, words[0], &actions, &attributes, words.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed == 0) return ok();
  daemon.pid = -1;
  return system_error("cannot start " + daemon.name, failed);
}

Status SlurmCluster::start_munge() {
  constexpr std::size_t kKeyBytes = 64;
  const std::string at = (folder_ / "munge").string();
  GALLEY_TRY_STATUS(
      write_file_atomic(at + "/key", random_hex(kKeyBytes), Durability::memory, 0600));
  GALLEY_TRY_STATUS(begin(
      munge_, {"munged", "--foreground", "--key-file=" + at + "/key", "--socket=" + at + "/socket",
               "--pid-file=" + at + "/pid", "--log-file=" + at + "/log",
               "--seed-file=" + at + "/seed", "--num-threads=2"}));
  const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
  std::error_code ignored;
  while (!fs::exists(at + "/socket", ignored)) {
    if (std::chrono::steady_clock::now() > deadline)
      return Error{Errc::unavailable, "munged does not begin: " + log("munged")};
    std::this_thread::sleep_for(kPause);
  }
  return ok();
}

Status SlurmCluster::start_controller() { return begin(controller_, {"slurmctld", "-D", "-i"}); }

void SlurmCluster::stop_controller() {
  if (controller_.pid <= 0) return;
  ::kill(controller_.pid, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
  int status = 0;
  while (::waitpid(controller_.pid, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) return kill_and_reap(controller_.pid);
    std::this_thread::sleep_for(kPause);
  }
  controller_.pid = -1;
}

Status SlurmCluster::start_node(int number) {
  Daemon& node = nodes_.at(static_cast<std::size_t>(number) - 1);
  return begin(node, {"slurmd", "-D", "-N", node.name});
}

void SlurmCluster::kill_node(int number) {
  Daemon& node = nodes_.at(static_cast<std::size_t>(number) - 1);
  kill_and_reap(node.pid);
  // Who would still tell of the jobs' ends first: a machine that dies says nothing.
  kill_jobs("GALLEY_SLURM_DAEMON=" + folder_.string() + "/" + node.name);
  kill_jobs("SLURMD_NODENAME=" + node.name);
}

/// Kills until none is left: a process may fork while we look.
void SlurmCluster::kill_jobs(const std::string& variable) const {
  const std::string ours = "SLURM_CONF=" + conf();
  const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
  for (;;) {
    auto pids = processes_with(variable);
    // A node's name is not unique on the machine: another cluster may have one of that name.
    const auto all = processes_with(ours);
    std::erase_if(pids, [&](pid_t pid) { return std::ranges::find(all, pid) == all.end(); });
    if (pids.empty() || std::chrono::steady_clock::now() > deadline) return;
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(kPause);
  }
}

Status SlurmCluster::wait_idle(int nodes, Millis timeout) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::string said;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto states = run({"sinfo", "-h", "-N", "-o", "%t"});
    said = states ? *states : describe(states.error());
    if (states) {
      const auto lines = split(*states, '\n');
      const auto idle = std::ranges::count(lines, std::string_view("idle"));
      if (idle >= nodes) return ok();
    }
    std::this_thread::sleep_for(kPause);
  }
  return Error{Errc::timeout, "Slurm is not ready: " + said + "\n" + log("slurmctld") + log("n1")};
}

Result<std::string> SlurmCluster::run(const std::vector<std::string>& argv) const {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!std::string_view(*entry).starts_with("SLURM_CONF=")) environment.emplace_back(*entry);
  environment.push_back("SLURM_CONF=" + conf());
  GALLEY_TRY(const auto output,
             process::run_child(argv, {.timeout = kReadyTimeout, .env = environment}));
  if (!output.succeeded())
    return Error{Errc::unavailable, argv.front() + ": " + output.stderr_bytes};
  return output.stdout_bytes;
}

std::string SlurmCluster::log(const std::string& name) const {
  return read_file(folder_ / "log" / name, kMostLog).value_or("");
}

}  // namespace galley::support
