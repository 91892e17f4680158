#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/job_account.h"
#include "agent/shareable_gpus.h"
#include "base/clock.h"
#include "base/result.h"
#include "blobs/blob_store.h"
#include "blobs/manifest.h"
#include "cluster/inventory.h"
#include "cluster/topology_file.h"
#include "protocol/agent_messages.h"
#include "protocol/samples.h"

namespace galley::agent {

/// A file or folder that a job registered, frozen into the blob store by the agent.
struct FrozenFile {
  std::string path;  // as the job named it, made relative to its working folder where it lies below
  std::string kind;  // file, folder or checkpoint
  std::string manifest_sha256;
  std::int64_t size_bytes = 0;
  std::optional<std::int64_t> step{};  // of the numbers that it belongs to
};

/// What the agent tells its controller. `done` comes once the controller has stored it durably (or
/// refused it: conflict means that it knew already, and the agent goes on); unavailable means try
/// again. Calls may come from the agent's thread at any rate; implementations must not block.
class ControllerLink {
 public:
  using Done = std::function<void(Status)>;
  virtual ~ControllerLink() = default;
  virtual void report(protocol::AttemptReport report, Done done) = 0;
  virtual void progress(protocol::ProgressReport report, std::vector<FrozenFile> files,
                        Done done) = 0;
  /// Load and inventory as they change; the newest wins.
  virtual void heartbeat(protocol::NodeRecord node) = 0;
  /// What was measured since the last one, every sample_interval. Self-tests and Xids in it are
  /// told once: whoever cannot deliver it keeps those for the next.
  virtual void samples(protocol::NodeSample sample) { (void)sample; }
  /// The manifest of a frozen data set, by NAME@VERSION; may block. Its chunks are in the blob
  /// store.
  virtual Result<blobs::Manifest> dataset(std::string_view reference) = 0;
  /// It is a folder on this machine now: what was fetched for that may go. May block.
  virtual void dataset_stored(const blobs::Manifest& manifest) { (void)manifest; }
  /// The values of the secrets that the job of the attempt's member names, as "NAME=value"; may
  /// block.
  virtual Result<std::vector<std::string>> secrets(const AttemptId& attempt, std::int64_t rank) {
    (void)rank;
    return Error{Errc::unsupported, "this controller keeps no secrets for attempt " + attempt.str(),
                 "secrets"};
  }
};

class Runner;

struct Options {
  std::filesystem::path data_folder;  // DATA: attempts live in DATA/attempts/<attempt id>
  /// DATA is also the controller's, which keeps there what members elsewhere print: those of a gang
  /// that run here live below ranks/RANK, but for the first.
  bool shares_data_folder = false;
  std::filesystem::path supervisor_program;  // galley-job
  std::string server;                        // put into GALLEY_SERVER of each job
  std::function<std::string(const protocol::Assignment&)> job_token;  // GALLEY_TOKEN of each job
  NodeId node_id;
  std::string node_name;
  Millis heartbeat_interval{2'000};
  std::optional<cluster::TopologyFile> topology;  // instead of discovery
  ShareableGpus shareable_gpus;
  Millis sample_interval{5'000};
  std::string smi_program = "nvidia-smi";
  std::filesystem::path kernel_log = "/dev/kmsg";
  std::filesystem::path nvidia_driver = "/proc/driver/nvidia";
  std::vector<std::string> self_test;  // what a GPU must pass to return; empty: looks alone
  /// auto: the first of podman, docker and apptainer in PATH; none; or the one to use.
  std::string container_engine = "none";
  /// Data sets on the disk that no job uses go when there are more than this.
  std::int64_t dataset_cache_bytes = std::int64_t{1} << 60;
  JobsAs jobs_as;
  FindAccount find_account = agent::find_account;
  Runner* runner = nullptr;  // runs supervisors elsewhere; outlives the agent. Null: here
};

/// Runs jobs on this machine: prepares data sets, starts galley-job for each attempt, follows its
/// progress file, reports how it ends, and notices load and GPUs. All that it must remember is in
/// the attempts' folders: after a SIGKILL of this process a new agent adopts every attempt.
/// Thread-safe. One worker thread; slow work (materialising, freezing) has a second one, and GPUs
/// are looked at by a third. Destroying it stops the following and leaves the jobs alone; it waits
/// for the slow work under way. The link, the blob store and the clock must outlive it; a `done`
/// may come later still.
class Agent {
 public:
  /// Takes the machine's inventory and begins to send heartbeats. Blocks for at most 10 s,
  /// when nvidia-smi hangs. Errors: those of making DATA/attempts, an unreadable /proc, a topology
  /// file or shareable GPUs that do not fit this machine.
  static Result<std::unique_ptr<Agent>> start(Options options, ControllerLink& link,
                                              blobs::BlobStore& blobs, const Clock& clock);
  ~Agent();

  /// Runs an attempt, or takes it up where it is: known = adopted and reported on; unknown and
  /// `expected_running` = reported lost; else started. Idempotent.
  struct Assigned {
    protocol::Assignment assignment;
    bool expected_running = false;     // the controller has heard that it runs
    std::int64_t progress_offset = 0;  // how much of its progress is stored
  };
  void assign(Assigned assigned);
  /// Asks for its end (SIGTERM, grace, SIGKILL of the tree). Unknown attempts are ignored.
  void cancel(const AttemptId& attempt);
  /// Removes the attempt's folder with its log and files, once its end is stored; for one that
  /// still runs, when that has come. Data sets stay: other jobs share them.
  void forget(const AttemptId& attempt);

  /// Tests a GPU; the end comes with a sample.
  void self_test(const protocol::SelfTestRequest& request);

  protocol::NodeRecord node() const;
  std::filesystem::path attempt_folder(const AttemptId& attempt) const;

 private:
  struct Impl;
  explicit Agent(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::agent
