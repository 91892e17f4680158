#include "model_files.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "base/units.h"
#include "inference/quantize.h"
#include "inference/synth.h"
#include "interrupts.h"
#include "model_info.h"
#include "progress.h"

namespace galley::cli {
namespace fs = std::filesystem;
namespace {

using inference::QuantMix;
using inference::WriteOptions;
using inference::WrittenModel;

struct Writing {
  std::string in;
  std::string out;
  std::string mix;
  std::string preset;
  std::string vocabulary;
  std::int64_t seed = 1;
  std::int64_t threads = 0;
};

Result<QuantMix> wanted_mix(const char* option, const std::string& name) {
  if (const auto mix = inference::mix_of(name)) return *mix;
  return Error{Errc::invalid_argument,
               fmt::format("'{}' is no format that a model can be written in", name), option,
               inference::mix_names()};
}

Result<std::uint32_t> wanted_threads(std::int64_t threads) {
  constexpr std::int64_t kMost = 1024;
  if (threads >= 0 && threads <= kMost) return static_cast<std::uint32_t>(threads);
  return Error{Errc::invalid_argument, fmt::format("{} threads", threads), "--threads",
               fmt::format("0 (all processors) to {}", kMost)};
}

/// Runs `write` with a bar on stderr; Ctrl-C stops it, and what was half-written goes.
Result<int> write_with_progress(
    Session& session, const Writing& wanted,
    const std::function<Result<WrittenModel>(const WriteOptions&)>& write) {
  constexpr int kInterrupted = 130;
  GALLEY_TRY(const auto threads, wanted_threads(wanted.threads));
  std::stop_source stop;
  const auto started = std::chrono::steady_clock::now();
  auto written = [&] {
    const Interrupts interrupts([&stop](int) { stop.request_stop(); });
    Progress progress(fs::path(wanted.out).filename().string(), session.terminal.err_is_terminal);
    return write({.threads = threads,
                  .progress = [&progress](double ratio) { progress.show(ratio, ""); },
                  .stop = stop.get_token()});
  }();
  if (!written && stop.stop_requested()) {
    session.note(fmt::format("stopped; {} was not written", wanted.out));
    return kInterrupted;
  }
  if (!written) return written.error();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  if (session.flags.json) {
    session.print_json({{"path", wanted.out},
                        {"format", wanted.mix},
                        {"size_bytes", written->file_bytes},
                        {"tensors", written->tensor_count},
                        {"parameters", written->parameters},
                        {"took_s", took.count()}});
    return 0;
  }
  print_out(wanted.out + "\n");
  session.note(fmt::format("{} parameters in {}, {:.1f} s", written->parameters,
                           format_bytes(static_cast<std::int64_t>(written->file_bytes)),
                           took.count()));
  return 0;
}

Result<int> quantize(Session& session, const Writing& wanted) {
  GALLEY_TRY(const QuantMix mix, wanted_mix("--to", wanted.mix));
  return write_with_progress(session, wanted, [&](const WriteOptions& options) {
    return inference::quantize(wanted.in, wanted.out, mix, options);
  });
}

Result<int> synth(Session& session, const Writing& wanted) {
  GALLEY_TRY(const QuantMix mix, wanted_mix("--quant", wanted.mix));
  const auto shape = inference::synth_preset(wanted.preset);
  if (!shape) {
    std::string names;
    for (const std::string& name : inference::synth_preset_names())
      names += (names.empty() ? "" : ", ") + name;
    return Error{Errc::invalid_argument, fmt::format("there is no preset '{}'", wanted.preset),
                 "--preset", names};
  }
  if (wanted.out.empty())
    return Error{Errc::invalid_argument, "galley models synth: where to?", "--out",
                 "a file's name"};
  return write_with_progress(session, wanted, [&](const WriteOptions& options) {
    return inference::synthesize(*shape,
                                 {.mix = mix,
                                  .seed = static_cast<std::uint64_t>(wanted.seed),
                                  .vocabulary = wanted.vocabulary,
                                  .write = options},
                                 wanted.out);
  });
}

}  // namespace

std::vector<Command> model_file_commands(Session& session) {
  return {
      {.name = "info",
       .help = "What a model's files hold, the memory it takes, the kernels that will serve it",
       .examples = {"galley models info tinyllama-q4_0.gguf", "galley models info ./Qwen2-0.5B"},
       .define = [&session](Options& options) -> Action {
         auto path = std::make_shared<std::string>();
         options.positional("PATH", *path, "GGUF file or Hugging Face folder");
         return [&session, path] { return show_model_file(session, *path); };
       }},
      {.name = "quantize",
       .help = "Write a model again in a smaller format",
       .examples = {"galley models quantize ./Qwen2-0.5B qwen2-q8_0.gguf --to q8_0",
                    "galley models quantize m-f16.gguf m-q4_k_m.gguf --to q4_k_m",
                    "galley models quantize m-f16.gguf m-i8 --to i8"},
       .define = [&session](Options& options) -> Action {
         auto wanted = std::make_shared<Writing>();
         options.positional("IN", wanted->in, "GGUF file or Hugging Face folder")
             .positional("OUT", wanted->out, "GGUF file to write; a folder for i8")
             .text("--to", wanted->mix, "FORMAT", inference::mix_names())
             .number("--threads", wanted->threads, "N", "All processors when absent");
         return [&session, wanted] { return quantize(session, *wanted); };
       }},
      {.name = "synth",
       .help = "Write a model of random weights, for measuring speed and memory",
       .examples = {"galley models synth --preset 1.1b --quant q8_0 --out m.gguf",
                    "galley models synth --preset 125m --quant f16 --vocab other.gguf --out m"},
       .define = [&session](Options& options) -> Action {
         auto wanted = std::make_shared<Writing>();
         wanted->mix = "f16";
         options.text("--preset", wanted->preset, "SIZE", "15m, 125m, 350m, 1.1b, 3b or gpt2-125m")
             .text("--quant", wanted->mix, "FORMAT", "f16 (default), bf16, q8_0, q4_0, q4_k_m")
             .text("--out", wanted->out, "FILE", "GGUF file to write")
             .text("--vocab", wanted->vocabulary, "FILE",
                   "Take the tokenizer of this GGUF file instead of a made-up one")
             .number("--seed", wanted->seed, "N", "Equal seeds give equal files")
             .number("--threads", wanted->threads, "N", "All processors when absent");
         return [&session, wanted] { return synth(session, *wanted); };
       }}};
}

}  // namespace galley::cli
