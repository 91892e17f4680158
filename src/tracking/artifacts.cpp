#include <algorithm>
#include <array>

#include "blobs/format.h"
#include "blobs/manifest.h"
#include "checks.h"
#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

using store::Transaction;

constexpr std::array<std::string_view, 3> kKinds{"file", "folder", "checkpoint"};

}  // namespace

std::string_view to_string(ArtifactKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

Result<ArtifactKind> parse_artifact_kind(std::string_view word) {
  const auto found = std::ranges::find(kKinds, word);
  if (found != kKinds.end()) return static_cast<ArtifactKind>(found - kKinds.begin());
  return Error{Errc::invalid_argument,
               "'" + std::string(word.substr(0, 40)) + "' is not a kind of artifact", "kind",
               "file, folder or checkpoint"};
}

Status add_artifact(Transaction& transaction, const RunId& run, const Artifact& artifact) {
  GALLEY_TRY_STATUS(blobs::check_path(artifact.path));
  if (!blobs::is_blob_name(artifact.manifest_sha256) || artifact.size_bytes < 0)
    return Error{Errc::invalid_argument,
                 "artifact " + artifact.path + " of run " + run.str() +
                     " needs the SHA-256 of a manifest and a size",
                 "manifest_sha256", "64 lower-case hexadecimal characters"};
  GALLEY_TRY_STATUS(require_run(transaction, run));
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into artifacts (run_id, path, kind, manifest_sha256, size_bytes, created_ms, step)"
      " values (:1, :2, :3, :4, :5, :6, :7) on conflict (run_id, path) do update set"
      " kind = excluded.kind, manifest_sha256 = excluded.manifest_sha256,"
      " size_bytes = excluded.size_bytes, created_ms = excluded.created_ms,"
      " step = excluded.step",
      {run.str(), artifact.path, std::string(to_string(artifact.kind)), artifact.manifest_sha256,
       artifact.size_bytes, to_ms(artifact.created),
       artifact.step ? store::Value(*artifact.step) : store::Value(nullptr)}));
  GALLEY_TRY(
      const auto count,
      transaction.query_one("select count(*) from artifacts where run_id = :1", {run.str()}));
  if (count->integer(0) > static_cast<std::int64_t>(kMaxArtifacts))
    return Error{Errc::too_large, "run " + run.str() + " would have more than " +
                                      std::to_string(kMaxArtifacts) + " artifacts"};
  return tell(transaction, run, artifact.created, "artifact");
}

Status Tracking::add_artifact(const RunId& run, const Artifact& artifact) {
  Artifact stamped = artifact;
  stamped.created = clock_.wall();
  return database_.write(
      [&](Transaction& transaction) { return tracking::add_artifact(transaction, run, stamped); });
}

Result<std::vector<Artifact>> Tracking::artifacts(const RunId& run) const {
  std::vector<Artifact> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(require_run(transaction, run));
    GALLEY_TRY(const auto rows,
               transaction.query("select path, kind, manifest_sha256, size_bytes, created_ms,"
                                 " step from artifacts where run_id = :1 order by path",
                                 {run.str()}));
    for (const store::Row& row : rows) {
      GALLEY_TRY(const auto kind, parse_artifact_kind(row.text(1)));
      Artifact artifact{row.text(0), kind, row.text(2), row.integer(3), from_ms(row.integer(4))};
      if (!row.is_null(5)) artifact.step = row.integer(5);
      found.push_back(std::move(artifact));
    }
    return ok();
  }));
  return found;
}

}  // namespace galley::tracking
