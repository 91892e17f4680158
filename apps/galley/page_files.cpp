#include "page_files.h"

#include "web_assets/assets.h"

namespace galley::app {

std::vector<api::StaticFile> page_files() {
  std::vector<api::StaticFile> files;
  for (const auto& asset : web_assets::all())
    files.push_back({asset.path, asset.content_type, asset.gzip, asset.etag, asset.immutable});
  return files;
}

}  // namespace galley::app
