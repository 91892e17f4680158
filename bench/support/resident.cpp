#include "resident.h"

#include <fmt/format.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <string_view>

#include "base/file.h"

namespace galley::support {
namespace {

/// The sum of two counts of clock ticks in /proc/PID/stat, the first of which is so many fields
/// after the name.
Result<double> seconds_at(pid_t pid, int fields_after_name) {
  GALLEY_TRY(const std::string text, read_file(fmt::format("/proc/{}/stat", pid), 1 << 16));
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return Error{Errc::unavailable, "the process has ended"};
  std::istringstream rest(text.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < fields_after_name; ++i) rest >> skipped;
  double user = 0;
  double system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

Result<double> cpu_seconds(pid_t pid) { return seconds_at(pid, 11); }

Result<double> children_cpu_seconds(pid_t pid) { return seconds_at(pid, 13); }

Result<double> resident_mib(pid_t pid) {
  constexpr std::string_view kName = "VmRSS:";
  constexpr double kKibPerMib = 1024;
  GALLEY_TRY(const std::string status, read_file(fmt::format("/proc/{}/status", pid), 1 << 16));
  const std::size_t at = status.find(kName);
  if (at == std::string::npos) return Error{Errc::unavailable, "the server has no VmRSS"};
  return std::stod(status.substr(at + kName.size())) / kKibPerMib;
}

}  // namespace galley::support
