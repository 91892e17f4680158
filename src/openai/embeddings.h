#pragma once

#include <functional>
#include <string>

#include "generation.h"
#include "plan.h"
#include "requests.h"

namespace galley::openai {

/// Begins the embeddings of all inputs of a request. `done` once, with the document or why there is
/// none; on the engine's thread. Errors, before `done` is called: those of planning, the engine's.
Status embed(const Planning& with, const EmbeddingRequest& request,
             std::function<void(Result<std::string>)> done);

/// RFC 4648.
std::string to_base64(std::string_view bytes);

}  // namespace galley::openai
