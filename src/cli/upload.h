#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "session.h"

namespace galley::cli {

struct Uploaded {
  Json manifest;  // as POST …/versions and …/snapshots take it
  std::int64_t sent_bytes = 0;
  std::int64_t size_bytes = 0;
};

/// Freezes a folder, or one file, and sends the server the chunks that it lacks, with a bar on
/// stderr. Nothing refers to them yet: post the manifest next.
/// Errors: those of blobs::freeze and of the server.
Result<Uploaded> upload(Session& session, const std::filesystem::path& path);

/// The same for some files of a folder, as one manifest; symbolic links are followed.
Result<Uploaded> upload_files(Session& session, std::span<const std::filesystem::path> files,
                              const std::string& title);

}  // namespace galley::cli
