#include "free_checkpoints.h"

#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "blobs/freeze.h"
#include "hpo/study_events.h"
#include "protocol/checkpoint.h"

namespace galley::studies {
namespace {

using protocol::CheckpointSource;

constexpr std::string_view kCheckpointed = "checkpointed ";

std::optional<CheckpointSource> source_of(const std::string& name) {
  // Names that other programs told of are theirs to keep.
  auto source = protocol::parse_checkpoint(name);
  if (!source || source->manifest_sha256.empty()) return std::nullopt;
  return *std::move(source);
}

/// Checkpoints of all other studies, also of those that are over.
Status add_other_studies(store::Transaction& transaction, const StudyId& study,
                         std::set<std::string>& manifests) {
  GALLEY_TRY(const auto rows,
             transaction.query("select lines from study_journal where study_id <> :1"
                               " and lines like '%checkpointed %'",
                               {study.str()}));
  for (const auto& row : rows) {
    const std::string lines = row.text(0);
    for (const std::string_view line : split(lines, '\n')) {
      if (!line.starts_with(kCheckpointed)) continue;
      GALLEY_TRY(const hpo::Event event, hpo::decode_event(line));
      if (const auto source = source_of(event.text)) manifests.insert(source->manifest_sha256);
    }
  }
  return ok();
}

Status add_jobs(store::Transaction& transaction, std::set<std::string>& manifests) {
  GALLEY_TRY(const auto rows,
             transaction.query("select spec from jobs where state in"
                               " ('queued', 'starting', 'running', 'cancelling')"));
  for (const auto& row : rows) {
    GALLEY_TRY(const Json spec, parse_json(row.text(0)));
    const auto named = spec.find("checkpoint");
    if (named == spec.end() || !named->is_string()) continue;
    if (const auto source = source_of(named->get<std::string>()))
      manifests.insert(source->manifest_sha256);
  }
  return ok();
}

/// What is gone is not listed among a run's files.
Status take_from_lists(store::Transaction& transaction,
                       const std::vector<CheckpointSource>& unneeded) {
  for (const CheckpointSource& one : unneeded)
    GALLEY_TRY_STATUS(transaction.execute(
        "delete from artifacts where run_id = :1 and path = :2 and kind = 'checkpoint'"
        " and manifest_sha256 = :3",
        {one.run.str(), one.path, one.manifest_sha256}));
  return ok();
}

/// All manifests that must stay, but for those of the study itself.
Result<std::set<std::string>> other_roots(store::Transaction& transaction, const StudyId& study) {
  std::set<std::string> roots;
  GALLEY_TRY(const auto rows,
             transaction.query("select manifest_sha256 from artifacts"
                               " union select manifest_sha256 from snapshots"
                               " union select manifest_sha256 from logged_model_artifacts"));
  for (const auto& row : rows) roots.insert(row.text(0));
  GALLEY_TRY_STATUS(add_jobs(transaction, roots));
  GALLEY_TRY_STATUS(add_other_studies(transaction, study, roots));
  return roots;
}

}  // namespace

Result<FreedCheckpoints> free_checkpoints(store::Database& database, blobs::BlobStore& blobs,
                                          const StudyId& study,
                                          const std::set<std::string>& unneeded,
                                          const std::set<std::string>& needed, WallTime before) {
  FreedCheckpoints freed;
  std::vector<CheckpointSource> gone;
  for (const std::string& name : unneeded)
    if (auto source = source_of(name); source && blobs.has(source->manifest_sha256))
      gone.push_back(*std::move(source));
  if (gone.empty()) return freed;
  GALLEY_TRY_STATUS(database.write(
      [&](store::Transaction& transaction) { return take_from_lists(transaction, gone); }));
  std::set<std::string> roots;
  GALLEY_TRY_STATUS(database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(roots, other_roots(transaction, study));
    return ok();
  }));
  for (const std::string& name : needed)
    if (const auto source = source_of(name)) roots.insert(source->manifest_sha256);

  std::unordered_set<std::string> reachable;
  for (const std::string& root : roots) {
    if (!blobs.has(root)) continue;  // freed before
    reachable.insert(root);
    GALLEY_TRY(const auto manifest, blobs::get_manifest(blobs, root));
    for (const auto& file : manifest.files)
      reachable.insert(file.chunks.begin(), file.chunks.end());
  }
  for (const CheckpointSource& one : gone) {
    if (!blobs.has(one.manifest_sha256)) continue;
    if (reachable.contains(one.manifest_sha256)) {
      ++freed.left;
      continue;
    }
    GALLEY_TRY(const auto manifest, blobs::get_manifest(blobs, one.manifest_sha256));
    bool is_gone = true;
    for (const std::string& chunk : manifest.chunks()) {
      if (reachable.contains(chunk)) continue;
      GALLEY_TRY(const bool was_removed, blobs.remove_unused(chunk, before));
      is_gone = is_gone && (was_removed || !blobs.has(chunk));
    }
    // The manifest last: it is what tells the next look that there is something left.
    if (is_gone) {
      GALLEY_TRY(is_gone, blobs.remove_unused(one.manifest_sha256, before));
    }
    freed.checkpoints += is_gone ? 1 : 0;
    freed.bytes += is_gone ? manifest.size_bytes() : 0;
    freed.left += is_gone ? 0 : 1;
  }
  return freed;
}

}  // namespace galley::studies
