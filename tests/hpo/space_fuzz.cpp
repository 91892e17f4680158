// Any study file is refused with a reason, or its space draws points that it contains and prints
// itself to a file that it reads back.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/json.h"
#include "base/text.h"
#include "hpo/space_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const auto json = parse_json({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  const auto space = hpo::parse_space(*json);
  if (!space) {
    GALLEY_CHECK(!space.error().message.empty() && is_valid_utf8(describe(space.error())),
                 "a refusal says why");
    return 0;
  }
  hpo::Rng rng(1);
  for (int i = 0; i < 8; ++i) {
    const auto point = space->draw(rng);
    GALLEY_CHECK(space->contains(point), "draws are of the space");
    GALLEY_CHECK(hpo::parse_point(*space, hpo::print_point(*space, point)).has_value(),
                 "a printed point is read");
  }
  const auto printed = hpo::print_space(*space);
  const auto again = hpo::parse_space(printed);
  GALLEY_CHECK(again && hpo::print_space(*again) == printed, "a printed space is read");
  return 0;
}
