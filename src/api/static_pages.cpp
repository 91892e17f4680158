#include <algorithm>
#include <map>
#include <memory>

#include "auth_headers.h"
#include "context.h"
#include "inflate.h"

namespace galley::api {
namespace {

constexpr std::string_view kIndex = "/index.html";
// Only what we serve ourselves runs or loads, and no page may frame ours.
constexpr std::string_view kPolicy =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors "
    "'none'";

using Pages = std::map<std::string_view, StaticFile, std::less<>>;

/// The paths of programs: what is not found there is a problem, never a page.
bool is_api(std::string_view path) {
  return path == "/metrics" || path == "/healthz" ||
         std::ranges::any_of(
             std::array<std::string_view, 3>{"/api", "/v1", "/v2"}, [&](std::string_view root) {
               return path == root || (path.starts_with(root) && path[root.size()] == '/');
             });
}

/// The file of that path; for any other path that a browser opens, the page itself, which finds its
/// view in the address.
const StaticFile* find(const Pages& pages, const http::Request& request) {
  if (is_api(request.path)) return nullptr;
  const std::string_view path = request.path == "/" ? kIndex : std::string_view(request.path);
  auto found = pages.find(path);
  const auto accept = request.headers.get("Accept");
  const bool opens = accepts(accept, "text/html") && !path.starts_with("/assets/");
  if (found == pages.end() && opens) found = pages.find(kIndex);
  return found == pages.end() ? nullptr : &found->second;
}

bool names_etag(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

Result<http::Response> send(const StaticFile& file, const http::Request& request) {
  http::Response response;
  auto& headers = response.headers;
  headers.set("Content-Type", std::string(file.content_type));
  headers.set("Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  headers.set("ETag", std::string(file.etag));
  headers.set("Vary", "Accept-Encoding");
  headers.set("Content-Security-Policy", std::string(kPolicy));
  headers.set("X-Content-Type-Options", "nosniff");
  // The address may hold a login code, which nobody else should see.
  headers.set("Referrer-Policy", "no-referrer");
  if (!file.etag.empty() && names_etag(request.headers.get("If-None-Match"), file.etag)) {
    response.status = 304;
    return response;
  }
  if (accepts(request.headers.get("Accept-Encoding"), "gzip")) {
    headers.set("Content-Encoding", "gzip");
    response.body = file.gzip;
    return response;
  }
  GALLEY_TRY(response.body, inflate_gzip(file.gzip));
  return response;
}

}  // namespace

void add_static_routes(Endpoints& endpoints, Context& context) {
  const auto pages = std::make_shared<Pages>();
  for (const auto& file : context.services.pages) pages->emplace(file.path, file);
  endpoints.add("GET", "/{path...}", http::Run::inline_on_io,
                {.summary = "The files of the web page.",
                 .content_type = "text/html",
                 .access = Access::anyone},
                [pages](const http::Request& request) -> Result<http::Response> {
                  if (const auto* file = find(*pages, request)) return send(*file, request);
                  return Error{Errc::not_found, "there is nothing at " + request.path};
                });
}

}  // namespace galley::api
