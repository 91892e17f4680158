#include "lm_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "job_lines.h"

namespace {

constexpr auto kLineEvery = std::chrono::seconds(1);
constexpr int kBarWidth = 24;

void print_line(const LmProgress& progress) {
  std::string line = fmt::format("galley:: step={}", progress.step);
  if (progress.total_steps > 0) line += fmt::format(" total_steps={}", progress.total_steps);
  if (progress.loss)
    line += fmt::format(" loss={:.4f} tokens_per_s={:.0f} lr={:.3e}", *progress.loss,
                        progress.tokens_per_s, progress.learning_rate);
  if (progress.val_loss) line += fmt::format(" val_loss={:.4f}", *progress.val_loss);
  std::puts(line.c_str());
  std::fflush(stdout);
}

}  // namespace

LmPrinter::LmPrinter()
    : bar_(::isatty(STDERR_FILENO) == 1), stdout_terminal_(::isatty(STDOUT_FILENO) == 1) {}

bool LmPrinter::due() const { return std::chrono::steady_clock::now() - last_line_ >= kLineEvery; }

void LmPrinter::show(const LmProgress& progress) {
  last_line_ = std::chrono::steady_clock::now();
  if (progress.val_loss || !stdout_terminal_) {
    if (stdout_terminal_) finish();
    print_line(progress);
  }
  if (progress.val_loss) last_val_loss_ = *progress.val_loss;
  if (progress.loss) last_loss_ = *progress.loss;
  if (bar_)
    draw_bar(progress);
  else if (progress.val_loss && progress.loss)
    print_note(fmt::format(
        "step {} of {}: loss {:.3f}, validation {:.3f} nats a token, {:.0f} s left", progress.step,
        progress.total_steps, *progress.loss, *progress.val_loss, progress.seconds_left));
}

void LmPrinter::draw_bar(const LmProgress& progress) {
  const int full = static_cast<int>(progress.share * kBarWidth);
  const std::string validation =
      last_val_loss_ > 0 ? fmt::format("  validation {:.3f}", last_val_loss_) : "";
  // ESC [K clears what a longer line left behind.
  fmt::print(stderr,
             "\rstep {}/{} [{:#<{}}{:.<{}}] {:3.0f} %  loss {:.3f}{}  {:.0f} tokens/s  {:.0f} s "
             "left\x1b[K",
             progress.step, progress.total_steps, "", full, "", kBarWidth - full,
             progress.share * 100, last_loss_, validation, progress.tokens_per_s,
             progress.seconds_left);
  std::fflush(stderr);
  bar_open_ = true;
}

void LmPrinter::finish() {
  if (bar_open_) std::fputc('\n', stderr);
  bar_open_ = false;
}
