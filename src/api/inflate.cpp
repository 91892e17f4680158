#include "inflate.h"

#include <zlib.h>

#include <array>

namespace galley::api {

Result<std::string> inflate_gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzipWithAnyWindow = 16 + MAX_WBITS;
  GALLEY_CHECK(::inflateInit2(&stream, kGzipWithAnyWindow) == Z_OK, "zlib has memory");
  // zlib does not write to its input; its interface is older than const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int code = Z_OK;
  while (code == Z_OK) {
    std::array<char, 16 << 10> piece;
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    code = ::inflate(&stream, Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  if (code != Z_STREAM_END) return Error{Errc::corrupt, "a file of the web page is damaged"};
  return out;
}

}  // namespace galley::api
