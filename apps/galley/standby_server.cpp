#include "standby_server.h"

#include "protocol/controllers.h"

namespace galley::app {

Result<std::unique_ptr<StandbyServer>> StandbyServer::start(
    const SiteOptions& options, std::function<std::optional<std::string>()> leader) {
  http::Router router;
  router.add("GET", "/healthz", http::Run::inline_on_io,
             [](const http::Request&) { return http::Response::text("standby"); });
  const auto refuse = [leader = std::move(leader)](const http::Request& request) {
    const auto url = leader();
    Error error{Errc::unavailable, "this controller stands by: another one leads"};
    error.hint = url ? "ask " + *url : "try again: a leader is being elected";
    http::Response response = http::problem(error, request.id);
    if (url) response.headers.set(protocol::kLeaderHeader, *url);
    return response;
  };
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"})
    router.add(method, "/{path...}", http::Run::inline_on_io, refuse);
  http::ServerOptions server_options;
  server_options.listen = options.listen;
  if (!options.tls_certificate.empty())
    server_options.tls = http::TlsFiles{options.tls_certificate, options.tls_key};
  GALLEY_TRY(auto server, http::Server::start(std::move(server_options), std::move(router)));
  return std::unique_ptr<StandbyServer>(new StandbyServer(std::move(server)));
}

}  // namespace galley::app
