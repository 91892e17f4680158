#pragma once

#include <string>
#include <string_view>

#include "text_server.h"

namespace galley::cli {

/// The input of /v1/batches that a file of lines makes: lines with "prompt" or "messages" get
/// custom_id ("line-1"), method and url around them; lines of a batch stay as they are. `defaults`
/// are fields of bodies that do not have them.
struct BatchInput {
  std::string endpoint;
  std::string lines;
  std::vector<std::string> custom_ids;
};
/// Errors: invalid_argument naming the line. Pure.
Result<BatchInput> make_batch_input(std::string_view text, const Json& defaults);

/// Runs the file as a batch of the server and writes its answers to `out`, in the order of the
/// input, with a bar on stderr. When it is called again with the same input and fields it goes on
/// with the batch of before, wherever that was interrupted. The exit code: 1 where a line failed.
Result<int> generate_batch(Session& session, TextServer& server, const std::string& in,
                           const std::string& out, const Json& defaults);

}  // namespace galley::cli
