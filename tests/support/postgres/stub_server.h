#pragma once

#include <string>
#include <thread>

#include "base/file.h"

namespace galley::testing {

/// Speaks just enough of PostgreSQL's protocol to be logged into as a server of that version: every
/// question is answered by one row of one column, "off".
class StubServer {
 public:
  explicit StubServer(std::string version);
  ~StubServer();
  std::string url() const;

 private:
  void serve() const;
  void converse(int fd) const;

  const std::string version_;
  UniqueFd listening_;
  int port_ = 0;
  std::jthread thread_;
};

}  // namespace galley::testing
