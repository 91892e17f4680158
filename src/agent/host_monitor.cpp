#include "host_monitor.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace galley::agent {
namespace {

constexpr std::int64_t kProcFileBytes = 1024 * 1024;

std::vector<std::string_view> words_of(std::string_view line) {
  auto words = split(line, ' ');
  std::erase_if(words, [](std::string_view word) { return trim(word).empty(); });
  return words;
}

std::optional<std::int64_t> count_of(std::string_view text) {
  constexpr std::int64_t kMost = std::int64_t{1} << 53;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value >= 0 && value <= kMost ? std::optional(value) : std::nullopt;
}

bool ends_in_digit(std::string_view name) {
  return !name.empty() && name.back() >= '0' && name.back() <= '9';
}

/// sda, vdb, nvme0n1, mmcblk0; not sda1, nvme0n1p2, loop0, dm-0, md127.
bool is_whole_disk(std::string_view name) {
  if (name.starts_with("nvme") || name.starts_with("mmcblk"))
    return name.find('p') == std::string_view::npos;
  constexpr std::array<std::string_view, 4> kDisks{"sd", "vd", "xvd", "hd"};
  return !ends_in_digit(name) && std::ranges::any_of(kDisks, [&](std::string_view prefix) {
    return name.starts_with(prefix);
  });
}

bool is_own_interface(std::string_view name) {
  // Slaves of a bond carry its bytes already; everything virtual is somebody's inner traffic.
  constexpr std::array<std::string_view, 8> kReal{"en",   "eth", "ib",  "wl",
                                                  "roce", "hsn", "usb", "ww"};
  return std::ranges::any_of(kReal,
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

std::optional<TrafficTotals> parse_diskstats(std::string_view text) {
  constexpr std::int64_t kSectorBytes = 512;
  constexpr std::size_t kName = 2;
  constexpr std::size_t kRead = 5;
  constexpr std::size_t kWritten = 9;
  TrafficTotals totals;
  bool any = false;
  for (const auto line : split(text, '\n')) {
    const auto words = words_of(line);
    if (words.size() <= kWritten || !is_whole_disk(words[kName])) continue;
    const auto read = count_of(words[kRead]);
    const auto written = count_of(words[kWritten]);
    if (!read || !written) continue;
    any = true;
    totals.in_bytes += *read * kSectorBytes;
    totals.out_bytes += *written * kSectorBytes;
  }
  return any ? std::optional(totals) : std::nullopt;
}

std::optional<TrafficTotals> parse_net_dev(std::string_view text) {
  constexpr std::size_t kReceived = 0;
  constexpr std::size_t kSent = 8;
  TrafficTotals totals;
  bool any = false;
  for (const auto line : split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_own_interface(trim(line.substr(0, colon)))) continue;
    const auto words = words_of(line.substr(colon + 1));
    if (words.size() <= kSent) continue;
    const auto received = count_of(words[kReceived]);
    const auto sent = count_of(words[kSent]);
    if (!received || !sent) continue;
    any = true;
    totals.in_bytes += *received;
    totals.out_bytes += *sent;
  }
  return any ? std::optional(totals) : std::nullopt;
}

protocol::HostSample HostMonitor::sample() {
  protocol::HostSample sample;
  if (const auto host = sampler_.sample()) {
    sample.cpu_busy_ratio = host->cpu_busy_ratio;
    sample.load_1m = host->load.minutes1;
    sample.memory_total_bytes = host->memory.total_bytes;
    sample.memory_used_bytes = host->memory.total_bytes - host->memory.available_bytes;
    sample.disk_total_bytes = host->disk_total_bytes;
    sample.disk_free_bytes = host->disk_free_bytes;
  }
  if (const auto text = read_file("/proc/diskstats", kProcFileBytes))
    if (const auto totals = parse_diskstats(*text)) {
      sample.disk_read_bytes_since_start = totals->in_bytes;
      sample.disk_written_bytes_since_start = totals->out_bytes;
    }
  if (const auto text = read_file("/proc/net/dev", kProcFileBytes))
    if (const auto totals = parse_net_dev(*text)) {
      sample.network_received_bytes_since_start = totals->in_bytes;
      sample.network_sent_bytes_since_start = totals->out_bytes;
    }
  return sample;
}

}  // namespace galley::agent
