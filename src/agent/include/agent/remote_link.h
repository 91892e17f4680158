#pragma once

#include <memory>
#include <string>

#include "agent/agent.h"
#include "agent/identity.h"
#include "base/clock.h"
#include "blobs/blob_store.h"

namespace galley::agent {

struct RemoteLinkOptions {
  Identity identity;
  std::filesystem::path data_folder;
  std::string version;  // of this program
  std::string address;  // where other nodes reach this one; empty: where its requests come from
  /// With less than this free on the disk of the data folder the node offers nothing: what runs
  /// must be able to write down how it ends while no controller can be reached.
  std::int64_t least_free_bytes = std::int64_t{256} << 20;
};

/// How an agent reaches controllers on other machines, over HTTP.
///
/// It attaches to the one that leads, waits for messages with a long poll, and goes on asking all
/// of them in turn, ever more slowly up to two seconds, while none answers. Jobs do not notice:
/// what they print and how they end lies in their folders, and reports answer `unavailable` until
/// they can be delivered. Messages are applied once, by their numbers; those of an older leader
/// than the newest that was ever obeyed are refused.
///
/// Logs are shipped as they grow, and are complete at the controller before it hears of an end.
///
/// Thread-safe. Five threads: one that attaches and polls, one for small messages, one for files,
/// one for logs, one for what must be stopped. The agent and the blob store must outlive stop().
class RemoteControllerLink final : public ControllerLink {
 public:
  /// Takes stock of what an agent before us has left running. Blocks for as long as processes take
  /// to die whose supervisor was killed. Errors: corrupt (a state file), those of the file system.
  static Result<std::unique_ptr<RemoteControllerLink>> open(RemoteLinkOptions options,
                                                            blobs::BlobStore& blobs,
                                                            const Clock& clock);
  ~RemoteControllerLink() override;

  /// Attaches and begins to take messages for this agent. When no controller can be reached that
  /// is no error: it goes on trying. Errors: the refusal of one that could.
  Status begin(Agent& agent);
  /// Breaks off what is under way; afterwards the agent is not called any more. Idempotent.
  void stop();

  /// GALLEY_TOKEN of a job that this link has handed to the agent.
  std::string job_token(const protocol::Assignment& assignment) const;

  void report(protocol::AttemptReport report, Done done) override;
  void progress(protocol::ProgressReport report, std::vector<FrozenFile> files, Done done) override;
  void heartbeat(protocol::NodeRecord node) override;
  void samples(protocol::NodeSample sample) override;
  Result<blobs::Manifest> dataset(std::string_view reference) override;
  void dataset_stored(const blobs::Manifest& manifest) override;
  Result<std::vector<std::string>> secrets(const AttemptId& attempt, std::int64_t rank) override;

 private:
  struct Impl;
  explicit RemoteControllerLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::agent
