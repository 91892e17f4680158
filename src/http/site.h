#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "base/id.h"
#include "http/server.h"
#include "hub.h"
#include "pool.h"
#include "response_head.h"
#include "router.h"

namespace galley::http {

class Connection;

struct RequestTag {
  static constexpr std::string_view prefix = "req_";
};

/// What all connections of one server share. I/O thread only, but for the counters.
struct Site {
  Site(const Router::Impl& the_router, const Limits& the_limits, Pool& the_pool,
       std::shared_ptr<Hub> the_hub)
      : router(the_router), limits(the_limits), pool(the_pool), hub(std::move(the_hub)) {}

  const Router::Impl& router;
  const Limits limits;
  std::filesystem::path spool_folder{};
  Pool& pool;
  const std::shared_ptr<Hub> hub;
  IdSource ids{system_clock()};
  HeadWriter heads;
  bool draining = false;
  std::atomic<std::size_t> streams{0};
  /// The connection has closed, or only waits for its peer to hang up.
  std::function<void(Connection&)> on_quiet;
};

}  // namespace galley::http
