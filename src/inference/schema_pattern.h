#pragma once

#include <string_view>

#include "base/result.h"
#include "json_grammar.h"

namespace galley::inference {

/// The JSON strings whose text matches a regular expression of ECMA 262 without look-around, back
/// references, lazy quantifiers and anchors inside. As in JSON Schema it may match anywhere in the
/// text unless it is anchored. Errors: unsupported naming what, invalid_argument.
Result<NodeIndex> pattern_string(Grammar& grammar, JsonGrammar& json, std::string_view pattern);

}  // namespace galley::inference
