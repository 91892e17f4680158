#include <algorithm>
#include <array>

#include "template_runtime.h"

namespace galley::text::templates {
namespace {

bool is_defined(Runtime&, const Value& value, const Arguments&) {
  return !value.is(Kind::undefined);
}
bool is_undefined(Runtime&, const Value& value, const Arguments&) {
  return value.is(Kind::undefined);
}
template <Kind kind>
bool is_kind(Runtime&, const Value& value, const Arguments&) {
  return value.is(kind);
}
bool is_iterable(Runtime&, const Value& value, const Arguments&) {
  return value.is(Kind::undefined) || value.is(Kind::string) || value.is(Kind::list) ||
         value.is(Kind::dict);
}
bool is_number(Runtime&, const Value& value, const Arguments&) { return value.is_number(); }
bool is_callable(Runtime&, const Value& value, const Arguments&) {
  return value.is(Kind::macro) || value.is(Kind::function);
}
template <bool wanted>
bool is_boolean(Runtime&, const Value& value, const Arguments&) {
  return value.is(Kind::boolean) && value.boolean == wanted;
}

const Value& other(Runtime& run, const Arguments& given) {
  static const Value kNothing;
  if (!given.positional.empty()) return given.positional[0];
  run.fail("a test needs an argument");
  return kNothing;
}

template <Operator operation>
bool compares(Runtime& run, const Value& value, const Arguments& given) {
  const Value& with = other(run, given);
  return !run.failed() && run.compare(operation, value, with);
}

bool divides(Runtime& run, const Value& value, const Value& by) {
  const Value left = run.binary(Operator::modulo, value, by);
  return !run.failed() && !is_true(left);
}
bool is_even(Runtime& run, const Value& value, const Arguments&) {
  return divides(run, value, Value::of(std::int64_t{2}));
}
bool is_odd(Runtime& run, const Value& value, const Arguments& given) {
  return !is_even(run, value, given);
}
bool is_divisible(Runtime& run, const Value& value, const Arguments& given) {
  return divides(run, value, other(run, given));
}

struct NamedTest {
  std::string_view name;
  Test test;
};

constexpr std::array kTests{
    NamedTest{"boolean", is_kind<Kind::boolean>},
    NamedTest{"callable", is_callable},
    NamedTest{"defined", is_defined},
    NamedTest{"divisibleby", is_divisible},
    NamedTest{"eq", compares<Operator::equal>},
    NamedTest{"equalto", compares<Operator::equal>},
    NamedTest{"even", is_even},
    NamedTest{"false", is_boolean<false>},
    NamedTest{"float", is_kind<Kind::real>},
    NamedTest{"ge", compares<Operator::greater_equal>},
    NamedTest{"gt", compares<Operator::greater>},
    NamedTest{"in", compares<Operator::in>},
    NamedTest{"integer", is_kind<Kind::integer>},
    NamedTest{"iterable", is_iterable},
    NamedTest{"le", compares<Operator::less_equal>},
    NamedTest{"lt", compares<Operator::less>},
    NamedTest{"mapping", is_kind<Kind::dict>},
    NamedTest{"ne", compares<Operator::not_equal>},
    NamedTest{"none", is_kind<Kind::none>},
    NamedTest{"number", is_number},
    NamedTest{"odd", is_odd},
    NamedTest{"sequence", is_iterable},
    NamedTest{"string", is_kind<Kind::string>},
    NamedTest{"true", is_boolean<true>},
    NamedTest{"undefined", is_undefined},
    // The same by their symbols, as selectattr and its kin may name them.
    NamedTest{"==", compares<Operator::equal>},
    NamedTest{"!=", compares<Operator::not_equal>},
    NamedTest{"<", compares<Operator::less>},
    NamedTest{"<=", compares<Operator::less_equal>},
    NamedTest{">", compares<Operator::greater>},
    NamedTest{">=", compares<Operator::greater_equal>},
};

}  // namespace

Test find_test(std::string_view name) {
  const auto found = std::ranges::find(kTests, name, &NamedTest::name);
  return found == kTests.end() ? nullptr : found->test;
}

}  // namespace galley::text::templates
