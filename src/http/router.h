#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace galley::http {

/// One registered method and pattern; exactly one of the two handlers is set.
struct Route {
  std::string method;
  std::string pattern;
  Run run = Run::pool;
  Handler handler;
  DeferredHandler deferred;
  std::vector<std::string> names;         // of the parameters, in path order
  std::optional<std::size_t> body_bytes;  // its own limit, when it has one
  bool spools = false;                    // its body goes to a file
};

struct Match {
  const Route* route = nullptr;      // null: nothing matches path and method
  std::vector<std::string> values;   // decoded, one for each of the route's names
  std::vector<std::string> allowed;  // methods that the path knows, when the method is none of them
};

/// A tree of path segments.
struct Router::Impl {
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    std::unique_ptr<Node> rest;  // takes what is left of the path
    std::vector<const Route*> routes;
  };

  void add(Route route);
  /// `path` is still percent-encoded, so that "%2F" inside a segment does not split it. It must
  /// have passed parse_target.
  Match match(std::string_view method, std::string_view path) const;

  Node root;
  std::vector<std::unique_ptr<Route>> routes;
  std::vector<Middleware> middlewares;
  std::vector<Observer> observers;
};

}  // namespace galley::http
