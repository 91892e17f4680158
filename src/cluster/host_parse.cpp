#include <algorithm>
#include <charconv>
#include <vector>

#include "base/text.h"
#include "cluster/host.h"

namespace galley::cluster {
namespace {

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

std::vector<std::string_view> words_of(std::string_view line) {
  auto words = split(line, ' ');
  std::erase_if(words, [](std::string_view word) { return word.empty(); });
  return words;
}

Error unreadable(const char* file) {
  return Error{Errc::corrupt, std::string(file) + " is not of the form the kernel writes"};
}

}  // namespace

Result<CpuTimes> parse_cpu_times(std::string_view text) {
  // cpu user nice system idle iowait irq softirq steal guest guest_nice; guest is part of user.
  constexpr std::size_t kIdle = 4;
  constexpr std::size_t kIowait = 5;
  constexpr std::size_t kSteal = 8;
  const auto words = words_of(text.substr(0, text.find('\n')));
  if (words.size() <= kIowait || words[0] != "cpu") return unreadable("/proc/stat");
  CpuTimes times;
  for (std::size_t i = 1; i < words.size() && i <= kSteal; ++i) {
    std::uint64_t jiffies = 0;
    if (!read_number(words[i], jiffies)) return unreadable("/proc/stat");
    times.total += jiffies;
    if (i != kIdle && i != kIowait) times.busy += jiffies;
  }
  return times;
}

Result<MemoryInfo> parse_meminfo(std::string_view text) {
  constexpr std::int64_t kKiB = 1024;
  constexpr std::int64_t kMostKiB = std::int64_t{1} << 50;
  MemoryInfo info{-1, -1};
  for (const auto line : split(text, '\n')) {
    const auto words = words_of(line);
    if (words.size() < 2) continue;
    std::int64_t* out = nullptr;
    if (words[0] == "MemTotal:") out = &info.total_bytes;
    if (words[0] == "MemAvailable:") out = &info.available_bytes;
    if (out == nullptr) continue;
    std::int64_t count = 0;
    if (!read_number(words[1], count) || count < 0 || count > kMostKiB)
      return unreadable("/proc/meminfo");
    *out = count * kKiB;
  }
  if (info.total_bytes < 0 || info.available_bytes < 0) return unreadable("/proc/meminfo");
  return info;
}

Result<LoadAverage> parse_loadavg(std::string_view text) {
  const auto words = words_of(trim(text));
  LoadAverage load;
  if (words.size() < 3 || !read_number(words[0], load.minutes1) ||
      !read_number(words[1], load.minutes5) || !read_number(words[2], load.minutes15))
    return unreadable("/proc/loadavg");
  return load;
}

}  // namespace galley::cluster
