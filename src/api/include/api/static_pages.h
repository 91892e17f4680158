#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace galley::api {

/// A file of the web page, compressed. The views must stay valid as long as what uses them.
struct StaticFile {
  std::string_view path;  // "/index.html", "/assets/app-1f3c.js"
  std::string_view content_type;
  std::string_view gzip;
  std::string_view etag;   // with its quotes
  bool immutable = false;  // its name changes with its content
};

/// Answers with the files of the page: compressed where the browser takes it, with the policy that
/// lets only our own files run. Thread-safe.
class StaticPages {
 public:
  explicit StaticPages(const std::vector<StaticFile>& files);

  /// For an address that a browser opens, the page itself, which finds its view in the address.
  /// Errors: not_found, which programs get for every path of theirs.
  Result<http::Response> answer(const http::Request& request) const;
  bool has(std::string_view path) const { return files_.contains(path); }

 private:
  const StaticFile* find(const http::Request& request) const;

  std::map<std::string_view, StaticFile, std::less<>> files_;
};

}  // namespace galley::api
