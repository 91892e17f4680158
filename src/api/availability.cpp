// Whether the installation accepts anything, and how long it has not.
#include "controller/availability.h"

#include <mutex>

#include "context.h"
#include "reply.h"

namespace galley::api {
namespace {

constexpr double kMsPerSecond = 1'000;

Json seconds(std::int64_t ms) { return static_cast<double>(ms) / kMsPerSecond; }

Result<http::Response> availability(const Context& context) {
  GALLEY_TRY(const auto found, controller::read_availability(context.services.database));
  Json months = Json::array();
  for (const auto& month : found.months)
    months.push_back({{"month", month.name},
                      {"down_s", seconds(month.down_ms)},
                      {"longest_s", seconds(month.longest_ms)},
                      {"probes", month.probes}});
  return reply({{"items", std::move(months)},
                {"since", found.since.empty() ? Json(nullptr) : Json(found.since)},
                {"budget_s", seconds(controller::kDownBudget.count())},
                {"budget_months", controller::kBudgetMonths},
                {"budget_used_s", seconds(found.down_ms_budgeted)}});
}

Json availability_schema() {
  Json schema = list_schema(object_schema({{"month", type_schema("string")},
                                           {"down_s", type_schema("number")},
                                           {"longest_s", type_schema("number")},
                                           {"probes", type_schema("integer")}}));
  Json& properties = schema["properties"];
  properties["since"] = {{"type", {"string", "null"}}};
  for (const char* name : {"budget_s", "budget_used_s"}) properties[name] = type_schema("number");
  properties["budget_months"] = type_schema("integer");
  return schema;
}

/// Whoever asks has no credentials, so that the answer must cost the same however many ask: one of
/// them at a time waits for the store.
class Readiness {
 public:
  Status ask(store::Database& database, const Clock& clock) {
    const Instant now = clock.steady();
    {
      const std::lock_guard lock(mutex_);
      if (waits_since_) return now - *waits_since_ < kSlow ? last_ : too_slow();
      if (asked_ && now - *asked_ < kGoodFor) return last_;
      waits_since_ = now;
    }
    // An empty command: it is refused where this controller may not write, or cannot.
    Status answer = database.write([](store::Transaction&) { return ok(); });
    const std::lock_guard lock(mutex_);
    waits_since_.reset();
    asked_ = clock.steady();
    last_ = answer;
    return answer;
  }

 private:
  static constexpr Millis kGoodFor{100};
  static constexpr Millis kSlow{500};
  static Error too_slow() { return {Errc::unavailable, "the store has not answered yet"}; }

  std::mutex mutex_;  // guards what follows
  std::optional<Instant> waits_since_;
  std::optional<Instant> asked_;
  Status last_ = ok();
};

}  // namespace

void add_availability_routes(Endpoints& endpoints, Context& context) {
  endpoints.add(
      "GET", "/readyz", http::Run::pool,
      {.summary = "Says ready while writes are accepted here.",
       .content_type = "text/plain",
       .access = Access::anyone},
      [&context,
       readiness = std::make_shared<Readiness>()](const http::Request&) -> Result<http::Response> {
        GALLEY_TRY_STATUS(readiness->ask(context.services.database, context.services.clock));
        return http::Response::text("ready");
      });
  endpoints.add("GET", "/api/v1/availability", http::Run::pool,
                {.summary = "For how long nothing was accepted, by month, the current one first.",
                 .response = availability_schema()},
                [&context](const http::Request&) { return availability(context); });
}

}  // namespace galley::api
