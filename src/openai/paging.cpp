#include "paging.h"

#include <algorithm>
#include <charconv>

namespace galley::openai {
namespace {

constexpr std::size_t kDefaultLimit = 20;
constexpr std::size_t kMaxLimit = 10'000;

}  // namespace

Result<Json> page_of(const std::vector<Json>& objects, const http::Request& request) {
  std::size_t limit = kDefaultLimit;
  if (const auto text = request.query_value("limit")) {
    const auto read = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (read.ec != std::errc{} || read.ptr != text->data() + text->size() || limit < 1 ||
        limit > kMaxLimit)
      return Error{Errc::invalid_argument, "found '" + std::string(text->substr(0, 40)) + "'",
                   "limit", "a whole number from 1 to " + std::to_string(kMaxLimit)};
  }
  auto from = objects.begin();
  if (const auto after = request.query_value("after")) {
    from = std::ranges::find_if(objects, [&](const Json& one) { return one["id"] == *after; });
    if (from == objects.end())
      return Error{Errc::invalid_argument, "nothing has this id", "after",
                   "the last id of the page before"};
    ++from;
  }
  Json data = Json::array();
  for (; from != objects.end() && data.size() < limit; ++from) data.push_back(*from);
  Json page{{"object", "list"}, {"has_more", from != objects.end()}};
  page["first_id"] = data.empty() ? Json() : data.front()["id"];
  page["last_id"] = data.empty() ? Json() : data.back()["id"];
  page["data"] = std::move(data);
  return page;
}

}  // namespace galley::openai
