#include "failover/rig.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <thread>

#include "api_client.h"
#include "base/file.h"
#include "base/text.h"
#include "pretended_gpus.h"
#include "process/child.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr const char* kIp = "/usr/sbin/ip";
constexpr int kPort = 7420;
constexpr int kGpus = 4;  // of each machine
constexpr Millis kReady{30'000};
constexpr std::chrono::milliseconds kRigPoll{10};
// Room for the schema and the jobs of a run, and small enough to be filled in a moment.
constexpr const char* kDiskSize = "size=384m";

Status run_ip(std::vector<std::string> words) {
  words.insert(words.begin(), kIp);
  GALLEY_TRY(const auto output, process::run_child(words, {.timeout = Millis{5'000}}));
  if (output.succeeded()) return ok();
  return Error{Errc::unavailable,
               fmt::format("{} failed: {}", fmt::join(words, " "), trim(output.stderr_bytes))};
}

}  // namespace

Result<std::unique_ptr<TestNetwork>> TestNetwork::make(int namespaces) {
  if (::geteuid() != 0)
    return Error{Errc::forbidden, "network namespaces need root", {}, {}, "run it as root"};
  std::unique_ptr<TestNetwork> network(new TestNetwork);
  const std::string tag = random_hex(2);
  network->name_ = "gly" + tag;
  // Of the block for benchmarks (RFC 2544), a random part, so that two runs do not meet.
  network->prefix_ = fmt::format("198.18.{}", std::stoi(tag.substr(0, 2), nullptr, 16));
  if (::unshare(CLONE_NEWNET) != 0) return system_error("cannot make a network namespace", errno);
  GALLEY_TRY_STATUS(run_ip({"link", "set", "lo", "up"}));
  GALLEY_TRY_STATUS(run_ip({"link", "add", network->name_, "type", "bridge"}));
  GALLEY_TRY_STATUS(
      run_ip({"addr", "add", network->host_address() + "/24", "dev", network->name_}));
  GALLEY_TRY_STATUS(run_ip({"link", "set", network->name_, "up"}));
  for (int i = 0; i < namespaces; ++i) {
    const std::string space = network->space(i);
    const std::string inner = space + "i";
    GALLEY_TRY_STATUS(run_ip({"netns", "add", space}));
    network->spaces_ = i + 1;
    GALLEY_TRY_STATUS(run_ip({"link", "add", space, "type", "veth", "peer", "name", inner}));
    GALLEY_TRY_STATUS(run_ip({"link", "set", inner, "netns", space}));
    GALLEY_TRY_STATUS(run_ip({"link", "set", space, "master", network->name_, "up"}));
    GALLEY_TRY_STATUS(
        run_ip({"-n", space, "addr", "add", network->address(i) + "/24", "dev", inner}));
    GALLEY_TRY_STATUS(run_ip({"-n", space, "link", "set", inner, "up"}));
    GALLEY_TRY_STATUS(run_ip({"-n", space, "link", "set", "lo", "up"}));
  }
  return network;
}

TestNetwork::~TestNetwork() {
  for (int i = 0; i < spaces_; ++i) {
    (void)run_ip({"link", "del", space(i)});
    (void)run_ip({"netns", "del", space(i)});
  }
  if (!name_.empty()) (void)run_ip({"link", "del", name_});
}

std::vector<std::string> TestNetwork::enter(int index) const {
  return {kIp, "netns", "exec", space(index)};
}

Status TestNetwork::set_connected(int index, bool connected) {
  return run_ip({"link", "set", space(index), connected ? "up" : "down"});
}

Result<std::unique_ptr<FailoverRig>> FailoverRig::start(const std::filesystem::path& programs) {
  GALLEY_TRY(auto scratch, support::ScratchFolder::make());
  std::unique_ptr<FailoverRig> rig(new FailoverRig(std::move(scratch)));
  rig->programs_ = programs;
  GALLEY_TRY_STATUS(rig->begin());
  return rig;
}

FailoverRig::~FailoverRig() {
  for (auto& machine : machines_) machine.reset();
  for (auto& controller : controllers_) controller.reset();
  for (int i = 0; i < kMachines; ++i)
    support::end_supervisors(scratch_ / ("machine" + std::to_string(i)));
  database_.reset();
  if (mounted_) ::umount2((scratch_ / "disk").c_str(), MNT_DETACH);
}

Status FailoverRig::begin() {
  GALLEY_TRY(network_, TestNetwork::make(kControllers));
  GALLEY_TRY_STATUS(start_database());
  for (int i = 0; i < kControllers; ++i) GALLEY_TRY_STATUS(start_controller(i));
  GALLEY_TRY_STATUS(wait_for_leader());
  GALLEY_TRY(const std::string token, read_file(scratch_ / "shared" / "token", 4096));
  token_ = trim(token);
  for (int i = 0; i < kMachines; ++i) GALLEY_TRY_STATUS(start_machine(i));
  return ok();
}

Status FailoverRig::start_database() {
  const auto disk = scratch_ / "disk";
  GALLEY_TRY_STATUS(make_folders(disk));
  if (::mount("galley-bench", disk.c_str(), "tmpfs", 0, kDiskSize) != 0)
    return system_error("cannot mount a small disk", errno);
  mounted_ = true;
  // The server runs as nobody and must get there.
  std::filesystem::permissions(scratch_.path(), std::filesystem::perms(0711));
  std::filesystem::permissions(disk, std::filesystem::perms(0755));
  GALLEY_TRY(auto server,
             support::PostgresServer::start(
                 {.durable = true,
                  .settings = {"listen_addresses = '127.0.0.1," + network_->host_address() + "'",
                               "max_wal_size = 64MB"},
                  .parent = disk}));
  database_.emplace(std::move(server));
  GALLEY_TRY_STATUS(database_->make_database(kDatabase));
  return ok();
}

std::string FailoverRig::url(int controller) const {
  return fmt::format("http://{}:{}", network_->address(controller), kPort);
}

std::vector<std::string> FailoverRig::urls() const {
  std::vector<std::string> all;
  for (int i = 0; i < kControllers; ++i) all.push_back(url(i));
  return all;
}

void FailoverRig::kill_controller(int controller) {
  controllers_[static_cast<std::size_t>(controller)]->kill();
}

Status FailoverRig::start_controller(int controller) {
  auto& slot = controllers_[static_cast<std::size_t>(controller)];
  slot.reset();
  const std::string database = fmt::format("postgresql://galley@{}:{}/{}", network_->host_address(),
                                           database_->port(), kDatabase);
  GALLEY_TRY(
      auto process,
      support::ServerProcess::begin(
          {.program = programs_ / "galley",
           .data = scratch_ / "shared",
           .arguments = {"--database", database, "--insecure", "--host",
                         network_->address(controller), "--name", "c" + std::to_string(controller)},
           .role = "controller",
           .listen = fmt::format("{}:{}", network_->address(controller), kPort),
           .before = network_->enter(controller)}));
  slot.emplace(std::move(process));
  // Until it answers, standing by or leading.
  GALLEY_TRY(auto client, http::Client::open({.server = url(controller), .retries = 0}));
  const auto deadline = Steady::now() + kReady;
  while (true) {
    const auto answer = client->send({.target = "/healthz"});
    if (answer && answer->status == 200) return ok();
    if (Steady::now() > deadline)
      return Error{Errc::timeout, "a controller does not answer: " + slot->stderr_text()};
    std::this_thread::sleep_for(kRigPoll);
  }
}

std::optional<int> FailoverRig::leader() const {
  for (int i = 0; i < kControllers; ++i) {
    auto client = http::Client::open({.server = url(i),
                                      .connect_timeout = std::chrono::milliseconds(200),
                                      .timeout = std::chrono::milliseconds(500),
                                      .retries = 0});
    if (!client) continue;
    const auto answer = (*client)->send({.target = "/healthz"});
    if (answer && answer->status == 200 && answer->body == "ok") return i;
  }
  return std::nullopt;
}

Status FailoverRig::wait_for_leader() {
  const auto deadline = Steady::now() + kReady;
  while (!leader()) {
    if (Steady::now() > deadline) return Error{Errc::timeout, "no controller leads"};
    std::this_thread::sleep_for(kRigPoll);
  }
  return ok();
}

Status FailoverRig::start_machine(int machine) {
  const std::string name = "machine" + std::to_string(machine);
  const auto tools = scratch_ / (name + "-programs");
  GALLEY_TRY_STATUS(support::install(
      {.count = kGpus,
       .uuid_prefix = fmt::format("GPU-{}0000000-0000-0000-0000-00000000000", machine + 1)},
      tools));
  const auto leads = leader();
  if (!leads) return Error{Errc::unavailable, "no controller leads"};
  GALLEY_TRY(auto client, support::ApiClient::open(url(*leads), token_));
  GALLEY_TRY(const Json made, client.post("/api/v1/nodes/join-tokens", Json::object()));
  GALLEY_TRY(
      auto process,
      support::ServerProcess::start(
          {.program = programs_ / "galley",
           .data = scratch_ / name,
           .arguments = {"--controller", fmt::format("{}", fmt::join(urls(), ",")), "--join-token",
                         made.at("token").get<std::string>(), "--name", name},
           .environment = {"PATH=" + tools.string() + ":" + programs_.string() + ":" +
                           std::getenv("PATH")},
           .role = "agent"}));
  machines_[static_cast<std::size_t>(machine)].emplace(std::move(process));
  return ok();
}

std::string FailoverRig::said() const {
  constexpr std::size_t kTail = 4'000;
  std::string all;
  const auto add = [&](const std::string& who, const auto& process) {
    if (!process) return;
    const std::string words = process->stderr_text();
    all += fmt::format("--- {}\n{}\n", who,
                       words.substr(words.size() - std::min(words.size(), kTail)));
  };
  for (std::size_t i = 0; i < controllers_.size(); ++i) add(fmt::format("c{}", i), controllers_[i]);
  for (std::size_t i = 0; i < machines_.size(); ++i) add(fmt::format("machine{}", i), machines_[i]);
  return all;
}

Status FailoverRig::fill_disk() {
  const UniqueFd file(
      ::open((scratch_ / "disk" / "ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return system_error("cannot fill the disk", errno);
  for (std::size_t bytes = std::size_t{1} << 20; bytes > 0; bytes /= 2) {
    const std::string block(bytes, 'x');
    while (::write(file.get(), block.data(), block.size()) > 0) {
    }
  }
  return ok();
}

Status FailoverRig::free_disk() {
  std::error_code failed;
  std::filesystem::remove(scratch_ / "disk" / "ballast", failed);
  if (failed) return Error{Errc::unavailable, "cannot free the disk: " + failed.message()};
  // A server that could not write its log has ended.
  if (database_->run(kDatabase, "select 1")) return ok();
  (void)database_->crash();
  return database_->restart();
}

}  // namespace galley::bench
