#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/clock.h"
#include "blobs/blob_store.h"
#include "store/database.h"
#include "studies/studies.h"

namespace galley::studies {

struct FreedCheckpoints {
  std::int64_t checkpoints = 0;
  std::int64_t bytes = 0;  // of their files
  std::int64_t left = 0;   // checkpoints whose content is still there, for now or for others
};

/// Removes the content of the checkpoints `unneeded` (RUN/PATH@SHA256) of a study, and takes them
/// from the lists of their runs' files. What anything else may reach stays: the study's checkpoints
/// in `needed`, every other study's, files of runs, snapshots, logged models, jobs that have not
/// ended; and whatever was put or asked for at or after `before`. Where it cannot be said what
/// something reaches, nothing is removed. Asking again for what is gone costs a look.
///
/// Reads all manifests of the installation when there is something to remove.
/// Errors: the store's; those of reading a manifest that must stay.
Result<FreedCheckpoints> free_checkpoints(store::Database& database, blobs::BlobStore& blobs,
                                          const StudyId& study,
                                          const std::set<std::string>& unneeded,
                                          const std::set<std::string>& needed, WallTime before);

}  // namespace galley::studies
