#include "serve_page.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "page_files.h"

namespace galley::app {
namespace {

constexpr std::string_view kEverythingElse = "/{path...}";

/// The addresses of the views that work without the rest of Galley, and the page's files.
bool is_of_page(const api::StaticPages& pages, std::string_view path) {
  return path == "/" || path == "/playground" || pages.has(path);
}

}  // namespace

void add_page(std::vector<openai::Route>& routes) {
  const auto rest = std::ranges::find_if(routes, [](const openai::Route& route) {
    return route.method == "GET" && route.pattern == kEverythingElse;
  });
  if (rest == routes.end()) return;
  const auto pages = std::make_shared<const api::StaticPages>(page_files());
  rest->handler = [pages, otherwise = std::move(rest->handler)](const http::Exchange& exchange) {
    const http::Request& request = exchange.request();
    if (!is_of_page(*pages, request.path)) return otherwise(exchange);
    auto page = pages->answer(request);
    if (!page) return otherwise(exchange);
    exchange.responder()(*std::move(page));
  };
}

}  // namespace galley::app
