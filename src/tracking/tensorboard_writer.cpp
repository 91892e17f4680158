#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "tensorboard_format.h"
#include "tracking/tensorboard.h"

namespace galley::tracking {
namespace {

constexpr std::size_t kTensorboardBuffer = 1 << 20;

template <class Number>
void put_little_endian(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_varint(out, field << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_record(std::string& out, std::string_view payload) {
  const std::size_t begin = out.size();
  put_little_endian(out, static_cast<std::uint64_t>(payload.size()));
  put_little_endian(out, masked_crc32c(std::string_view(out).substr(begin)));
  out += payload;
  put_little_endian(out, masked_crc32c(payload));
}

std::string begin_event(WallTime at) {
  std::string event;
  put_varint(event, 1 << 3 | 1);
  put_little_endian(event, static_cast<double>(to_ms(at)) / 1e3);
  return event;
}

}  // namespace

Result<TensorboardWriter> TensorboardWriter::create(const std::filesystem::path& folder,
                                                    WallTime now) {
  GALLEY_TRY_STATUS(make_folders(folder));
  static std::atomic<unsigned> number{0};
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const auto path = folder / fmt::format("events.out.tfevents.{}.{}.{}.{}", to_ms(now) / 1000,
                                         host[0] == '\0' ? "localhost" : host.data(), getpid(),
                                         number.fetch_add(1));
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
  if (!file) return system_error("create " + path.string(), errno);
  TensorboardWriter writer(path, std::move(file));
  std::string event = begin_event(now);
  put_bytes(event, 3, "brain.Event:2");
  put_record(writer.buffer_, event);
  GALLEY_TRY_STATUS(writer.flush());
  return writer;
}

Status TensorboardWriter::add_scalar(std::string_view tag, std::int64_t step, float value,
                                     WallTime at) {
  if (tag.empty()) return Error{Errc::invalid_argument, "a scalar needs a tag", "tag"};
  std::string scalar;
  put_bytes(scalar, 1, tag);
  put_varint(scalar, 2 << 3 | 5);
  put_little_endian(scalar, value);
  std::string summary;
  put_bytes(summary, 1, scalar);
  std::string event = begin_event(at);
  put_varint(event, 2 << 3 | 0);
  put_varint(event, static_cast<std::uint64_t>(step));
  put_bytes(event, 5, summary);
  put_record(buffer_, event);
  return buffer_.size() < kTensorboardBuffer ? ok() : flush();
}

Status TensorboardWriter::flush() {
  if (buffer_.empty() || !file_) return ok();
  GALLEY_TRY_STATUS(write_all(file_.get(), buffer_));
  buffer_.clear();
  return ok();
}

TensorboardWriter::~TensorboardWriter() { (void)flush(); }

}  // namespace galley::tracking
