#include "snapshot_freeze.h"

#include <fmt/format.h>

#include "fields.h"

namespace galley::cli {

Result<int> freeze_snapshot(Session& session, const std::string& model, const Json& body) {
  GALLEY_TRY(const Json snapshot,
             session.post_once("/api/v1/models/" + encoded(model) + "/snapshots", body));
  if (session.flags.json) {
    session.print_json(snapshot);
    return 0;
  }
  print_out(text_of(snapshot, "ref") + "\n");
  session.note(fmt::format("`galley deploy {}` serves it", text_of(snapshot, "ref")));
  return 0;
}

}  // namespace galley::cli
