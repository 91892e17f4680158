#include "blob_exchange.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "blobs/freeze.h"

namespace galley::agent {
namespace {

constexpr std::size_t kNamesOfOneQuestion = 1'000;

Result<std::vector<std::string>> missing_there(std::span<const std::string> names, Lane& lane,
                                               const std::string& address) {
  GALLEY_TRY(const auto answer, lane.send(address, {.method = "POST",
                                                    .target = "/internal/v1/blobs/missing",
                                                    .body = dump_json({{"hashes", names}})}));
  GALLEY_TRY(const Json json, parse_json(answer.body));
  std::vector<std::string> missing;
  const auto list = json.is_object() ? json.find("missing") : json.end();
  if (list == json.end() || !list->is_array())
    return Error{Errc::corrupt, "the controller's answer about chunks cannot be read"};
  for (const Json& name : *list)
    if (name.is_string()) missing.push_back(name.get<std::string>());
  return missing;
}

}  // namespace

Status upload_frozen(const std::string& manifest_sha256, blobs::BlobStore& blobs, Lane& lane,
                     const std::string& address, WallTime now) {
  GALLEY_TRY(const auto manifest, blobs::get_manifest(blobs, manifest_sha256));
  const std::vector<std::string> chunks = manifest.chunks();
  for (std::size_t at = 0; at < chunks.size(); at += kNamesOfOneQuestion) {
    const auto names =
        std::span(chunks).subspan(at, std::min(kNamesOfOneQuestion, chunks.size() - at));
    GALLEY_TRY(const auto missing, missing_there(names, lane, address));
    for (const std::string& name : missing) {
      GALLEY_TRY(auto bytes, blobs.get(name));
      GALLEY_TRY_STATUS(lane.send(
          address,
          {.method = "PUT", .target = "/internal/v1/blobs/" + name, .body = std::move(bytes)}));
    }
  }
  GALLEY_TRY_STATUS(lane.send(address, {.method = "PUT",
                                        .target = "/internal/v1/manifests/" + manifest_sha256,
                                        .body = blobs::print_manifest(manifest)}));
  // What a freeze under way counts on was used since then, and stays. A copy that cannot be removed
  // now goes when the agent next begins.
  for (const std::string& name : chunks) (void)blobs.remove_unused(name, now);
  return ok();
}

Result<blobs::Manifest> fetch_manifest(std::string_view reference, Lane& lane,
                                       const std::string& address) {
  GALLEY_TRY(const auto answer, lane.send(address, {.target = "/internal/v1/datasets/" +
                                                              http::percent_encode(reference)}));
  return blobs::parse_manifest(answer.body);
}

Status fetch_chunks(const blobs::Manifest& manifest, blobs::BlobStore& blobs, Lane& lane,
                    const std::string& address) {
  GALLEY_TRY(const auto missing, blobs.missing(manifest.chunks()));
  for (const std::string& name : missing) {
    GALLEY_TRY(const auto answer, lane.send(address, {.target = "/internal/v1/blobs/" + name}));
    GALLEY_TRY_STATUS(blobs.put(name, answer.body));
  }
  return ok();
}

}  // namespace galley::agent
