#pragma once

#include <span>
#include <string_view>

namespace galley::web_assets {

/// One file of the web page, as it is sent. All views live as long as the program.
struct Asset {
  std::string_view path;          // as requested: "/index.html", "/assets/index-DCX0BQq-.js"
  std::string_view content_type;  // with the charset
  std::string_view gzip;          // the body, for Content-Encoding: gzip
  std::string_view etag;          // quoted, of the uncompressed bytes
  bool immutable;                 // its name holds a hash of its content: may be cached for ever
};

/// Every file of the page, sorted by path; "/index.html" also answers the page's own addresses.
/// Safe from any thread.
std::span<const Asset> all();

}  // namespace galley::web_assets
