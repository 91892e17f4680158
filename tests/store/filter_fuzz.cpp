// Filters: what anybody writes into a search box, a command or an address.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "store/filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::store;
  static const std::array fields{FilterField{"name", "j.name", FilterType::text},
                                 FilterField{"attempts", "j.attempts", FilterType::integer},
                                 FilterField{"loss", "j.loss", FilterType::real},
                                 FilterField{"created_at", "j.created_ms", FilterType::time}};
  static const std::array families{FilterFamily{"metrics.", "", "length({})"},
                                   FilterFamily{"params.", "({} || '')", "length({})"}};
  static const auto database = *open_sqlite({.path = ":memory:", .durable = false, .readers = 1});
  const auto filter =
      parse_filter(std::string_view(reinterpret_cast<const char*>(data), size), fields, families);
  if (!filter) {
    if (filter.error().message.empty() || filter.error().field != "filter") std::abort();
    return 0;
  }
  if (filter->sql.empty()) return 0;
  // Whatever was accepted is a statement that runs.
  const auto status = database->read([&](Transaction& transaction) -> galley::Status {
    GALLEY_TRY_STATUS(transaction.query(
        "select 1 from (select 'a' as name, 1 as attempts, 0.5 as loss, 2 as created_ms) j where " +
            filter->sql,
        filter->parameters));
    return galley::ok();
  });
  if (!status) std::abort();
  return 0;
}
