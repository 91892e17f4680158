#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "blobs/blob_store.h"
#include "protocol/agent_messages.h"

namespace galley::agent {

struct FrozenFiles {
  std::vector<FrozenFile> files;
  std::string faults;  // one sentence for each file that could not be kept; empty if none
};

/// Freezes what a job registered into the blob store. A file that is missing, changes meanwhile or
/// cannot be stored becomes a fault and stops nothing. A link at the end of a path is followed, as
/// in `checkpoint=latest`. `scratch` is a folder of ours on the attempt's file system; what is put
/// there is removed again. Blocks while files are read.
FrozenFiles freeze_files(const std::vector<protocol::ProgressReport::File>& files,
                         const std::filesystem::path& workdir, const std::filesystem::path& scratch,
                         blobs::BlobStore& blobs);

}  // namespace galley::agent
