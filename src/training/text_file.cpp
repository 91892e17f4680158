#include "text_file.h"

#include <zstd.h>

#include <memory>

#include "base/file.h"

namespace galley::training {
namespace {

constexpr std::string_view kZstdMagic{"\x28\xB5\x2F\xFD", 4};

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

}  // namespace

Result<std::string> decompress(std::string_view compressed, std::int64_t max_bytes,
                               const std::string& what) {
  const std::unique_ptr<ZSTD_DStream, FreeStream> stream(ZSTD_createDStream());
  GALLEY_CHECK(stream != nullptr, "a decompression context fits in memory");
  std::string text;
  std::string block(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  std::size_t wanted = 1;  // 0 when a frame has just ended
  for (;;) {
    ZSTD_outBuffer out{block.data(), block.size(), 0};
    wanted = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(wanted) != 0)
      return Error{Errc::corrupt, what + " is not sound zstd data: " + ZSTD_getErrorName(wanted)};
    text.append(block, 0, out.pos);
    if (static_cast<std::int64_t>(text.size()) > max_bytes)
      return Error{Errc::too_large,
                   what + " decompresses to more than " + std::to_string(max_bytes) + " bytes"};
    if (in.pos == in.size && out.pos < out.size) break;
  }
  if (wanted != 0) return Error{Errc::corrupt, what + " ends in the middle of a zstd frame"};
  return text;
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::int64_t max_bytes) {
  GALLEY_TRY(std::string bytes, read_file(path, max_bytes));
  if (!bytes.starts_with(kZstdMagic)) return bytes;
  return decompress(bytes, max_bytes, path.string());
}

}  // namespace galley::training
