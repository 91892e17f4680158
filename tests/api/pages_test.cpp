#include "fixture.h"

namespace galley::api {
namespace {

class Pages : public ApiFixture {
 protected:
  const std::string html_ = "Accept: text/html,*/*;q=0.8";
  const std::string gzip_ = "Accept-Encoding: gzip";
};

TEST_F(Pages, ThePageIsSentAsItIsStoredOrPlain) {
  EXPECT_THAT(raw("GET", "/", {html_, gzip_}),
              AllOf(HasSubstr("Content-Encoding: gzip\r\n"), HasSubstr(index_),
                    HasSubstr("Cache-Control: no-cache"), HasSubstr("ETag: \"i1\"")));
  EXPECT_THAT(raw("GET", "/", {html_}),
              AllOf(HasSubstr("<title>Galley</title>"), Not(HasSubstr("Content-Encoding"))));
  EXPECT_THAT(
      raw("GET", "/assets/app.js", {}),
      AllOf(HasSubstr("console.log(1)"), HasSubstr("immutable"), HasSubstr("text/javascript")));
  EXPECT_THAT(raw("GET", "/", {html_, "If-None-Match: \"i1\""}), StartsWith("HTTP/1.1 304"));
}

TEST_F(Pages, NobodyFramesThePageOrReadsItsAddress) {
  EXPECT_THAT(
      raw("GET", "/?code=secret", {html_}),
      AllOf(HasSubstr("Content-Security-Policy: default-src 'self';"),
            HasSubstr("frame-ancestors 'none'"), HasSubstr("X-Content-Type-Options: nosniff"),
            HasSubstr("Referrer-Policy: no-referrer")));
}

TEST_F(Pages, AViewsAddressOpensThePageAndAProgramsDoesNot) {
  EXPECT_THAT(raw("GET", "/jobs/job_1", {html_}), HasSubstr("<title>Galley</title>"));
  EXPECT_THAT(raw("GET", "/jobs/job_1", {}), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(raw("GET", "/assets/gone.js", {html_}), StartsWith("HTTP/1.1 404"));
  const std::string owner = "Authorization: Bearer " + std::string(kToken);
  EXPECT_THAT(raw("GET", "/api/v1/nothing", {html_, owner}), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(raw("GET", "/api", {html_, owner}), StartsWith("HTTP/1.1 404"));
}

TEST_F(Pages, TheDocumentListsEveryRouteAndItsParameters) {
  const auto document = get("/api/v1/openapi.json");
  EXPECT_EQ(document["openapi"], "3.1.0");
  for (const auto& [path, operations] : document["paths"].items()) {
    EXPECT_FALSE(operations.empty()) << path;
    for (const auto& [method, operation] : operations.items()) {
      EXPECT_TRUE(operation["summary"].get<std::string>().ends_with('.')) << path;
      std::size_t in_path = 0;
      for (const auto& parameter : operation.value("parameters", Json::array()))
        in_path += parameter["in"] == "path" ? 1 : 0;
      EXPECT_EQ(in_path, static_cast<std::size_t>(std::ranges::count(path, '{'))) << path;
    }
  }
  // Every path of the contract answers something else than "no such path".
  for (const char* path : {"/api/v1/login",
                           "/api/v1/login-codes",
                           "/api/v1/whoami",
                           "/api/v1/overview",
                           "/api/v1/schemas/{kind}",
                           "/api/v1/jobs",
                           "/api/v1/jobs/{id}",
                           "/api/v1/jobs/{id}/cancel",
                           "/api/v1/jobs/{id}/why",
                           "/api/v1/jobs/guide",
                           "/api/v1/jobs/{id}/guide",
                           "/api/v1/jobs/{id}/logs",
                           "/api/v1/jobs/{id}/events",
                           "/api/v1/nodes",
                           "/api/v1/teams",
                           "/api/v1/teams/{name}",
                           "/api/v1/reservations",
                           "/api/v1/reservations/{id}",
                           "/api/v1/devices",
                           "/api/v1/runs",
                           "/api/v1/runs/compare",
                           "/api/v1/runs/{id}",
                           "/api/v1/runs/{id}/metrics",
                           "/api/v1/runs/{id}/params",
                           "/api/v1/runs/{id}/tags",
                           "/api/v1/runs/{id}/finish",
                           "/api/v1/blobs/missing",
                           "/api/v1/blobs/{sha256}",
                           "/api/v1/datasets",
                           "/api/v1/datasets/{name}",
                           "/api/v1/datasets/{name}/versions",
                           "/api/v1/datasets/{name}/diff",
                           "/api/v1/snapshots/{reference}",
                           "/api/v1/models",
                           "/api/v1/models/{name}",
                           "/api/v1/models/{name}/snapshots",
                           "/api/v1/models/{name}/channels",
                           "/api/v1/models/{name}/channels/{channel}",
                           "/api/v1/models/{name}/channels/{channel}/rollback",
                           "/api/v1/models/{name}/history",
                           "/v1/predict",
                           "/v2",
                           "/v2/models/{model}",
                           "/v2/models/{model}/ready",
                           "/v2/models/{model}/infer",
                           "/v2/health/live",
                           "/v2/health/ready",
                           "/api/v1/events",
                           "/api/v1/openapi.json",
                           "/healthz",
                           "/metrics"})
    EXPECT_TRUE(document["paths"].contains(path)) << path;
}

TEST_F(Pages, SchemasAreOfTheKindsThatExist) {
  const auto schema = get("/api/v1/schemas/job");
  EXPECT_TRUE(schema["properties"].contains("resources"));
  EXPECT_EQ(call("GET", "/api/v1/schemas/nothing").status, 404);
}

}  // namespace
}  // namespace galley::api
