#include "faults/fake_machine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galley::bench {
namespace {

using cluster::SmiAnswer;

constexpr Millis kUsual{120};  // of a healthy call

const GpuFields& healthy() {
  static const GpuFields fields{{"name", "NVIDIA H100 80GB HBM3"},
                                {"memory.total", "81559"},
                                {"memory.used", "4021"},
                                {"utilization.gpu", "97"},
                                {"utilization.memory", "44"},
                                {"temperature.gpu", "58"},
                                {"temperature.memory", "66"},
                                {"power.draw", "512.31"},
                                {"power.limit", "700.00"},
                                {"clocks.sm", "1830"},
                                {"clocks.mem", "2619"},
                                {"pstate", "P0"},
                                {"clocks_throttle_reasons.active", "0x0000000000000000"},
                                {"ecc.errors.corrected.volatile.total", "2"},
                                {"ecc.errors.uncorrected.volatile.total", "0"},
                                {"ecc.errors.corrected.aggregate.total", "61"},
                                {"ecc.errors.uncorrected.aggregate.total", "1"},
                                {"retired_pages.single_bit_ecc.count", "0"},
                                {"retired_pages.double_bit.count", "0"},
                                {"retired_pages.pending", "No"}};
  return fields;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

}  // namespace

FakeMachine::FakeMachine(const FaultCase& fault, std::uint64_t seed)
    : fault_(fault),
      random_(seed),
      start_(clock_.wall()),
      gpu_(random_() % kGpus),
      onset_(30'000 + static_cast<std::int64_t>(random_() % 20'000)),
      next_event_(onset_),
      sequence_(static_cast<std::int64_t>(1'000 + random_() % 100'000)) {}

std::string FakeMachine::uuid(std::size_t index) const {
  return fmt::format("GPU-5f0c1a2e-77b0-4c1d-9e2f-0000000000{:02x}", index + 16);
}
std::string FakeMachine::pci(std::size_t index) const {
  return fmt::format("0000:{:02x}:00", 0x1b + index * 0x10);
}
std::string FakeMachine::bus(std::size_t index) const {
  return fmt::format("00000000:{:02X}:00.0", 0x1b + index * 0x10);
}

/// Whether an answer is wrong now; counts those that are.
bool FakeMachine::is_on() {
  if (now() < onset_) return false;
  if (fault_.answers > 0) return wrong_answers_++ < fault_.answers;
  return static_cast<double>((now() - onset_).count()) < fault_.until_s * 1e3;
}

std::string FakeMachine::filled(std::string text) const {
  replace_all(text, "{pci}", pci(gpu_));
  replace_all(text, "{bus}", bus(gpu_).substr(4));
  replace_all(text, "{index}", std::to_string(gpu_));
  return text;
}

/// Oddities that say nothing: other line ends, empty lines, blanks.
std::string FakeMachine::odd(std::string text) {
  switch (random_() % 5) {
    case 0:
      replace_all(text, "\n", "\r\n");
      break;
    case 1:
      text = "\n" + text + "\n\n";
      break;
    case 2:
      replace_all(text, ", ", ",  ");
      break;
    default:
      break;
  }
  return text;
}

std::string FakeMachine::value(std::size_t index, const std::string& field) {
  if (field == "index") return std::to_string(index);
  if (field == "uuid" || field == "gpu_uuid") return uuid(index);
  if (field == "pci.bus_id") return bus(index);
  const bool hit = index == gpu_ && now() >= onset_ &&
                   static_cast<double>((now() - onset_).count()) < fault_.until_s * 1e3;
  if (hit && fault_.effect == "fields")
    if (const auto found = fault_.set.find(field); found != fault_.set.end()) return found->second;
  if (hit && fault_.effect == "grow" && field == fault_.field)
    return std::to_string(fault_.by * ((now() - onset_).count() / 1'000 + 1));
  if (const auto found = fault_.always.find(field); found != fault_.always.end())
    return found->second;
  const auto found = healthy().find(field);
  return found != healthy().end() ? found->second : "[N/A]";
}

SmiAnswer FakeMachine::rows(const std::string& query, const std::string& ids) {
  const auto fields = split(query, ',');
  for (const auto field : fields)
    if (std::ranges::find(fault_.unknown_fields, field) != fault_.unknown_fields.end())
      return {2, fmt::format("Field \"{}\" is not a valid field to query.\n\n", field), ""};
  const bool wrong = fault_.effect != "fields" && fault_.effect != "grow" && is_on();
  if (wrong && fault_.effect == "text")
    return {static_cast<int>(fault_.code), filled(fault_.text), ""};
  if (wrong && fault_.effect == "unreachable" && ids.empty())
    return {static_cast<int>(fault_.code), "", filled(fault_.text) + "\n"};
  std::string text;
  for (std::size_t index = 0; index < kGpus; ++index) {
    if (!ids.empty() && ids.find(uuid(index)) == std::string::npos) continue;
    if (wrong && index == gpu_ && fault_.effect == "missing") continue;
    std::string line;
    for (const auto field : fields) {
      std::string shown = value(index, std::string(field));
      const bool real = field == "power.draw" || field == "power.limit";
      if (real && !fault_.noise.empty()) replace_all(shown, ".", ",");
      // The numbers of those behind a missing GPU move down.
      if (wrong && fault_.flag && field == "index" && index > gpu_)
        shown = std::to_string(index - 1);
      line += (line.empty() ? "" : ", ") + shown;
    }
    if (wrong && index == gpu_ && fault_.effect == "garble_line")
      line = line.substr(0, 3 + random_() % 12);
    text += line + "\n";
  }
  return {0, odd(std::move(text)), ""};
}

std::string FakeMachine::links(bool errors) {
  std::string text;
  for (std::size_t index = 0; index < kGpus && fault_.nvlinks > 0; ++index) {
    text += fmt::format("GPU {}: NVIDIA H100 80GB HBM3 (UUID: {})\n", index, uuid(index));
    const bool hit = fault_.effect == "nvlink" && index == gpu_ && now() >= onset_;
    for (std::int64_t link = 0; link < fault_.nvlinks; ++link) {
      if (errors)
        text +=
            fmt::format("\t Link {}: Replay Errors: 0\n\t Link {}: CRC Errors: 0\n", link, link);
      else if (hit && link < fault_.number)
        text += fmt::format("\t Link {}: <inactive>\n", link);
      else
        text += fmt::format("\t Link {}: 26.562 GB/s\n", link);
    }
  }
  return text;
}

Result<SmiAnswer> FakeMachine::run(const std::vector<std::string>& arguments, Millis limit) {
  constexpr std::string_view kQuery = "--query-gpu=";
  const std::string& what = arguments.front();
  const bool is_query = what.starts_with(kQuery);
  const bool may_hang = fault_.effect == "hang" && (is_query || !fault_.flag);
  if (may_hang && is_on()) {
    clock_.advance(limit);
    return Error{Errc::timeout, "'nvidia-smi' timed out"};
  }
  if (fault_.effect == "no_program" && now() >= onset_)
    return Error{Errc::not_found, "there is no program 'nvidia-smi'"};
  const bool slow = is_query && fault_.effect == "slow" && now() >= onset_;
  clock_.advance(slow ? std::min(Millis{fault_.number}, limit) : kUsual);
  if (is_query) {
    const std::string ids = arguments.size() > 2 ? arguments[2] : std::string();
    return rows(what.substr(kQuery.size()), ids);
  }
  if (what.starts_with("--query-compute-apps"))
    return SmiAnswer{0, fmt::format("{}, 4411, 3900, python\n", uuid(gpu_)), ""};
  if (what.starts_with("--query-remapped-rows")) {
    std::string text;
    for (std::size_t index = 0; index < kGpus; ++index) {
      const bool hit = fault_.effect == "remapped" && index == gpu_ && now() >= onset_;
      text += uuid(index) + ", " + (hit ? fault_.text : "0, 0, No, No") + "\n";
    }
    return SmiAnswer{0, odd(std::move(text)), ""};
  }
  if (what == "nvlink") return SmiAnswer{0, links(arguments.at(1) == "-e"), ""};
  return SmiAnswer{0, "GPU 0: NVIDIA H100\n", ""};
}

std::vector<std::string> FakeMachine::kernel_lines() {
  std::vector<std::string> lines;
  const bool is_xid = fault_.effect == "xid";
  while ((is_xid || fault_.effect == "line") && !events_over_ && next_event_ <= now()) {
    std::string line = filled(fault_.text);
    if (is_xid) {
      const std::string said =
          fmt::format("NVRM: Xid (PCI:{}): {}, {}", pci(gpu_), fault_.number, line);
      // As the kernel hands it out, as dmesg prints it, as a log daemon writes it.
      switch (random_() % 3) {
        case 0:
          line =
              fmt::format("3,{},{},-;{}\n SUBSYSTEM=pci", ++sequence_, now().count() * 1'000, said);
          break;
        case 1:
          line = fmt::format("[{:5}.{:06}] {}", now().count() / 1'000, 123'456, said);
          break;
        default:
          line =
              fmt::format("Nov 21 10:00:00 gpu-17 kernel: [{}.5] {}", now().count() / 1'000, said);
      }
    }
    lines.push_back(fmt::format("6,{},{},-;usb 1-1: new high-speed USB device", ++sequence_, 1));
    lines.push_back(std::move(line));
    events_over_ = fault_.every_s == 0;
    next_event_ += std::chrono::seconds(fault_.every_s);
  }
  return lines;
}

}  // namespace galley::bench
