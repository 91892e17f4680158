#include "route_rules.h"

#include <algorithm>
#include <array>

namespace galley::api {
namespace {

using enum accounts::Action;
using enum Audited;

constexpr auto kRules = std::to_array<RouteRule>({
    {"GET", "/healthz", look},
    {"GET", "/readyz", look},
    {"GET", "/metrics", look},
    {"GET", "/{path...}", look},
    {"GET", "/api/v1/openapi.json", look},
    {"GET", "/api/v1/schemas/{kind}", look},
    {"GET", "/api/v1/overview", look},
    {"GET", "/api/v1/availability", look},
    {"GET", "/api/v1/events", look},

    {"POST", "/api/v1/login", account, row},
    {"POST", "/api/v1/login-codes", account, row},
    {"GET", "/api/v1/whoami", look},
    {"GET", "/api/v1/me", look},
    {"GET", "/api/v1/tokens", look},
    {"POST", "/api/v1/tokens", account, row},
    {"DELETE", "/api/v1/tokens/{id}", account, row},
    {"GET", "/api/v1/users", administer},
    {"POST", "/api/v1/users", administer, row},
    {"GET", "/api/v1/users/{name}", administer},
    {"PUT", "/api/v1/users/{name}", administer, row},
    {"DELETE", "/api/v1/users/{name}", administer, row},
    {"GET", "/api/v1/users/{name}/tokens", administer},
    {"POST", "/api/v1/users/{name}/tokens", administer, row},
    {"DELETE", "/api/v1/users/{name}/tokens/{id}", administer, row},
    {"GET", "/api/v1/audit", administer},
    {"GET", "/api/v1/secrets", look},
    {"PUT", "/api/v1/secrets/{name}", submit, row},
    {"DELETE", "/api/v1/secrets/{name}", submit, row},
    {"POST", "/api/v1/secrets/rotate", administer, row},

    {"GET", "/api/v1/jobs", look},
    {"POST", "/api/v1/jobs", submit, row},
    {"POST", "/api/v1/jobs/guide", look},
    {"GET", "/api/v1/jobs/{id}", look},
    {"POST", "/api/v1/jobs/{id}/cancel", submit, row},
    {"GET", "/api/v1/jobs/{id}/guide", look},
    {"GET", "/api/v1/jobs/{id}/why", look},
    {"GET", "/api/v1/jobs/{id}/events", look},
    {"GET", "/api/v1/jobs/{id}/logs", look},

    {"GET", "/api/v1/teams", look},
    {"GET", "/api/v1/teams/{name}", look},
    {"PUT", "/api/v1/teams/{name}", administer, row},
    {"DELETE", "/api/v1/teams/{name}", administer, row},
    {"GET", "/api/v1/reservations", look},
    {"POST", "/api/v1/reservations", submit, row},
    {"DELETE", "/api/v1/reservations/{id}", submit, row},

    {"GET", "/api/v1/nodes", look},
    {"GET", "/api/v1/devices", look},
    {"GET", "/api/v1/topology", look},
    {"GET", "/api/v1/nodes/{id}/topology", look},
    {"GET", "/api/v1/health", look},
    {"GET", "/api/v1/nodes/{id}/health", look},
    {"POST", "/api/v1/nodes/{id}/drain", administer, row},
    {"POST", "/api/v1/nodes/{id}/resume", administer, row},
    {"POST", "/api/v1/nodes/join-tokens", administer, row},
    {"DELETE", "/api/v1/nodes/{id}", administer, row},
    {"GET", "/api/v1/controllers", look},
    {"POST", "/api/v1/controllers/handover", administer, row},

    {"GET", "/api/v1/telemetry", look},
    {"GET", "/api/v1/telemetry/newest", look},
    {"GET", "/api/v1/telemetry/metrics", look},
    {"GET", "/api/v1/reports/utilization", look},
    {"GET", "/api/v1/alerts", administer},  // webhooks' addresses are secrets
    {"POST", "/api/v1/alerts", administer, row},
    {"DELETE", "/api/v1/alerts/{name}", administer, row},
    {"GET", "/api/v1/alerts/firings", look},

    {"GET", "/api/v1/runs", look},
    {"POST", "/api/v1/runs", submit, row},
    {"GET", "/api/v1/runs/compare", look},
    {"GET", "/api/v1/runs/{id}", look},
    {"GET", "/api/v1/runs/{id}/eta", look},
    {"GET", "/api/v1/runs/{id}/metrics", look},
    {"POST", "/api/v1/runs/{id}/metrics", submit, data},  // thousands a second; the run is audited
    {"POST", "/api/v1/runs/{id}/params", submit, row},
    {"POST", "/api/v1/runs/{id}/tags", submit, row},
    {"POST", "/api/v1/runs/{id}/finish", submit, row},

    {"GET", "/api/v1/studies", look},
    {"POST", "/api/v1/studies", submit, row},
    {"GET", "/api/v1/studies/{id}", look},
    {"GET", "/api/v1/studies/{id}/trials", look},
    {"GET", "/api/v1/studies/{id}/importance", look},
    {"GET", "/api/v1/studies/{id}/table", look},
    {"GET", "/api/v1/studies/{id}/curves", look},
    {"GET", "/api/v1/studies/{id}/timeline", look},
    {"GET", "/api/v1/studies/{id}/trials/{number}", look},
    {"POST", "/api/v1/studies/preview", look},
    {"POST", "/api/v1/studies/{id}/stop", submit, row},
    {"POST", "/api/v1/studies/{id}/ask", submit, data},  // thousands a second; the study is audited
    {"POST", "/api/v1/studies/{id}/tell", submit, data},

    {"POST", "/api/v1/estimates", look},
    {"GET", "/api/v1/estimates/options", look},
    {"GET", "/api/v1/estimates/accuracy", look},

    {"POST", "/api/v1/blobs/missing", submit},
    {"PUT", "/api/v1/blobs/{sha256}", submit, data},  // bytes mean nothing until they are frozen
    {"GET", "/api/v1/blobs/{sha256}", look},
    {"GET", "/api/v1/datasets", look},
    {"GET", "/api/v1/datasets/{name}", look},
    {"GET", "/api/v1/datasets/{name}/diff", look},
    {"POST", "/api/v1/datasets/{name}/versions", submit, row},
    {"GET", "/api/v1/snapshots/{reference}", look},
    {"GET", "/api/v1/models", look},
    {"GET", "/api/v1/models/{name}", look},
    {"GET", "/api/v1/models/{name}/history", look},
    {"POST", "/api/v1/models/{name}/snapshots", submit, row},
    {"GET", "/api/v1/models/{name}/channels", look},
    {"PUT", "/api/v1/models/{name}/channels/{channel}", deploy, row},
    {"POST", "/api/v1/models/{name}/channels/{channel}/rollback", deploy, row},

    {"POST", "/v1/predict", look},
    {"GET", "/v1/models", look},
    {"GET", "/v1/models/{model}", look},
    {"POST", "/v1/completions", look},
    {"POST", "/v1/chat/completions", look},
    {"POST", "/v1/embeddings", look},
    {"GET", "/v1/files", look},
    {"POST", "/v1/files", submit, row},
    {"GET", "/v1/files/{id}", look},
    {"GET", "/v1/files/{id}/content", look},
    {"DELETE", "/v1/files/{id}", submit, row},
    {"GET", "/v1/batches", look},
    {"POST", "/v1/batches", submit, row},
    {"GET", "/v1/batches/{id}", look},
    {"POST", "/v1/batches/{id}/cancel", submit, row},
    {"GET", "/v2", look},
    {"GET", "/v2/health/live", look},
    {"GET", "/v2/health/ready", look},
    {"GET", "/v2/models/{model}", look},
    {"GET", "/v2/models/{model}/ready", look},
    {"POST", "/v2/models/{model}/infer", look},
});

}  // namespace

std::span<const RouteRule> route_rules() { return kRules; }

std::optional<RouteRule> rule_of(std::string_view method, std::string_view pattern) {
  const auto found = std::ranges::find_if(kRules, [&](const RouteRule& rule) {
    return rule.method == method && rule.pattern == pattern;
  });
  if (found == kRules.end()) return std::nullopt;
  return *found;
}

}  // namespace galley::api
