#include "cluster/xid.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/text.h"

namespace galley::cluster {
namespace {

constexpr std::size_t kMostTextBytes = 300;
constexpr std::size_t kMostKernelLineBytes = 8192;  // the kernel's own bound of a record
constexpr std::string_view kMark = "NVRM: Xid (";
constexpr std::string_view kBusMark = "NVRM: GPU ";
constexpr std::string_view kFallen = "GPU has fallen off the bus";
constexpr std::int64_t kFallenXid = 79;

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char letter) { return letter >= '0' && letter <= '9'; });
}

template <class Number>
bool read_number(std::string_view text, Number& out, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size();
}

/// The message of a /dev/kmsg record, nothing for one that a program wrote: those carry a facility,
/// which the kernel's own do not.
std::optional<std::string_view> message_of_record(std::string_view line) {
  constexpr unsigned kPriorities = 8;
  const auto end = line.find(';');
  const auto fields = split(line.substr(0, end), ',');
  unsigned priority = 0;
  if (fields.size() < 4 || !read_number(fields[0], priority, 10) || priority >= kPriorities ||
      !all_digits(fields[1]))
    return std::nullopt;
  return line.substr(end + 1);
}

std::string_view without_time(std::string_view text) {
  if (!text.starts_with('[')) return text;
  const auto end = text.find(']');
  return end == std::string_view::npos ? text : trim(text.substr(end + 1));
}

std::optional<std::string_view> kernel_message(std::string_view line) {
  if (line.empty()) return std::nullopt;
  if (line.starts_with("NVRM: ")) return line;
  if (line.starts_with('[')) return without_time(line);
  const auto semicolon = line.find(';');
  const auto comma = line.find(',');
  if (comma != std::string_view::npos && semicolon != std::string_view::npos &&
      all_digits(line.substr(0, comma)))
    return message_of_record(line);
  // "Nov 21 10:00:00 host kernel: [  12.3] ...": nobody else may have spoken before.
  constexpr std::string_view kSpeaker = " kernel: ";
  const auto speaker = line.find(kSpeaker);
  if (speaker == std::string_view::npos) return std::nullopt;
  const auto before = line.substr(0, speaker);
  if (before.find(": ") != std::string_view::npos || before.ends_with(':')) return std::nullopt;
  return without_time(line.substr(speaker + kSpeaker.size()));
}

std::string cut(std::string_view text) {
  return to_valid_utf8(trim(text.substr(0, kMostTextBytes)));
}

/// "... changed from 0x1 (GPU Reset Required) to 0x0 (None)" wants nothing any more.
bool wants_reset(std::string_view text) {
  const auto to = text.rfind(" to ");
  const auto action = to == std::string_view::npos ? text : text.substr(to);
  return action.find("Required") != std::string_view::npos;
}

}  // namespace

std::string normal_pci(std::string_view text) {
  text = trim(text);
  if (text.starts_with("PCI:")) text.remove_prefix(4);
  if (const auto dot = text.find('.'); dot != std::string_view::npos) text = text.substr(0, dot);
  const auto parts = split(text, ':');
  std::uint64_t domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
  if (parts.size() != 3 || parts[0].size() > 8 || parts[1].size() > 2 || parts[2].size() > 2 ||
      !read_number(parts[0], domain, 16) || !read_number(parts[1], bus, 16) ||
      !read_number(parts[2], device, 16))
    return "";
  char name[32];
  std::snprintf(name, sizeof name, "%04llx:%02x:%02x", static_cast<unsigned long long>(domain), bus,
                device);
  return name;
}

std::optional<protocol::XidEvent> parse_kernel_line(std::string_view line) {
  if (line.size() > kMostKernelLineBytes) line = line.substr(0, kMostKernelLineBytes);
  const auto message = kernel_message(trim(line.substr(0, line.find('\n'))));
  if (!message) return std::nullopt;
  protocol::XidEvent event;
  event.text = cut(*message);
  if (message->starts_with(kBusMark)) {
    const auto rest = message->substr(kBusMark.size());
    const auto end = rest.find(": ");
    if (end == std::string_view::npos || !rest.substr(end + 2).starts_with(kFallen))
      return std::nullopt;
    event.pci_bus_id = normal_pci(rest.substr(0, end));
    event.xid = kFallenXid;
  } else {
    if (!message->starts_with(kMark)) return std::nullopt;
    const auto rest = message->substr(kMark.size());
    const auto close = rest.find("): ");
    if (close == std::string_view::npos) return std::nullopt;
    const auto address = rest.substr(0, close);
    event.pci_bus_id = normal_pci(address.substr(0, address.find(' ')));
    const auto number = rest.substr(close + 3);
    const auto end = std::min(number.find_first_not_of("0123456789"), number.size());
    if (!read_number(number.substr(0, end), event.xid, 10) || event.xid <= 0 || event.xid > 100'000)
      return std::nullopt;
  }
  if (event.pci_bus_id.empty()) return std::nullopt;
  return event;
}

Severity severity_of_xid(const protocol::XidEvent& event) {
  switch (event.xid) {
    case 79:  // fallen off the bus
      return Severity::gone;
    case 46:   // stopped processing; the GPU needs a reset
    case 48:   // double-bit ECC error
    case 62:   // internal micro-controller halt
    case 64:   // a row or page could not be replaced
    case 74:   // NVLink
    case 95:   // uncontained memory error
    case 110:  // security fault
    case 119:  // GSP gave no answer
    case 120:  // GSP error
    case 140:  // ECC error that could not be recovered from
    case 143:  // initialisation failed
      return Severity::exclude;
    case 61:  // internal micro-controller breakpoint
    case 63:  // a row waits for a reset to be replaced
    case 92:  // many single-bit errors
    case 94:  // contained memory error: its program has ended, the others go on
      return Severity::drain;
    case 154:  // the action that the driver wants has changed
      return wants_reset(event.text) ? Severity::drain : Severity::note;
    case 109:  // a context switch took too long
      return Severity::doubt;
    default:
      break;
  }
  // The reports of the fifth NVLink name how bad it is in words.
  constexpr std::int64_t kFirstNvlink5 = 144;
  constexpr std::int64_t kLastNvlink5 = 150;
  if (event.xid >= kFirstNvlink5 && event.xid <= kLastNvlink5 &&
      event.text.find(" Fatal") != std::string::npos)
    return Severity::exclude;
  return Severity::note;
}

}  // namespace galley::cluster
