#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "error_reply.h"
#include "filter.h"
#include "service_impl.h"

namespace galley::mlflow {

/// Whether one item comes before another, by one of their fields.
template <class Item>
using Before = std::function<bool(const Item&, const Item&)>;

template <class Item, class Member>
Before<Item> by_member(Member Item::*member) {
  return [member](const Item& left, const Item& right) { return left.*member < right.*member; };
}

/// By each clause in turn, the first one first; equals stay in the order in which they are.
/// `field_of` gives the comparison by a field's name, an empty one for a name that cannot order.
/// Errors: invalid_argument.
template <class Item, class FieldOf>
Status sort_by(std::vector<Item>& items, const std::vector<std::string>& clauses,
               const FieldOf& field_of) {
  for (const std::string& text : std::views::reverse(clauses)) {
    GALLEY_TRY(const Order order, parse_order(text));
    const Before<Item> before = field_of(order.key);
    if (!before) return fault(fmt::format("Invalid order_by clause '{}'", text.substr(0, 80)));
    std::ranges::stable_sort(items, [&](const Item& left, const Item& right) {
      return order.descending ? before(right, left) : before(left, right);
    });
  }
  return ok();
}

/// The page that the call asks for, as a list of that name, and the token of the next one.
/// Errors: invalid_argument (max_results, page_token).
template <class Item, class Print>
Result<Reply> reply_page(const Call& call, const std::vector<Item>& items, const char* name,
                         std::int64_t shown, std::int64_t most, const Print& print) {
  GALLEY_TRY(const auto page, page_of(call, items.size(), shown, most));
  Reply reply;
  for (std::size_t i = page.from; i < page.to; ++i) reply.body[name].push_back(print(items[i]));
  if (!page.next_token.empty()) reply.body["next_page_token"] = page.next_token;
  return reply;
}

}  // namespace galley::mlflow
