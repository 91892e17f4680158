#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include "tensorboard_format.h"
#include "tracking/tensorboard.h"

namespace galley::tracking {
namespace {

constexpr std::uint64_t kMostTensorboardRecord = 64 << 20;

using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr CrcTables make_crc_tables() {
  constexpr std::uint32_t kCastagnoliReversed = 0x82f63b78U;
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kCastagnoliReversed : 0);
    tables[0][i] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t i = 0; i < 256; ++i)
      tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][tables[k - 1][i] & 0xff];
  return tables;
}
constexpr CrcTables kCrcTables = make_crc_tables();

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] std::uint32_t crc32c_by_sse(std::string_view bytes) {
  std::uint64_t crc = 0xffffffffU;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8)
    crc = _mm_crc32_u64(crc, load_little_endian<std::uint64_t>(at));
  auto short_crc = static_cast<std::uint32_t>(crc);
  for (; left > 0; --left, ++at)
    short_crc = _mm_crc32_u8(short_crc, static_cast<unsigned char>(*at));
  return ~short_crc;
}
#endif

}  // namespace

std::uint32_t crc32c_by_table(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffU;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = load_little_endian<std::uint64_t>(at) ^ crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= kCrcTables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; left > 0; --left, ++at)
    crc = (crc >> 8) ^ kCrcTables[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
  return ~crc;
}

std::uint32_t crc32c(std::string_view bytes) {
#if defined(__x86_64__)
  static const bool has_sse = __builtin_cpu_supports("sse4.2") != 0;
  if (has_sse) return crc32c_by_sse(bytes);
#endif
  return crc32c_by_table(bytes);
}

namespace {

/// A tensor of one number, whatever of the ways to write it was taken.
std::optional<double> number_of_tensor(std::string_view bytes) {
  enum Type : std::uint64_t { kFloat = 1, kDouble = 2, kInt32 = 3, kInt64 = 9 };
  std::uint64_t type = 0;
  std::string_view content;
  std::optional<double> listed;
  ProtoCursor tensor(bytes);
  const auto list = [&](std::optional<double> value, bool single) {
    if (listed || !single) return false;
    listed = value;
    return true;
  };
  while (tensor.next()) {
    bool good = true;
    if (tensor.is_varint(1))
      type = tensor.number();
    else if (tensor.is_bytes(4))
      content = tensor.bytes();
    else if (tensor.is_float(5) || (tensor.is_bytes(5) && !tensor.bytes().empty()))
      good = tensor.bytes().size() == 4 &&
             list(load_little_endian<float>(tensor.bytes().data()), true);
    else if (tensor.is_double(6) || (tensor.is_bytes(6) && !tensor.bytes().empty()))
      good = tensor.bytes().size() == 8 &&
             list(load_little_endian<double>(tensor.bytes().data()), true);
    else if (tensor.is_varint(7) || tensor.is_varint(10))
      good = list(static_cast<double>(static_cast<std::int64_t>(tensor.number())), true);
    else if (tensor.is_bytes(7) || tensor.is_bytes(10)) {
      std::uint64_t value = 0;
      unsigned shift = 0;
      std::size_t ends = 0;
      for (const char c : tensor.bytes()) {
        const auto byte = static_cast<unsigned char>(c);
        if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        shift += 7;
        ends += byte < 0x80 ? 1 : 0;
      }
      good = list(static_cast<double>(static_cast<std::int64_t>(value)), ends == 1);
    }
    if (!good) return std::nullopt;
  }
  if (tensor.broken()) return std::nullopt;
  if (content.empty()) return listed;
  if (type == kFloat && content.size() == 4) return load_little_endian<float>(content.data());
  if (type == kDouble && content.size() == 8) return load_little_endian<double>(content.data());
  if (type == kInt32 && content.size() == 4)
    return load_little_endian<std::int32_t>(content.data());
  if (type == kInt64 && content.size() == 8)
    return static_cast<double>(load_little_endian<std::int64_t>(content.data()));
  return std::nullopt;
}

/// google.protobuf.Value as text: a number in its shortest form.
std::string text_of_value(std::string_view bytes) {
  ProtoCursor value(bytes);
  std::string text;
  while (value.next()) {
    if (value.is_double(2)) {
      std::array<char, 32> room{};
      const auto end = std::to_chars(room.data(), room.data() + room.size(),
                                     load_little_endian<double>(value.bytes().data()));
      text.assign(room.data(), end.ptr);
    } else if (value.is_bytes(3)) {
      text = value.bytes();
    } else if (value.is_varint(4)) {
      text = value.number() != 0 ? "true" : "false";
    }
  }
  return text;
}

/// The hparams plugin: field 3 is the session's start with its map of parameters.
void read_hparams(std::string_view content, const TensorboardSink& sink) {
  if (!sink.parameter) return;
  ProtoCursor data(content);
  while (data.next()) {
    if (!data.is_bytes(3)) continue;
    ProtoCursor session(data.bytes());
    while (session.next()) {
      if (!session.is_bytes(1)) continue;
      ProtoCursor entry(session.bytes());
      std::string_view name;
      std::string_view value;
      while (entry.next()) {
        if (entry.is_bytes(1)) name = entry.bytes();
        if (entry.is_bytes(2)) value = entry.bytes();
      }
      if (!name.empty()) sink.parameter(name, text_of_value(value));
    }
  }
}

/// One value of a summary. False where it is damaged.
bool read_summary_value(std::string_view bytes, TensorboardScalar scalar,
                        const TensorboardSink& sink, TensorboardCounts& counts) {
  ProtoCursor value(bytes);
  std::optional<double> number;
  std::string_view tensor;
  std::string_view plugin;
  std::string_view content;
  while (value.next()) {
    if (value.is_bytes(1)) {
      scalar.tag = value.bytes();
    } else if (value.is_float(2)) {
      number = load_little_endian<float>(value.bytes().data());
    } else if (value.is_bytes(8)) {
      tensor = value.bytes();
    } else if (value.is_bytes(9)) {
      ProtoCursor metadata(value.bytes());
      while (metadata.next()) {
        if (!metadata.is_bytes(1)) continue;
        ProtoCursor data(metadata.bytes());
        while (data.next()) {
          if (data.is_bytes(1)) plugin = data.bytes();
          if (data.is_bytes(2)) content = data.bytes();
        }
      }
    }
  }
  if (value.broken()) return false;
  if (plugin == "hparams") {
    read_hparams(content, sink);
    return true;
  }
  // Only the first value of a tag names its plugin; the others are told by being one number.
  if (!number && !tensor.empty() && (plugin.empty() || plugin == "scalars"))
    number = number_of_tensor(tensor);
  if (!number || scalar.tag.empty()) return true;
  scalar.value = *number;
  ++counts.scalars;
  if (sink.scalar) sink.scalar(scalar);
  return true;
}

bool read_event(std::string_view payload, const TensorboardSink& sink, TensorboardCounts& counts) {
  TensorboardScalar scalar;
  std::string_view summary;
  ProtoCursor event(payload);
  while (event.next()) {
    if (event.is_double(1))
      scalar.wall_s = load_little_endian<double>(event.bytes().data());
    else if (event.is_varint(2))
      scalar.step = static_cast<std::int64_t>(event.number());
    else if (event.is_bytes(5))
      summary = event.bytes();
  }
  if (event.broken()) return false;
  ProtoCursor values(summary);
  bool good = true;
  while (values.next())
    if (values.is_bytes(1)) good &= read_summary_value(values.bytes(), scalar, sink, counts);
  return good && !values.broken();
}

bool is_record_head(const char* at) {
  return masked_crc32c({at, 8}) == load_little_endian<std::uint32_t>(at + 8);
}

}  // namespace

/// Reads whole records from the front and says how many bytes it has done with.
std::size_t TensorboardReader::read_records(std::string_view bytes, const TensorboardSink& sink) {
  std::size_t at = 0;
  while (bytes.size() - at >= kTensorboardHead) {
    const char* const head = bytes.data() + at;
    if (!is_record_head(head)) {
      if (!searching_) ++counts_.corrupt;
      searching_ = true;
      ++at;
      continue;
    }
    searching_ = false;
    const auto length = load_little_endian<std::uint64_t>(head);
    if (length > kMostTensorboardRecord) {
      ++counts_.too_large;
      skip_ = std::min(length, ~std::uint64_t{0} - kTensorboardTail) + kTensorboardTail;
      return at + kTensorboardHead;
    }
    const auto whole = kTensorboardHead + static_cast<std::size_t>(length) + kTensorboardTail;
    if (bytes.size() - at < whole) break;
    const std::string_view payload(head + kTensorboardHead, static_cast<std::size_t>(length));
    const bool intact = masked_crc32c(payload) ==
                        load_little_endian<std::uint32_t>(payload.data() + payload.size());
    if (intact && read_event(payload, sink, counts_))
      ++counts_.records;
    else
      ++counts_.corrupt;
    at += whole;
  }
  return at;
}

void TensorboardReader::feed(std::string_view bytes, const TensorboardSink& sink) {
  counts_.bytes += bytes.size();
  while (!bytes.empty()) {
    if (skip_ > 0) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
      skip_ -= part;
      bytes.remove_prefix(part);
      continue;
    }
    if (!pending_.empty()) {
      // Only as much is copied as the record that waits may need; what waits with a whole head
      // has a right one.
      constexpr std::size_t kForAHead = 4096;
      std::size_t wanted = kTensorboardHead;
      std::size_t part = kForAHead;
      if (pending_.size() >= kTensorboardHead) {
        const auto length = load_little_endian<std::uint64_t>(pending_.data());
        wanted += static_cast<std::size_t>(length) + kTensorboardTail;
        part = wanted - pending_.size();
      }
      part = std::min(part, bytes.size());
      pending_ += bytes.substr(0, part);
      bytes.remove_prefix(part);
      if (pending_.size() < wanted) return;
      std::size_t done = read_records(pending_, sink);
      if (skip_ > 0) {
        const auto passed =
            static_cast<std::size_t>(std::min<std::uint64_t>(skip_, pending_.size() - done));
        skip_ -= passed;
        done += passed;
      }
      pending_.erase(0, done);
      continue;
    }
    const std::size_t done = read_records(bytes, sink);
    bytes.remove_prefix(done);
    if (skip_ > 0) continue;
    pending_ = bytes;
    return;
  }
}

Result<std::uint64_t> TensorboardTail::poll(const Sinks& sinks, std::uint64_t max_bytes) {
  // What is behind is read before anything else is looked for.
  if (!behind_) GALLEY_TRY_STATUS(look_for_files());
  std::uint64_t sum = 0;
  std::string buffer;
  for (auto& [path, file] : files_) {
    if (sum >= max_bytes) break;
    // A pipe by such a name would keep us waiting.
    const UniqueFd descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (!descriptor || fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (static_cast<std::uint64_t>(status.st_size) < file.offset) file = {};
    if (static_cast<std::uint64_t>(status.st_size) == file.offset) continue;
    const TensorboardSink sink = sinks(path.parent_path().lexically_relative(folder_).string());
    constexpr std::uint64_t kBuffer = 1 << 20;
    while (sum < max_bytes) {
      buffer.resize(static_cast<std::size_t>(std::min(kBuffer, max_bytes - sum)));
      const ssize_t got =
          pread(descriptor.get(), buffer.data(), buffer.size(), static_cast<off_t>(file.offset));
      if (got <= 0) break;
      file.reader.feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)), sink);
      file.offset += static_cast<std::uint64_t>(got);
      sum += static_cast<std::uint64_t>(got);
    }
  }
  behind_ = sum >= max_bytes;
  return sum;
}

Status TensorboardTail::look_for_files() {
  namespace fs = std::filesystem;
  constexpr std::size_t kMostEntries = 100'000;
  constexpr std::size_t kMostFiles = 10'000;
  std::error_code failed;
  fs::recursive_directory_iterator entries(folder_, fs::directory_options::skip_permission_denied,
                                           failed);
  if (failed == std::errc::no_such_file_or_directory) return ok();
  if (failed) return system_error("list " + folder_.string(), failed.value());
  std::size_t seen = 0;
  for (; entries != fs::recursive_directory_iterator(); entries.increment(failed)) {
    if (failed || ++seen > kMostEntries || files_.size() >= kMostFiles) break;
    if (entries->path().filename().string().find("tfevents") != std::string::npos)
      files_.try_emplace(entries->path());
  }
  return ok();
}

std::map<std::string, std::uint64_t> TensorboardTail::offsets() const {
  std::map<std::string, std::uint64_t> all;
  for (const auto& [path, file] : files_)
    all[path.lexically_relative(folder_).string()] = file.offset - file.reader.pending();
  return all;
}

void TensorboardTail::resume(const std::map<std::string, std::uint64_t>& offsets) {
  for (const auto& [path, offset] : offsets) files_[folder_ / path].offset = offset;
}

TensorboardCounts TensorboardTail::counts() const {
  TensorboardCounts all;
  for (const auto& [path, file] : files_) {
    const TensorboardCounts& one = file.reader.counts();
    all.bytes += one.bytes;
    all.records += one.records;
    all.scalars += one.scalars;
    all.corrupt += one.corrupt;
    all.too_large += one.too_large;
  }
  return all;
}

}  // namespace galley::tracking
