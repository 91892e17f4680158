#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace galley::http {

/// Header fields in the order they came. Names compare without regard to case.
class Headers {
 public:
  void set(std::string_view name, std::string value);  // replaces all fields of that name
  void add(std::string_view name, std::string value);
  /// The first value of that name, or empty.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// Who sent a request, as far as the transport knows.
struct Peer {
  std::string address;               // "127.0.0.1", or "unix"
  std::optional<std::uint32_t> uid;  // of the other process, on the local socket only
  bool tls = false;
};

/// A body that is kept in a file instead of memory; the file goes with the object.
/// One thread at a time.
class BodyFile {
 public:
  /// Makes an empty file in the folder. Errors: those of making it.
  static Result<std::shared_ptr<BodyFile>> create(const std::filesystem::path& folder);
  ~BodyFile();
  BodyFile(const BodyFile&) = delete;
  BodyFile& operator=(const BodyFile&) = delete;

  /// Errors: exhausted (disk full).
  Status append(std::string_view bytes);
  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }

 private:
  BodyFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

/// One request. Strings are owned: handlers may keep it as long as they like.
struct Request {
  std::string method;  // as sent; methods are case-sensitive
  std::string path;    // percent-decoded valid UTF-8, without the query
  std::string target;  // as sent
  Headers headers;
  std::string body;
  std::shared_ptr<BodyFile> body_file{};  // of routes that spool, instead of the body
  Peer peer;
  std::string id;  // request id: the caller's X-Request-Id when it is plain, else made by us

  std::map<std::string, std::string, std::less<>> path_params;  // {name} of the route's pattern
  std::vector<std::pair<std::string, std::string>> query;       // decoded, in order
  std::string principal;  // set by the authentication middleware; empty = nobody

  /// First query value of that name.
  std::optional<std::string_view> query_value(std::string_view name) const;
  /// The path parameter; the route's pattern guarantees that it is there.
  std::string_view param(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  /// Follows the body, without a copy: for what is large and the same for several who ask.
  std::shared_ptr<const std::string> shared_body{};

  static Response json(std::string body, int status = 200);
  static Response text(std::string body, int status = 200);
};

/// 4xx and 5xx of each Errc; the only place where the two meet.
int status_of(Errc code);
/// The inverse, for clients that must turn a status back into an Errc.
Errc errc_of(int status);

/// Adds Retry-After to 429 and 503. RFC 7807 problem+json {type, title, status, detail, field?,
/// expected?, hint?, request_id}.
Response problem(const Error& error, std::string_view request_id);

/// Percent-decoding of a path or query component; invalid_argument for "%zz" or a NUL byte.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);
std::string percent_encode(std::string_view text);

}  // namespace galley::http
