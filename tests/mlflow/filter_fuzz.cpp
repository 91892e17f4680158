// Filters and orders as strangers write them: whatever the bytes, an answer and no fault.
#include <cstdint>
#include <string>
#include <string_view>

#include "artifact_store.h"
#include "filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::mlflow;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto clauses = parse_filter(text))
    for (const Clause& clause : *clauses) {
      (void)fulfils(clause, &text);
      (void)fulfils(clause, 1.0);
    }
  galley::tracking::RunSearch search;
  (void)add_run_filter(text, search);
  (void)add_run_orders({text}, search);
  (void)parse_place(text);
  return 0;
}
