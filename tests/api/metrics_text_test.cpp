#include <gmock/gmock.h>

#include "request_metrics.h"

namespace galley::api {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

TEST(RequestMetrics, CountsByRouteAndStatus) {
  RequestMetrics metrics;
  metrics.request("/api/v1/jobs", 200, 2ms);
  metrics.request("/api/v1/jobs", 200, 70ms);
  metrics.request("/api/v1/jobs", 404, 20s);
  metrics.request("", 404, 1us);
  metrics.prediction(300us);
  std::string out;
  metrics.print(out);
  EXPECT_THAT(out,
              HasSubstr("galley_http_requests_total{route=\"/api/v1/jobs\",code=\"200\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("galley_http_requests_total{route=\"none\",code=\"404\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("_bucket{route=\"/api/v1/jobs\",le=\"0.0025\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("_bucket{route=\"/api/v1/jobs\",le=\"0.1\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("_bucket{route=\"/api/v1/jobs\",le=\"10\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("_bucket{route=\"/api/v1/jobs\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(out, HasSubstr("galley_http_request_seconds_count{route=\"/api/v1/jobs\"} 3\n"));
  EXPECT_THAT(out, HasSubstr("galley_predict_seconds_bucket{le=\"0.0005\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("galley_predict_seconds_count 1\n"));
}

TEST(Histogram, ABoundBelongsToItsBucket) {
  Histogram histogram;
  histogram.add(1ms);
  std::string out;
  histogram.print(out, "h", "");
  EXPECT_THAT(out, HasSubstr("h_bucket{le=\"0.0005\"} 0\nh_bucket{le=\"0.001\"} 1\n"));
}

}  // namespace
}  // namespace galley::api
