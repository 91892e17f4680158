#include "progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "terminal.h"

namespace galley::cli {
namespace {

constexpr std::chrono::milliseconds kLeastBetween{100};
constexpr std::size_t kBarColumns = 30;
constexpr std::size_t kLineColumns = 79;  // the bar must not wrap, and stderr's width is unknown

}  // namespace

std::string progress_line(const std::string& title, double ratio, const std::string& detail,
                          std::size_t width) {
  const double share = std::isfinite(ratio) ? std::clamp(ratio, 0.0, 1.0) : 0.0;
  const auto full = static_cast<std::size_t>(share * static_cast<double>(kBarColumns));
  return fit_width(fmt::format("{}  [{}{}] {:3.0f} %  {}", title, std::string(full, '#'),
                               std::string(kBarColumns - full, ' '), share * 100, detail),
                   width);
}

void Progress::show(double ratio, const std::string& detail) {
  const Instant now = system_clock().steady();
  if (!visible_ || (drawn_ && now - last_ < kLeastBetween)) return;
  last_ = now;
  drawn_ = true;
  print_note("\r\x1b[K" + progress_line(title_, ratio, detail, kLineColumns));
}

Progress::~Progress() {
  if (drawn_) print_note("\r\x1b[K");
}

}  // namespace galley::cli
