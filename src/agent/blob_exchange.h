#pragma once

#include <string>
#include <string_view>

#include "agent/agent.h"
#include "blobs/blob_store.h"
#include "blobs/manifest.h"
#include "lane.h"

namespace galley::agent {

/// Uploads what the controller lacks of a frozen folder, chunks first and the manifest last, and
/// then lets go of the copies here. Blocks. Errors: those of the lane; not_found or corrupt (here).
Status upload_frozen(const std::string& manifest_sha256, blobs::BlobStore& blobs, Lane& lane,
                     const std::string& address, WallTime now);

/// The manifest of a data set, by NAME@VERSION. Errors: not_found; those of the lane.
Result<blobs::Manifest> fetch_manifest(std::string_view reference, Lane& lane,
                                       const std::string& address);
/// Downloads the chunks that are not here. Each is verified. Blocks. Errors: those of the lane,
/// exhausted (disk full).
Status fetch_chunks(const blobs::Manifest& manifest, blobs::BlobStore& blobs, Lane& lane,
                    const std::string& address);

}  // namespace galley::agent
