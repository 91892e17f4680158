#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "http/message.h"

namespace galley::http {

enum class Framing { length, chunked, until_close };

struct HeadOptions {
  Framing framing = Framing::length;
  std::size_t body_bytes = 0;
  bool keep_alive = true;
  bool http10 = false;
  std::string_view request_id{};
};

/// 1xx, 204 and 304 answers have no body, whatever a handler put there.
bool status_has_body(int status);

/// Prints response heads. One thread.
class HeadWriter {
 public:
  /// Framing, connection, date and request id are ours; a handler's own fields of those names are
  /// left out, as are line breaks and control characters in its values.
  void append(std::string& out, const Response& response, const HeadOptions& options);

 private:
  std::string_view date_line();

  std::time_t date_second_ = 0;
  std::string date_line_;  // made once a second: printing it costs as much as the rest of a head
};

}  // namespace galley::http
