#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "client_address.h"
#include "http/client.h"

namespace galley::http {

/// A connected stream whose every operation ends by a deadline. One thread.
/// Errors: unavailable (broken), timeout.
class ClientLink {
 public:
  virtual ~ClientLink() = default;
  /// 0 = the peer has closed.
  virtual Result<std::size_t> read(std::span<char> bytes, Instant deadline) = 0;
  /// False when the peer answered or hung up before it took all, which then it will not.
  virtual Result<bool> write(std::string_view bytes, Instant deadline) = 0;
  /// True when the link is open and has nothing to read, so that a new request can go over it.
  virtual bool quiet() const = 0;
};

/// Errors: unavailable (nobody listens, unknown host), timeout, forbidden (a local socket of
/// somebody else's), invalid_argument (a path that no socket address holds), unauthenticated (a
/// certificate that is not trusted).
Result<std::unique_ptr<ClientLink>> open_link(const ServerAddress& address,
                                              const ClientOptions& options);

/// TLS over another link.
Result<std::unique_ptr<ClientLink>> open_tls(std::unique_ptr<ClientLink> link,
                                             const ServerAddress& address,
                                             const ClientOptions& options, Instant deadline);

}  // namespace galley::http
