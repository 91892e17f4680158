// The parser of rules: what it accepts is printed in a form that means the same.
#include <cstdint>

#include "alerts/rule.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const auto rule = alerts::parse_rule({reinterpret_cast<const char*>(data), size});
  if (!rule) {
    GALLEY_CHECK(!rule.error().message.empty() && rule.error().field == "expression",
                 "a refusal says what is wrong");
    return 0;
  }
  // The one form spells short numbers out, and may be longer than people may write.
  const std::string printed = alerts::print_rule(*rule);
  if (printed.size() > alerts::kLongestRule) return 0;
  const auto again = alerts::parse_rule(printed);
  GALLEY_CHECK(again && *again == *rule, "a rule survives printing");
  return 0;
}
