#pragma once

#include <functional>
#include <string>

#include "session.h"

namespace galley::cli {

/// Draws now and again after every change of these kinds ("job,node"), until interrupted. On a
/// terminal each drawing replaces the one before. Survives a restart of the server.
/// Errors: the first drawing's; unavailable when the server stays away for a minute.
Result<int> watch(Session& session, const std::string& kinds,
                  const std::function<Result<std::string>()>& draw);

/// Returns when the job satisfies the condition; answers its record. Driven by the server's events,
/// from a place in them that was read before the record, so that no change is missed.
Result<Json> wait_for_job(Session& session, const std::string& id,
                          const std::function<bool(const Json& job)>& condition);

/// Pauses before another try at a server that is away, longer each time; gives up after a minute.
class Patience {
 public:
  explicit Patience(Session& session) : session_(session) {}
  /// Answers the error when it is not of the kind that passes, or when patience has ended.
  Status bear(const Error& error);
  void renew();

 private:
  Session& session_;
  int tries_ = 0;
  Instant since_{};
};

bool is_final_state(const std::string& state);

}  // namespace galley::cli
