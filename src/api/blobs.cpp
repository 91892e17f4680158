#include "auth_headers.h"
#include "blobs/blob_store.h"
#include "blobs/manifest.h"
#include "bodies.h"
#include "context.h"
#include "reply.h"

namespace galley::api {

void add_blob_routes(Endpoints& endpoints, Context& context) {
  const Json hashes = list_of(type_schema("string"));
  endpoints.add("POST", "/api/v1/blobs/missing", http::Run::pool,
                {.summary = "Says which of these chunks are not stored here yet.",
                 .request = protocol::schema_of<MissingBody>(),
                 .response = object_schema({{"missing", hashes}})},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(const auto body, body_as<MissingBody>(request));
                  GALLEY_TRY(const auto missing, context.services.blobs.missing(body.hashes));
                  return reply({{"missing", missing}});
                });
  endpoints.add(
      "PUT", "/api/v1/blobs/{sha256}", http::Run::pool,
      {.summary = "Stores a chunk of at most 4 MiB under its SHA-256.",
       .request = {{"type", "string"}, {"format", "binary"}},
       .status = 204,
       .request_type = "application/octet-stream"},
      [&context](const http::Request& request) -> Result<http::Response> {
        if (request.body.size() > static_cast<std::size_t>(blobs::kChunkBytes))
          return Error{Errc::too_large, "a chunk of " + std::to_string(request.body.size()) +
                                            " bytes is larger than the " +
                                            std::to_string(blobs::kChunkBytes) + " of a chunk"};
        GALLEY_TRY_STATUS(context.services.blobs.put(request.param("sha256"), request.body));
        return no_content();
      });
  endpoints.add("GET", "/api/v1/blobs/{sha256}", http::Run::pool,
                {.summary = "The bytes of a chunk or of a manifest.",
                 .content_type = "application/octet-stream"},
                [&context](const http::Request& request) -> Result<http::Response> {
                  GALLEY_TRY(auto bytes, context.services.blobs.get(request.param("sha256")));
                  http::Response response{200, {}, std::move(bytes)};
                  response.headers.set("Content-Type", "application/octet-stream");
                  // The name is the content, so it cannot change.
                  response.headers.set("Cache-Control", "private, max-age=31536000, immutable");
                  return response;
                });
}

}  // namespace galley::api
