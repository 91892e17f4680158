#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "blobs/blob_store.h"
#include "file_reader.h"
#include "protocol/agent_messages.h"

namespace galley::agent {

struct FrozenFiles {
  std::vector<FrozenFile> files;
  std::string faults;  // one sentence for each file that could not be kept; empty if none
};

/// Freezes what a job registered into the blob store. A file that is missing, changes meanwhile,
/// may not be read by the job or cannot be stored becomes a fault and stops nothing. A link at the
/// end of a path is followed, as in `checkpoint=latest`. Blocks while files are read.
FrozenFiles freeze_files(const std::vector<protocol::ProgressReport::File>& files,
                         const std::filesystem::path& workdir, const FileReader& reader,
                         blobs::BlobStore& blobs);

}  // namespace galley::agent
