#include <fmt/format.h>

#include <array>
#include <charconv>

#include "context.h"
#include "reply.h"
#include "store/filter.h"

namespace galley::api {
namespace {

constexpr std::array kAuditFields{store::FilterField{"principal", "principal"},
                                  store::FilterField{"action", "action"},
                                  store::FilterField{"subject", "subject"},
                                  store::FilterField{"request_id", "request_id"},
                                  store::FilterField{"address", "address"},
                                  store::FilterField{"at", "at_ms", store::FilterType::time}};

Result<std::int64_t> cursor_of(const http::Request& request) {
  const std::string text = query_text(request, "cursor");
  if (text.empty()) return std::int64_t{0};
  std::int64_t seq = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), seq);
  if (fault == std::errc{} && end == text.data() + text.size() && seq > 0) return seq;
  return Error{Errc::invalid_argument, "found '" + text.substr(0, 64) + "'", "cursor",
               "the next_cursor of an earlier answer"};
}

Result<http::Response> list_audit(Context& context, const http::Request& request) {
  GALLEY_TRY(const auto limit, query_limit(request));
  GALLEY_TRY(const auto before, cursor_of(request));
  GALLEY_TRY(auto filter, store::parse_filter(query_text(request, "filter"), kAuditFields));
  std::string where = filter.sql.empty() ? "" : " where (" + filter.sql + ")";
  auto parameters = std::move(filter.parameters);
  if (before > 0) {
    parameters.emplace_back(before);
    where += fmt::format("{} seq < :{}", where.empty() ? " where" : " and", parameters.size());
  }
  parameters.emplace_back(limit);
  const std::string sql = fmt::format(
      "select seq, at_ms, principal, action, subject, request_id, address from audit{}"
      " order by seq desc limit :{}",
      where, parameters.size());
  Json items = Json::array();
  std::int64_t last = 0;
  GALLEY_TRY_STATUS(context.services.database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows, transaction.query(sql, parameters));
    for (const auto& row : rows) {
      last = row.integer(0);
      items.push_back({{"seq", last},
                       {"at", to_rfc3339(from_ms(row.integer(1)))},
                       {"principal", row.text(2)},
                       {"action", row.text(3)},
                       {"subject", row.text(4)},
                       {"request_id", row.text(5)},
                       {"address", row.text(6)}});
    }
    return ok();
  }));
  const bool full = std::ssize(items) == limit;
  return reply_list(std::move(items), full && last > 1 ? std::to_string(last) : std::string());
}

Json audit_schema() {
  Json properties{{"seq", type_schema("integer")}};
  for (const char* name : {"at", "principal", "action", "subject", "request_id", "address"})
    properties[name] = type_schema("string");
  return object_schema(std::move(properties));
}

}  // namespace

void add_audit_routes(Endpoints& endpoints, Context& context) {
  endpoints.add("GET", "/api/v1/audit", http::Run::pool,
                {.summary = "Lists who changed what, from where, newest first.",
                 .response = list_schema(audit_schema()),
                 .query = list_parameters(true)},
                [&context](const http::Request& request) { return list_audit(context, request); });
}

}  // namespace galley::api
