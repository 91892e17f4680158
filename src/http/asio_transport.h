#pragma once

#include <utility>  // Asio 1.74 uses std::exchange without it

#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>

#include "http/server.h"
#include "transport.h"

namespace galley::http {

using Socket = boost::asio::generic::stream_protocol::socket;

std::unique_ptr<Transport> make_plain_transport(Socket socket);

class TlsContext;
/// Errors: not_found, forbidden, invalid_argument (not PEM, or a key of another certificate).
Result<std::shared_ptr<TlsContext>> load_tls(const TlsFiles& files);
std::unique_ptr<Transport> make_tls_transport(Socket socket, TlsContext& context);

}  // namespace galley::http
