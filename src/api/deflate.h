#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace galley::api {

/// The bytes as a gzip file.
std::string deflate_gzip(std::string_view bytes);

/// For large answers of numbers, which shrink to a third: compresses the body where the caller
/// takes gzip. About 10 ms a megabyte.
void compress_reply(const http::Request& request, http::Response& response);

}  // namespace galley::api
