#include "resident.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/file.h"

namespace galley::support {

Result<double> resident_mib(pid_t pid) {
  constexpr std::string_view kName = "VmRSS:";
  constexpr double kKibPerMib = 1024;
  GALLEY_TRY(const std::string status, read_file(fmt::format("/proc/{}/status", pid), 1 << 16));
  const std::size_t at = status.find(kName);
  if (at == std::string::npos) return Error{Errc::unavailable, "the server has no VmRSS"};
  return std::stod(status.substr(at + kName.size())) / kKibPerMib;
}

}  // namespace galley::support
