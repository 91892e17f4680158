#include "api/static_pages.h"

#include <algorithm>
#include <array>
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

/// The paths of programs: what is not found there is a problem, never a page.
bool is_api(std::string_view path) {
  return path == "/metrics" || path == "/healthz" ||
         std::ranges::any_of(
             std::array<std::string_view, 3>{"/api", "/v1", "/v2"}, [&](std::string_view root) {
               return path == root || (path.starts_with(root) && path[root.size()] == '/');
             });
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

StaticPages::StaticPages(const std::vector<StaticFile>& files) {
  for (const auto& file : files) files_.emplace(file.path, file);
}

const StaticFile* StaticPages::find(const http::Request& request) const {
  if (is_api(request.path)) return nullptr;
  const std::string_view path = request.path == "/" ? kIndex : std::string_view(request.path);
  auto found = files_.find(path);
  const auto accept = request.headers.get("Accept");
  const bool opens = accepts(accept, "text/html") && !path.starts_with("/assets/");
  if (found == files_.end() && opens) found = files_.find(kIndex);
  return found == files_.end() ? nullptr : &found->second;
}

Result<http::Response> StaticPages::answer(const http::Request& request) const {
  if (const auto* file = find(request)) return send(*file, request);
  return Error{Errc::not_found, "there is nothing at " + request.path};
}

void add_static_routes(Endpoints& endpoints, Context& context) {
  const auto pages = std::make_shared<StaticPages>(context.services.pages);
  endpoints.add("GET", "/{path...}", http::Run::inline_on_io,
                {.summary = "The files of the web page.",
                 .content_type = "text/html",
                 .access = Access::anyone},
                [pages](const http::Request& request) { return pages->answer(request); });
}

}  // namespace galley::api
