#include "listen_check.h"

#include <arpa/inet.h>

#include <string_view>

namespace galley::app {
namespace {

bool is_loopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  if (host == "localhost" || host == "[::1]") return true;
  in_addr four{};
  return ::inet_pton(AF_INET, host.c_str(), &four) == 1 && (ntohl(four.s_addr) >> 24U) == 127;
}

}  // namespace

Status check_listen(const std::vector<std::string>& addresses, bool tls, bool insecure) {
  if (tls || insecure) return ok();
  for (const std::string& address : addresses)
    if (!is_loopback(address))
      return Error{Errc::invalid_argument,
                   address +
                       " is reached by other machines, and without TLS tokens and data cross "
                       "the network in clear",
                   "--listen",
                   {},
                   "`galley tls init` makes a certificate for --tls-cert and --tls-key; --insecure "
                   "allows it as it is"};
  return ok();
}

}  // namespace galley::app
