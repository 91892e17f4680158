#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/permissions.h"
#include "base/json.h"
#include "base/result.h"
#include "http/server.h"

namespace galley::api {

/// Who may use a route. Declared with it, so that a new route is the owner's until it says more.
enum class Access {
  owner,      // the token's or socket's owner, or a session of theirs
  anyone,     // no credentials are looked at
  own_run,    // also a job, where {id} is its own run
  predict,    // also any job
  jobs,       // likewise; the handler holds it to its own run
  jobs_data,  // likewise, a stream of data that does not count against the rate
};

struct Parameter {
  std::string name;
  std::string doc;
  std::string type = "string";
  bool repeated = false;
};

/// What a route takes and gives, for the OpenAPI document.
struct Doc {
  std::string summary;
  Json request = nullptr;   // JSON Schema of the body; null when there is none
  Json response = nullptr;  // JSON Schema of the answer; null when it has no JSON body
  int status = 200;         // of a success
  std::string content_type = "application/json";  // of the answer, where there is one
  std::string request_type = "application/json";
  std::vector<Parameter> query{};
  Access access = Access::owner;
};

/// A handler that answers with a Response or with the Error that becomes problem+json.
using Answer = std::function<Result<http::Response>(const http::Request&)>;

/// Adds routes to the router together with their description: nothing is served that the document
/// does not list. Used while the router is built, then read only.
class Endpoints {
 public:
  explicit Endpoints(http::Router& router) : router_(router) {}

  void add(std::string_view method, std::string_view pattern, http::Run run, Doc doc,
           Answer answer);
  void add_deferred(std::string_view method, std::string_view pattern, http::Run run, Doc doc,
                    http::DeferredHandler handler);

  /// The same at another path, with the rights of the route that has been described.
  void add_alias(std::string_view method, std::string_view pattern, std::string_view described,
                 http::Run run, http::DeferredHandler handler);
  /// Routes that only our own programs use: served, and not described.
  void add_internal(std::string_view method, std::string_view pattern, http::Run run,
                    Answer answer);
  void add_internal_deferred(std::string_view method, std::string_view pattern, http::Run run,
                             http::DeferredHandler handler);

  /// Who may use the route; the owner alone where none was declared.
  Access access(std::string_view method, std::string_view pattern) const;
  /// What a person needs the right to do; `administer` where route_rules.h says nothing.
  accounts::Action action(std::string_view method, std::string_view pattern) const;

  /// The OpenAPI 3.1 document of all routes.
  Json document(const std::string& version) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    Doc doc;
  };
  void describe(std::string_view method, std::string_view pattern, Doc doc);

  http::Router& router_;
  std::vector<Route> routes_;
  struct Rights {
    Access access;
    accounts::Action action;
  };
  std::map<std::string, Rights, std::less<>> rights_;  // by "METHOD pattern"
};

}  // namespace galley::api
