#include "deflate.h"

#include <zlib.h>

#include "auth_headers.h"
#include "base/result.h"

namespace galley::api {
namespace {

constexpr std::size_t kLeastBytes = 16 << 10;  // below, the packet is the same
constexpr int kQuickLevel = 1;                 // the link is faster than a better level

}  // namespace

std::string deflate_gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  constexpr int kUsualMemory = 8;
  GALLEY_CHECK(::deflateInit2(&stream, kQuickLevel, Z_DEFLATED, kGzip, kUsualMemory,
                              Z_DEFAULT_STRATEGY) == Z_OK,
               "zlib has memory");
  std::string out(::deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  GALLEY_CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END, "the bound holds");
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

void compress_reply(const http::Request& request, http::Response& response) {
  response.headers.set("Vary", "Accept-Encoding");
  if (response.body.size() < kLeastBytes ||
      !accepts(request.headers.get("Accept-Encoding"), "gzip"))
    return;
  response.body = deflate_gzip(response.body);
  response.headers.set("Content-Encoding", "gzip");
}

}  // namespace galley::api
