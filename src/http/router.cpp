#include "router.h"

#include <algorithm>
#include <utility>

namespace galley::http {
namespace {

/// One walk down the tree, remembering the segments that parameters took.
struct Search {
  std::string_view method;
  std::vector<std::string_view> taken;
  const Route* found = nullptr;
  std::vector<std::string> allowed;

  bool accept(const Router::Impl::Node& node) {
    const auto with = [&](std::string_view wanted) {
      const auto at = std::ranges::find(node.routes, wanted, &Route::method);
      return at == node.routes.end() ? nullptr : *at;
    };
    found = with(method);
    if (found == nullptr && method == "HEAD") found = with("GET");
    if (found != nullptr) return true;
    for (const auto* route : node.routes) {
      allowed.push_back(route->method);
      if (route->method == "GET") allowed.emplace_back("HEAD");
    }
    return false;
  }

  bool take(const Router::Impl::Node& next, std::string_view segment, const auto& go_on) {
    taken.push_back(segment);
    if (go_on(next)) return true;
    taken.pop_back();
    return false;
  }

  /// `path` is what is left, without its leading slash; `more` says that there was one.
  bool walk(const Router::Impl::Node& node, std::string_view path, bool more) {
    if (!more) return accept(node);
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    const bool deeper = slash != std::string_view::npos;
    const auto left = deeper ? path.substr(slash + 1) : std::string_view{};
    const auto descend = [&](const Router::Impl::Node& next) { return walk(next, left, deeper); };

    if (const auto* literal = find_literal(node, segment); literal && descend(*literal))
      return true;
    if (node.parameter && !segment.empty() && take(*node.parameter, segment, descend)) return true;
    return node.rest &&
           take(*node.rest, path, [&](const Router::Impl::Node& end) { return accept(end); });
  }

  static const Router::Impl::Node* find_literal(const Router::Impl::Node& node,
                                                std::string_view segment) {
    auto at = node.literals.end();
    if (segment.find('%') == std::string_view::npos) {
      at = node.literals.find(segment);
    } else if (const auto decoded = percent_decode(segment, false)) {
      at = node.literals.find(*decoded);
    }
    return at == node.literals.end() ? nullptr : at->second.get();
  }
};

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

}  // namespace

void Router::Impl::add(Route route) {
  GALLEY_CHECK(route.pattern.starts_with('/'), "a route's pattern begins with '/'");
  Node* node = &root;
  std::string_view left = std::string_view(route.pattern).substr(1);
  for (bool more = true; more;) {
    const auto slash = left.find('/');
    more = slash != std::string_view::npos;
    auto segment = left.substr(0, slash);
    left = more ? left.substr(slash + 1) : std::string_view{};
    std::unique_ptr<Node>* next = nullptr;
    if (!is_parameter(segment)) {
      next = &node->literals[std::string(segment)];
    } else {
      auto name = segment.substr(1, segment.size() - 2);
      const bool rest = name.ends_with("...");
      if (rest) name.remove_suffix(3);
      GALLEY_CHECK(!rest || !more, "only the last segment of a pattern may take the rest");
      route.names.emplace_back(name);
      next = rest ? &node->rest : &node->parameter;
    }
    if (!*next) *next = std::make_unique<Node>();
    node = next->get();
  }
  GALLEY_CHECK(std::ranges::find(node->routes, route.method, &Route::method) == node->routes.end(),
               "two routes have one method and pattern");
  routes.push_back(std::make_unique<Route>(std::move(route)));
  node->routes.push_back(routes.back().get());
}

Match Router::Impl::match(std::string_view method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  Search search{method, {}, nullptr, {}};
  if (search.walk(root, path.substr(1), true)) {
    match.route = search.found;
    for (const auto segment : search.taken)
      match.values.push_back(percent_decode(segment, false).value_or(std::string(segment)));
    return match;
  }
  std::ranges::sort(search.allowed);
  const auto repeated = std::ranges::unique(search.allowed);
  search.allowed.erase(repeated.begin(), repeated.end());
  match.allowed = std::move(search.allowed);
  return match;
}

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(std::string_view method, std::string_view pattern, Run run, Handler handler) {
  Route route;
  route.method = method;
  route.pattern = pattern;
  route.run = run;
  route.handler = std::move(handler);
  impl_->add(std::move(route));
}

void Router::add_deferred(std::string_view method, std::string_view pattern, Run run,
                          DeferredHandler handler) {
  Route route;
  route.method = method;
  route.pattern = pattern;
  route.run = run;
  route.deferred = std::move(handler);
  impl_->add(std::move(route));
}

void Router::use(Middleware middleware) { impl_->middlewares.push_back(std::move(middleware)); }
void Router::observe(Observer observer) { impl_->observers.push_back(std::move(observer)); }

}  // namespace galley::http
