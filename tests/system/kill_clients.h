#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api_client.h"

namespace galley::testing {

/// What a client wants to happen and what it was told. One client object lives through all kills;
/// work() runs on a thread of its own between two of them and returns once the server is gone or
/// the round's share is done. Everything else is read when no thread works.
class LoadClient {
 public:
  explicit LoadClient(std::uint64_t seed) : random_(seed) {}
  virtual ~LoadClient() = default;
  virtual void work(support::ApiClient& client, const std::atomic<bool>& over) = 0;
  /// Answers that no kill explains.
  const std::vector<std::string>& complaints() const { return complaints_; }

 protected:
  /// Notes an error unless it is what a dying server looks like to its client.
  void complain_unless_gone(const std::string& what, const Error& error);
  std::mt19937_64 random_;

 private:
  std::vector<std::string> complaints_;
};

enum class Program { quick, printing, sleeping };

struct WantedJob {
  std::string key;  // idempotency key, and what the program calls itself
  Program program = Program::quick;
  bool wants_gpu = false;
  std::string id{};        // empty until a 201 was read
  bool cancelled = false;  // until the cancellation was acknowledged
};

/// Folders that the jobs' programs share.
struct JobFolders {
  std::filesystem::path root;
  std::filesystem::path ledger() const { return root / "ledger"; }
  std::filesystem::path violations() const { return root / "violations"; }
};

/// The exact output of a printing job.
std::string expected_log(const std::string& key);
inline constexpr int kPrintedSteps = 20;
/// The values of its metric `loss`, by step: step + 0.25.
std::vector<double> expected_losses();

/// Submits jobs, retries under the same idempotency key what was not answered, cancels sleepers.
class JobClient final : public LoadClient {
 public:
  JobClient(std::string name, JobFolders folders, std::uint64_t seed)
      : LoadClient(seed), name_(std::move(name)), folders_(std::move(folders)) {}
  void work(support::ApiClient& client, const std::atomic<bool>& over) override;
  /// Submits what was never answered and cancels all sleepers, on a server that stays.
  Status finish(support::ApiClient& client);
  const std::vector<WantedJob>& jobs() const { return jobs_; }

 private:
  Status submit(support::ApiClient& client, WantedJob& job);
  Status cancel(support::ApiClient& client, WantedJob& job);
  Status catch_up(support::ApiClient& client, bool cancel_all);
  WantedJob make_job();

  std::string name_;
  JobFolders folders_;
  std::vector<WantedJob> jobs_;
};

/// Makes runs and reports points to them.
class MetricClient final : public LoadClient {
 public:
  using LoadClient::LoadClient;
  void work(support::ApiClient& client, const std::atomic<bool>& over) override;

  struct Recorded {
    std::string id;
    std::map<std::int64_t, double> acknowledged;
    std::map<std::int64_t, double> unknown;  // sent, never answered
  };
  const std::vector<Recorded>& runs() const { return runs_; }

 private:
  std::vector<Recorded> runs_;
};

struct FrozenFolder {
  std::string id;
  std::map<std::string, std::string> files;  // path -> bytes
};

/// Freezes data sets.
class DatasetClient final : public LoadClient {
 public:
  DatasetClient(std::string name, std::uint64_t seed) : LoadClient(seed), name_(std::move(name)) {}
  void work(support::ApiClient& client, const std::atomic<bool>& over) override;
  const std::vector<FrozenFolder>& frozen() const { return frozen_; }

 private:
  std::string name_;
  std::vector<FrozenFolder> frozen_;
};

/// Freezes snapshots of one model, deploys them to one channel and rolls it back.
class ChannelClient final : public LoadClient {
 public:
  /// `files` are a loadable model's, by path; each snapshot adds a note of its own to them.
  ChannelClient(std::string model, std::string channel, std::map<std::string, std::string> files,
                std::uint64_t seed)
      : LoadClient(seed),
        model_(std::move(model)),
        channel_(std::move(channel)),
        files_(std::move(files)) {}
  void work(support::ApiClient& client, const std::atomic<bool>& over) override;

  struct Move {
    std::int64_t generation = 0;
    std::string snapshot_id;
    bool operator==(const Move&) const = default;
  };
  const std::string& model() const { return model_; }
  const std::string& channel() const { return channel_; }
  const std::vector<Move>& moves() const { return moves_; }  // acknowledged, in order
  int unknown_moves() const { return unknown_moves_; }       // sent, never answered
  const std::vector<FrozenFolder>& frozen() const { return frozen_; }

 private:
  Status deploy(support::ApiClient& client);
  Status roll_back(support::ApiClient& client);
  void note_move(const Json& answer);

  std::string model_;
  std::string channel_;
  std::map<std::string, std::string> files_;
  std::vector<Move> moves_;
  std::vector<FrozenFolder> frozen_;
  int unknown_moves_ = 0;
  int made_ = 0;
};

/// Uploads the files' chunks and posts their manifest to `target`; answers the new snapshot.
Result<FrozenFolder> push_folder(support::ApiClient& client, const std::string& target,
                                 std::map<std::string, std::string> files);

}  // namespace galley::testing
