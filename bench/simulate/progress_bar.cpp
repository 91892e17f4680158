#include "simulate/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace galley::bench {
namespace {

constexpr std::size_t kColumns = 30;

}  // namespace

ProgressBar::ProgressBar(std::string title)
    : title_(std::move(title)), visible_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (visible_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressBar::show(double ratio) {
  if (!visible_) return;
  const double share = std::clamp(ratio, 0.0, 1.0);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(kColumns));
  fmt::print(stderr, "\r\x1b[K{}  [{}{}] {:3.0f} %", title_, std::string(full, '#'),
             std::string(kColumns - full, ' '), share * 100);
  std::fflush(stderr);
}

}  // namespace galley::bench
