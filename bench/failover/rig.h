#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres_server.h"
#include "scratch_folder.h"
#include "server_process.h"

namespace galley::bench {

/// A network of this process alone: the calling thread, and what it starts from now on, moves into
/// a namespace of its own with a bridge, to which a namespace for each controller is connected.
/// Nothing outside can be reached. Needs root. Removed by the destructor and with the process.
class TestNetwork {
 public:
  /// Errors: forbidden (not root), unavailable (what `ip` said).
  static Result<std::unique_ptr<TestNetwork>> make(int namespaces);
  ~TestNetwork();

  std::string host_address() const { return prefix_ + ".1"; }
  std::string address(int index) const { return prefix_ + "." + std::to_string(10 + index); }
  std::string subnet() const { return prefix_ + ".0/24"; }
  /// Words that start a program in that namespace.
  std::vector<std::string> enter(int index) const;
  /// Cuts it off from everybody, or connects it again.
  Status set_connected(int index, bool connected);

 private:
  TestNetwork() = default;
  std::string space(int index) const { return name_ + "n" + std::to_string(index); }

  std::string name_;
  std::string prefix_;
  int spaces_ = 0;
};

/// PostgreSQL on a small disk of its own, controllers in network namespaces, and machines with four
/// pretended GPUs each: all real processes, ended by the destructor. One thread.
class FailoverRig {
 public:
  static constexpr int kControllers = 3;
  static constexpr int kMachines = 2;

  static Result<std::unique_ptr<FailoverRig>> start(const std::filesystem::path& programs);
  ~FailoverRig();

  std::string url(int controller) const;
  std::vector<std::string> urls() const;
  const std::string& token() const { return token_; }
  /// Who says that it leads.
  std::optional<int> leader() const;
  Status wait_for_leader();

  pid_t pid(int controller) const { return controllers_[controller]->pid(); }
  void kill_controller(int controller);
  Status start_controller(int controller);
  TestNetwork& network() { return *network_; }
  support::PostgresServer& database() { return *database_; }
  /// Fills the database's disk to the last byte, and frees it again.
  Status fill_disk();
  Status free_disk();

  /// The last words of every process: for the message when a run goes wrong.
  std::string said() const;

  std::filesystem::path folder(const std::string& name) const { return scratch_ / name; }
  static constexpr const char* kDatabase = "galley";

 private:
  explicit FailoverRig(support::ScratchFolder scratch) : scratch_(std::move(scratch)) {}
  Status begin();
  Status start_database();
  Status start_machine(int machine);

  std::filesystem::path programs_;
  support::ScratchFolder scratch_;
  std::unique_ptr<TestNetwork> network_;
  bool mounted_ = false;
  std::optional<support::PostgresServer> database_;
  std::array<std::optional<support::ServerProcess>, kControllers> controllers_;
  std::array<std::optional<support::ServerProcess>, kMachines> machines_;
  std::string token_;
};

}  // namespace galley::bench
