// The manifest reader: what it accepts it prints back byte for byte, and every path is safe.
#include <cstdint>

#include "blobs/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = blobs::parse_manifest(text);
  if (!manifest) return 0;
  GALLEY_CHECK(blobs::print_manifest(*manifest) == text, "one text for a content");
  for (const auto& file : manifest->files) {
    GALLEY_CHECK(file.path.front() != '/' && file.path.find("..") != 0, "paths stay inside");
    GALLEY_CHECK(manifest->find(file.path) == &file, "files are sorted");
  }
  GALLEY_CHECK(blobs::diff(*manifest, *manifest) == blobs::ManifestDiff{}, "no change");
  return 0;
}
