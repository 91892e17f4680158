#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/remote_link.h"
#include "allocation_table.h"
#include "lane.h"
#include "log_shipper.h"
#include "protocol/fleet_messages.h"
#include "remote_session.h"
#include "slow_worker.h"

namespace galley::agent {

/// Destroyed from the bottom up: the poll first, then the logs, then the workers that they feed.
struct RemoteControllerLink::Impl {
  Impl(RemoteLinkOptions chosen, blobs::BlobStore& store, const Clock& by, EpochMemory newest,
       std::string mark);
  ~Impl();

  // Of the poll thread (and of begin(), before that runs).
  Status take_stock();
  Status attach_anywhere();
  /// What a controller that does not lead says.
  struct Standby {
    bool answered = false;
    std::string leader;  // empty: none that it knows of
  };
  Status attach_at(const std::string& address, Standby& standby);
  protocol::AttachRequest attach_request() const;
  void serve();
  Status poll(const RemoteSession::Attached& attached);
  Status apply_all(std::string_view body);
  void apply(const Json& json, std::int64_t seq);
  void apply(protocol::AssignMessage message);
  void cancel(const AttemptId& attempt);
  /// By this process, whatever has become of it.
  bool is_assigned(const AttemptId& attempt) const;
  void forget(const AttemptId& attempt);

  void refuse(const protocol::Assignment& assignment, std::string reason);
  void end_stray(const AttemptId& attempt);
  void send_heartbeat();
  void send_sample();
  Status send_report(const protocol::AttemptReport& report);
  Status send_progress(const protocol::ProgressReport& report, const std::vector<FrozenFile>& files,
                       Lane& lane);
  /// What the node offers, or nothing of it while its disk is full.
  protocol::NodeRecord offered(protocol::NodeRecord node) const;
  std::filesystem::path folder_of(const AttemptId& attempt) const {
    return options.data_folder / "attempts" / attempt.str();
  }

  const RemoteLinkOptions options;
  blobs::BlobStore& blobs;
  const Clock& clock;
  EpochMemory epoch;
  const std::string machine;
  std::unique_ptr<AllocationTable> table;
  RemoteSession session;
  Agent* agent = nullptr;
  std::int64_t applied_seq = 0;
  std::size_t rounds = 0;  // of asking for a session

  mutable std::mutex mutex;                     // guards what follows
  std::map<AttemptId, std::string> job_tokens;  // of what this process has handed to the agent
  std::optional<protocol::NodeRecord> newest;   // to be sent
  bool heartbeat_queued = false;
  std::optional<protocol::NodeSample> sample;  // the newest, with all that is told once
  bool sample_queued = false;

  // Of the worker for heartbeats.
  std::string sent_record;   // all but the load, as last sent
  std::string sent_session;  // in this session

  Lane attach_lane;
  Lane poll_lane;
  Lane data_lane;  // of the agent's slow thread
  Lane pulse_lane;
  Lane small_lane;
  Lane bulk_lane;
  SlowWorker strays;
  SlowWorker bulk;
  SlowWorker small;
  SlowWorker pulse;
  std::unique_ptr<LogShipper> shipper;
  std::thread thread;
};

}  // namespace galley::agent
