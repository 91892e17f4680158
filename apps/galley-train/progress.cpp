#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "job_lines.h"

namespace {

using galley::training::TrainProgress;

constexpr auto kLineEvery = std::chrono::milliseconds(250);
constexpr int kBarWidth = 24;

}  // namespace

ProgressPrinter::ProgressPrinter(std::uint32_t epochs)
    : epochs_(epochs),
      bar_(::isatty(STDERR_FILENO) == 1),
      stdout_terminal_(::isatty(STDOUT_FILENO) == 1),
      start_(std::chrono::steady_clock::now()) {}

void ProgressPrinter::show(const TrainProgress& progress) {
  const auto now = std::chrono::steady_clock::now();
  const bool line_due = !stdout_terminal_ && now - last_line_ >= kLineEvery;
  if (progress.dev_accuracy || line_due) {
    last_line_ = now;
    if (stdout_terminal_) clear_bar();
    print_line(progress);
  }
  if (progress.dev_accuracy) last_dev_accuracy_ = *progress.dev_accuracy;
  if (bar_) {
    draw_bar(progress);
  } else if (progress.dev_accuracy) {
    print_note(fmt::format("pass {} of {}: loss {:.4f}, dev accuracy {:.2f} %, {:.1f} M tokens/s",
                           progress.epoch, epochs_, progress.loss, *progress.dev_accuracy * 100,
                           progress.tokens_per_s / 1e6));
  }
}

void ProgressPrinter::print_line(const TrainProgress& progress) {
  std::string line = fmt::format(
      "galley:: step={} epoch={} total_steps={} loss={:.5f} tokens_per_s={:.0f}", progress.step,
      progress.epoch, progress.total_steps, progress.loss, progress.tokens_per_s);
  if (progress.dev_accuracy) line += fmt::format(" dev_accuracy={:.5f}", *progress.dev_accuracy);
  std::puts(line.c_str());
  std::fflush(stdout);
}

void ProgressPrinter::draw_bar(const TrainProgress& progress) {
  const double share = static_cast<double>(progress.step) /
                       static_cast<double>(std::max<std::uint64_t>(progress.total_steps, 1));
  const int full = static_cast<int>(share * kBarWidth);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double left = share > 0 ? seconds / share - seconds : 0;
  const std::string dev =
      last_dev_accuracy_ < 0 ? "" : fmt::format("  dev {:.2f} %", last_dev_accuracy_ * 100);
  // ESC [K clears what a longer line left behind.
  fmt::print(stderr,
             "\rpass {}/{} [{:#<{}}{:.<{}}] {:3.0f} %  loss {:.3f}{}  {:.0f} M tokens/s  {:.0f} s "
             "left\x1b[K",
             progress.epoch, epochs_, "", full, "", kBarWidth - full, share * 100, progress.loss,
             dev, progress.tokens_per_s / 1e6, left);
  std::fflush(stderr);
  bar_open_ = true;
}

void ProgressPrinter::clear_bar() {
  if (!bar_open_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  bar_open_ = false;
}

void ProgressPrinter::finish() {
  if (bar_open_) std::fputc('\n', stderr);
  bar_open_ = false;
}
