#include "auth_headers.h"
#include "bodies.h"
#include "context.h"
#include "reply.h"

namespace galley::api {
namespace {

/// The page's address with a code in it; the page posts the code and removes it from the address.
std::string login_url(const Context& context, const http::Request& request,
                      const std::string& code) {
  std::string base = context.url();
  const auto host = request.headers.get("Host");
  // Whoever reached us by a name reaches us by it again; the local socket has no name.
  if (!request.peer.uid && !host.empty())
    base = (request.peer.tls ? "https://" : "http://") + std::string(host);
  return base + "/?code=" + code;
}

}  // namespace

void add_auth_routes(Endpoints& endpoints, Context& context) {
  endpoints.add(
      "POST", "/api/v1/login", http::Run::pool,
      {.summary = "Turns a one-time code into a session cookie.",
       .request = protocol::schema_of<LoginBody>(),
       .status = 204,
       .access = Access::anyone},
      [&context](const http::Request& request) -> Result<http::Response> {
        if (media_type(request.headers.get("Content-Type")) != "application/json")
          return Error{Errc::forbidden, "a login must have Content-Type: application/json"};
        GALLEY_TRY(const auto body, body_as<LoginBody>(request));
        if (const auto wait = context.auth->must_wait(request))
          return too_many(request, *wait,
                          "too many wrong credentials came from " + request.peer.address,
                          "wait, then open a new address of `galley login --web`");
        GALLEY_TRY(const auto secret, context.auth->login(body.code, request));
        auto response = no_content();
        const auto age = std::chrono::duration_cast<std::chrono::seconds>(Auth::kSessionLength);
        response.headers.set("Set-Cookie", std::string(Auth::kCookie) + "=" + secret +
                                               "; HttpOnly; SameSite=Strict; Path=/; Max-Age=" +
                                               std::to_string(age.count()) +
                                               (request.peer.tls ? "; Secure" : ""));
        return response;
      });
  endpoints.add(
      "POST", "/api/v1/login-codes", http::Run::pool,
      {.summary = "Makes a one-time code for another browser.",
       .response = object_schema({{"code", type_schema("string")}, {"url", type_schema("string")}}),
       .status = 201},
      [&context](const http::Request& request) -> Result<http::Response> {
        GALLEY_TRY(const auto who, context.auth->identify(request));
        const std::string code = context.auth->new_code(who.user ? who.user->name : "");
        GALLEY_TRY_STATUS(audit(context, request, "login_code.create", ""));
        return reply({{"code", code}, {"url", login_url(context, request, code)}}, 201);
      });
  endpoints.add("GET", "/api/v1/whoami", http::Run::inline_on_io,
                {.summary = "Says who the server takes you for.",
                 .response = object_schema({{"principal", type_schema("string")},
                                            {"role", type_schema("string")},
                                            {"version", type_schema("string")}})},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto who, context.auth->identify(request));
                  return reply({{"principal", who.principal},
                                {"role", to_string(who.role())},
                                {"version", context.services.version}});
                });
}

}  // namespace galley::api
