#include "drill_site.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"

namespace galley::testing {
namespace {

using support::ServerProcess;

constexpr int kTries = 6'000;  // of 5 ms

/// One that nobody has now: controllers must come back where their clients look for them.
int free_port() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  GALLEY_CHECK(::bind(socket.get(), raw, size) == 0 && ::getsockname(socket.get(), raw, &size) == 0,
               "a loopback port is free");
  return ntohs(address.sin_port);
}

template <class Condition>
Status wait_until(const Condition& holds, const std::string& what) {
  for (int i = 0; i < kTries; ++i) {
    if (holds()) return ok();
    ::usleep(5'000);
  }
  return Error{Errc::timeout, what + " has not come about within 30 s"};
}

std::string path_with(const std::filesystem::path& programs) {
  return "PATH=" + programs.string() + ":" + std::getenv("PATH");
}

}  // namespace

DrillSite::DrillSite() : database_(fresh_database()) {
  for (int& port : ports_) port = free_port();
}

DrillSite::~DrillSite() {
  for (auto& agent : agents_) agent.reset();
  for (auto& controller : controllers_) controller.reset();
  for (int i = 0; i < kAgents; ++i) support::end_supervisors(temp_ / agent_name(i));
}

std::string DrillSite::url(int index) const {
  return fmt::format("http://127.0.0.1:{}", ports_[static_cast<std::size_t>(index)]);
}

std::vector<std::string> DrillSite::urls() const {
  std::vector<std::string> all;
  for (int i = 0; i < kControllers; ++i) all.push_back(url(i));
  return all;
}

void DrillSite::stop_controller(int index) {
  auto& slot = controllers_[static_cast<std::size_t>(index)];
  if (slot) (void)slot->stop();
  slot.reset();
}

void DrillSite::kill_controller(int index) {
  controllers_[static_cast<std::size_t>(index)].reset();
}

Status DrillSite::start_controller(int index, const std::filesystem::path& programs) {
  stop_controller(index);
  auto& slot = controllers_[static_cast<std::size_t>(index)];
  GALLEY_TRY(auto process,
             ServerProcess::begin(
                 {.program = programs / "galley",
                  .data = data(),
                  .arguments = {"--database", database_, "--name", fmt::format("c{}", index)},
                  .environment = {path_with(programs)},
                  .role = "controller",
                  .listen = fmt::format("127.0.0.1:{}", ports_[static_cast<std::size_t>(index)])}));
  slot.emplace(std::move(process));
  GALLEY_TRY(auto asking, http::Client::open({.server = url(index), .retries = 0}));
  const Status answers = wait_until(
      [&] {
        const auto answer = asking->send({.target = "/healthz"});
        return answer && answer->status == 200;
      },
      "an answer of a controller");
  if (!answers) return Error{Errc::timeout, answers.error().message + ": " + slot->stderr_text()};
  if (!client_) {
    // The first that leads makes it.
    GALLEY_TRY_STATUS(wait_until(
        [&] {
          const auto token = read_file(data() / "token", 4096);
          token_ = token ? std::string(trim(*token)) : std::string();
          return !token_.empty();
        },
        "the token of the installation"));
    client_.emplace(urls(), token_);
  }
  return ok();
}

Status DrillSite::start_agent(int index, const std::filesystem::path& programs) {
  auto& slot = agents_[static_cast<std::size_t>(index)];
  if (slot) (void)slot->stop();
  slot.reset();
  const std::string name = agent_name(index);
  std::vector<std::string> arguments;
  if (!std::filesystem::exists(temp_ / name / "agent" / "identity.json")) {
    GALLEY_TRY(const Json made,
               client_->insist(post_call("/api/v1/nodes/join-tokens", Json::object())));
    arguments = {"--controller", fmt::format("{}", fmt::join(urls(), ",")), "--name", name,
                 "--join-token", made.at("token").get<std::string>()};
  }
  GALLEY_TRY(auto process, ServerProcess::start({.program = programs / "galley",
                                                 .data = temp_ / name,
                                                 .arguments = std::move(arguments),
                                                 .environment = {path_with(programs)},
                                                 .role = "agent"}));
  slot.emplace(std::move(process));
  return wait_for_node(index);
}

Result<int> DrillSite::leader() {
  GALLEY_TRY(const Json all, client_->get("/api/v1/controllers"));
  for (const Json& one : all.at("items"))
    if (one.at("role") == "leader") return one.at("name") == "c0" ? 0 : 1;
  return Error{Errc::unavailable, "no controller leads"};
}

Status DrillSite::wait_for_role(int index, const std::string& role) {
  const std::string name = fmt::format("c{}", index);
  return wait_until(
      [&] {
        const auto all = client_->get("/api/v1/controllers");
        if (!all) return false;
        for (const Json& one : all->at("items"))
          if (one.at("name") == name) return one.at("role") == role;
        return false;
      },
      name + " as " + role);
}

Status DrillSite::wait_for_node(int index) {
  return wait_until(
      [&] {
        const auto all = client_->get("/api/v1/nodes");
        if (!all) return false;
        for (const Json& one : all->at("items"))
          if (one.at("name") == agent_name(index)) return one.at("state") == "up";
        return false;
      },
      "node " + agent_name(index));
}

Result<process::ChildOutput> DrillSite::galley(const std::filesystem::path& programs,
                                               std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), (programs / "galley").string());
  return process::run_child(
      arguments, {.timeout = Millis{60'000},
                  .env = std::vector<std::string>{
                      path_with(programs), "HOME=" + temp_.path().string(), "LANG=C.UTF-8",
                      "GALLEY_DATA=" + data().string(), "GALLEY_TOKEN=" + token_,
                      fmt::format("GALLEY_SERVER={}", fmt::join(urls(), ","))}});
}

}  // namespace galley::testing
