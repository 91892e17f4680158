// What needs libtorch: the training of language models, and the training framework's own eager
// forward pass, which benchmarks and tests compare the engine with.
#include <dlfcn.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <string>

#include "dnn_command.h"
#include "dnn_trainer.h"
#include "eager_command.h"
#include "job_lines.h"
#include "lm_command.h"
#include "lm_trainer.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kPreempted = 75;  // stopped by SIGTERM with its work saved
constexpr int kInterrupted = 130;

/// A step allocates and frees some hundred megabytes of tensors. Without this the C library gives
/// them back to the system each time, and a fifth of the time goes into pages being cleared again.
void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
  ::mallopt(M_TOP_PAD, 256 << 20);
  ::mallopt(M_ARENA_MAX, 1);
}

/// Debian's libtorch calls whatever libblas.so.3 is; the reference one takes twenty times as long.
void warn_of_slow_blas() {
  if (::dlsym(RTLD_DEFAULT, "openblas_get_config") == nullptr)
    print_note(
        "galley-train: this machine's libblas is not OpenBLAS, and may be twenty times slower; "
        "install libopenblas0-openmp");
}

int fail(const galley::Error& error, int code) {
  print_note("galley-train: " + describe(error));
  return code;
}

int train(const LmCommand& command) {
  if (const auto status = check(command.options); !status) return fail(status.error(), kUsage);
  warn_of_slow_blas();
  keep_freed_memory();
  stop_on_signals();
  const auto outcome = run_lm(command, stop_requested());
  if (!outcome) return fail(outcome.error(), kFailed);
  if (*outcome == LmOutcome::finished) return 0;
  return stopping_signal() == SIGINT ? kInterrupted : kPreempted;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The part of galley-train that needs libtorch", "galley-train-torch"};
  app.require_subcommand(1);
  LmCommand lm;
  CLI::App* const lm_command = app.add_subcommand("lm", "Train a small language model on texts");
  describe_lm(*lm_command, lm);
  DnnCommand dnn;
  CLI::App* const dnn_command =
      app.add_subcommand("dnn", "Train a small network on measured step times");
  describe_dnn(*dnn_command, dnn);
  EagerCommand eager;
  describe_eager_generate(app, eager);
  CLI::App* const logits = describe_eager_logits(app, eager);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (*lm_command) return train(lm);
  keep_freed_memory();
  if (*dnn_command) {
    const auto done = run_dnn(dnn);
    if (done) return 0;
    return fail(done.error(),
                done.error().code == galley::Errc::invalid_argument ? kUsage : kFailed);
  }
  const auto done = *logits ? run_eager_logits(eager) : run_eager_generate(eager);
  return done ? 0 : fail(done.error(), kFailed);
}
