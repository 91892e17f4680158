#include "log_samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace galley::bench {
namespace {

class Writer {
 public:
  explicit Writer(std::uint64_t seed) : random_(seed) {}

  bool chance(double share) { return std::uniform_real_distribution<>()(random_) < share; }
  int pick(int below) { return static_cast<int>(random_() % static_cast<std::uint64_t>(below)); }
  double real(double low, double high) {
    return std::uniform_real_distribution<>(low, high)(random_);
  }

  /// What else a training program prints.
  std::string chatter() {
    constexpr std::array<std::string_view, 12> kLines{
        "2026-03-01 10:22:01,332 - INFO - loading shard 3/128 from cache",
        "/usr/lib/python3/dist-packages/torch/functional.py:504: UserWarning: torch.meshgrid: in "
        "an "
        "upcoming release, it will be required to pass the indexing argument.",
        "  return _VF.meshgrid(tensors, **kwargs)  # type: ignore[attr-defined]",
        "[rank0]:[W301 10:22:04.112 ProcessGroupNCCL.cpp:1250] Warning: WARNING: "
        "destroy_process_group",
        "NCCL INFO Channel 00/02 :    0   1   2   3",
        "node-17:4021:4088 [2] NCCL INFO Connected all rings",
        "Parameters: 124.44M, trainable 100.0 %, [embedding, encoder, head]",
        "{'model': {'layers': 12, 'width': 768}, 'data': '/data/c4', 'batch': 32}",
        "GPU 0: 38211MiB / 40960MiB (93%)",
        "",
        "\xe5\xad\xa6\xe4\xb9\xa0\xe7\x8e\x87 3e-4, warm-up 10:30 minutes [see notes, page 4]",
        "\x01\x02\xff\xfe\x80 binary \x00\x1f noise"};
    return std::string(kLines[static_cast<std::size_t>(pick(static_cast<int>(kLines.size())))]);
  }

  /// What launchers put before every line: torchrun, srun, mpirun, docker compose, or nothing.
  std::string prefix() {
    switch (style_) {
      case 1:
        return "[0] ";
      case 2:
        return " 0: ";
      case 3:
        return "trainer-1  | ";
      case 4:
        return "[1,0]<stdout>:";
      default:
        return "";
    }
  }
  void choose_style() { style_ = pick(6); }

  std::string end() { return chance(0.1) ? "\r\n" : "\n"; }

  std::string bar(std::int64_t n, std::int64_t total, int width) {
    constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto filled = static_cast<int>(8 * n * width / std::max<std::int64_t>(total, 1));
    std::string text;
    for (int i = 0; i < filled / 8; ++i) text += "█";
    text += kEighths[static_cast<std::size_t>(filled % 8)];
    const int used = filled / 8 + (filled % 8 > 0 ? 1 : 0);
    for (int i = used; i < width; ++i) text += ' ';
    return text;
  }

  static std::string clock(double seconds) {
    const auto s = static_cast<std::int64_t>(seconds);
    return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                     : fmt::format("{:02}:{:02}", s / 60, s % 60);
  }

  static std::string rate(double step_s) {
    return step_s < 1 ? fmt::format("{:5.2f}it/s", 1 / step_s) : fmt::format("{:5.2f}s/it", step_s);
  }

 private:
  std::mt19937_64 random_;
  int style_ = 0;
};

std::string tqdm_bar(Writer& w, std::string_view title, std::int64_t n, std::int64_t total,
                     double step_s, std::string_view postfix) {
  const double done_s = static_cast<double>(n) * step_s;
  const double left_s = static_cast<double>(total - n) * step_s;
  const auto percent = 100 * n / total;
  const std::string remaining = n == 0 ? "?" : Writer::clock(left_s);
  const std::string speed = n == 0 ? "?it/s" : Writer::rate(step_s);
  if (w.chance(0.1))  // a terminal too narrow for the bar itself
    return fmt::format("{}{:3}% {}/{} [{}<{}, {}{}]", title, percent, n, total,
                       Writer::clock(done_s), remaining, speed, postfix);
  return fmt::format("{}{:3}%|{}| {}/{} [{}<{}, {}{}]", title, percent,
                     w.bar(n, total, 10 + w.pick(60)), n, total, Writer::clock(done_s), remaining,
                     speed, postfix);
}

LogSample tqdm_sample(std::int64_t lines, std::uint64_t seed) {
  Writer w(seed);
  LogSample sample{.name = "tqdm", .text = {}};
  while (sample.progress_lines < lines) {
    w.choose_style();
    const std::int64_t total = 20 + w.pick(400);
    const double step_s = w.real(0.01, 4);
    const int kind = w.pick(5);
    for (std::int64_t n = 0; n <= total && sample.progress_lines < lines; ++n) {
      std::string line;
      if (kind == 0)
        line = fmt::format("{}it [{}, {}]", n + 1, Writer::clock(static_cast<double>(n) * step_s),
                           Writer::rate(step_s));
      else if (kind == 1)
        line = fmt::format("{:3}%|{}| {:.2f}k/{:.2f}k [{}<{}, {:.1f}kB/s]", 100 * n / total,
                           w.bar(n, total, 20), static_cast<double>(n), static_cast<double>(total),
                           Writer::clock(static_cast<double>(n)), Writer::clock(9), 3.4);
      else
        line =
            tqdm_bar(w, kind == 2 ? "train: " : "", n, total, step_s,
                     kind == 3 ? fmt::format(", loss={:.4f}, lr={:.2e}", w.real(0, 9), 3e-4) : "");
      sample.text += "\r" + w.prefix() + line;
      ++sample.progress_lines;
      if (w.chance(0.02)) sample.text += "\n" + w.chatter();
    }
    sample.text += "\n";
  }
  return sample;
}

LogSample keras_sample(std::int64_t lines, std::uint64_t seed) {
  Writer w(seed);
  LogSample sample{.name = "keras", .text = {}};
  while (sample.progress_lines < lines) {
    const int version = w.pick(3);
    const std::int64_t total = 10 + w.pick(200);
    const int epochs = 2 + w.pick(4);
    for (int epoch = 1; epoch <= epochs; ++epoch) {
      sample.text += fmt::format("Epoch {}/{}\n", epoch, epochs);
      ++sample.progress_lines;
      for (std::int64_t n = version == 2 ? total : 1; n <= total; ++n) {
        const bool last = n == total;
        std::string metrics =
            fmt::format(" - loss: {:.4f} - accuracy: {:.4f}", w.real(0, 4), w.real(0, 1));
        if (last)
          metrics +=
              fmt::format(" - val_loss: {:.4f} - val_accuracy: {:.4f}", w.real(0, 4), w.real(0, 1));
        if (version == 0) {
          std::string drawn(30, '.');
          for (std::int64_t i = 0; i < 30 * n / total; ++i)
            drawn[static_cast<std::size_t>(i)] = '=';
          sample.text += fmt::format("{}\r{:3}/{} [{}]{}{}", std::string(80, '\b'), n, total, drawn,
                                     last ? " - 12s 110ms/step" : " - ETA: 12s", metrics);
        } else if (version == 1) {
          std::string drawn;
          for (std::int64_t i = 0; i < 20 * n / total; ++i) drawn += "━";
          sample.text += fmt::format(
              "\r\x1b[1m{:3}/{}\x1b[0m \x1b[32m{}\x1b[0m\x1b[37m━━\x1b[0m \x1b[1m{}s\x1b[0m "
              "{}ms/step{}",
              n, total, drawn, last ? 12 : 3, 110, metrics);
        } else {
          sample.text += fmt::format("{}/{} - 12s{} - 12s/epoch - 110ms/step", n, total, metrics);
        }
        ++sample.progress_lines;
        if (last) sample.text += "\n";
      }
      if (w.chance(0.3)) sample.text += w.chatter() + "\n";
    }
  }
  return sample;
}

LogSample lightning_sample(std::int64_t lines, std::uint64_t seed) {
  Writer w(seed);
  LogSample sample{.name = "lightning", .text = {}};
  while (sample.progress_lines < lines) {
    const std::int64_t total = 10 + w.pick(300);
    const double step_s = w.real(0.02, 2);
    const bool rich = w.chance(0.3);
    for (int epoch = 0; epoch < 3; ++epoch) {
      for (std::int64_t n = 0; n <= total; ++n) {
        if (rich) {
          std::string drawn;
          for (std::int64_t i = 0; i < 40 * n / total; ++i) drawn += "━";
          sample.text += fmt::format(
              "\x1b[2K\rEpoch {}/2  \x1b[35m{}╸\x1b[0m\x1b[37m━━━\x1b[0m {}/{} 0:{:02}:{:02} • "
              "0:00:31 {:.2f}it/s "
              "v_num: 0.000 train_loss: {:.3f}",
              epoch, drawn, n, total, 0, n % 60, 1 / step_s, w.real(0, 4));
        } else {
          sample.text +=
              "\r" +
              tqdm_bar(w, fmt::format("Epoch {}: ", epoch), n, total, step_s,
                       n == 0 ? "" : fmt::format(", v_num=3, train_loss={:.3f}", w.real(0, 4)));
        }
        ++sample.progress_lines;
        if (w.chance(0.02)) sample.text += "\n" + w.chatter() + "\n";
      }
      sample.text += "\n";
      for (std::int64_t n = 0; n <= 5; ++n) {
        sample.text += "\r" + tqdm_bar(w, "Validation DataLoader 0: ", n, 5, step_s, "") + "\x1b[A";
        ++sample.progress_lines;
      }
      sample.text += "\n";
    }
  }
  return sample;
}

LogSample trainer_sample(std::int64_t lines, std::uint64_t seed) {
  Writer w(seed);
  LogSample sample{.name = "trainer", .text = {}};
  while (sample.progress_lines < lines) {
    const std::int64_t total = 200 + w.pick(800);
    const int style = w.pick(3);
    const std::string logger =
        w.chance(0.5) ? "[INFO|trainer.py:1779] 2026-01-02 03:04:05,678 >> " : "";
    sample.text += logger + "***** Running training *****\n" + logger +
                   "  Num examples = 12,000\n" + logger + "  Num Epochs = 3\n" + logger +
                   fmt::format("  Total optimization steps = {}\n", total);
    sample.progress_lines += 3;
    for (std::int64_t step = 10; step <= total; step += 10) {
      const double epoch = 3 * static_cast<double>(step) / static_cast<double>(total);
      if (style == 0)
        sample.text += fmt::format(
            "{{'loss': {:.4f}, 'grad_norm': {:.6f}, 'learning_rate': {:.8g}, 'epoch': {:.2f}}}",
            w.real(0, 9), w.real(0, 2), 5e-5, epoch);
      else if (style == 1)
        sample.text += fmt::format(
            "{{'loss': '{:.4g}', 'grad_norm': 'nan', 'learning_rate': '{:.4g}', 'epoch': "
            "'{:.4g}'}}",
            w.real(0, 9), 5e-5, epoch);
      else
        sample.text += fmt::format(
            R"({{"epoch": {:.2f}, "grad_norm": {:.4f}, "learning_rate": {:.6g}, "loss": {:.4f}, "step": {}}})",
            epoch, w.real(0, 2), 5e-5, w.real(0, 9), step);
      sample.text += w.end();
      ++sample.progress_lines;
      sample.text += tqdm_bar(w, "", step, total, 0.3, "") + "\r";
      ++sample.progress_lines;
      if (step % 200 == 0) {
        sample.text += logger + "***** Running Evaluation *****\n";
        sample.text += fmt::format(
            "{{'eval_loss': {:.4f}, 'eval_runtime': 12.3, 'eval_samples_per_second': 80.1, "
            "'epoch': {:.2f}}}\n",
            w.real(0, 9), epoch);
        sample.text += logger + "Saving model checkpoint to out/checkpoint-200\n";
        sample.progress_lines += 3;
      }
      if (w.chance(0.05)) sample.text += w.chatter() + "\n";
    }
    sample.text +=
        "{'train_runtime': 812.4, 'train_samples_per_second': 44.3, 'train_loss': 1.2, 'epoch': "
        "3.0}\n";
    ++sample.progress_lines;
  }
  return sample;
}

LogSample dll_sample(std::int64_t lines, std::uint64_t seed) {
  Writer w(seed);
  LogSample sample{.name = "dll", .text = {}};
  while (sample.progress_lines < lines) {
    w.choose_style();
    const int style = w.pick(5);
    double at_s = 0;
    const auto stamp = [&]() {
      at_s += w.real(0.05, 2);
      const auto s = static_cast<int>(at_s);
      return fmt::format("{}DLL 2020-06-10 {:02}:{:02}:{:02}.{:06}", w.prefix(), 3 + s / 3600 % 20,
                         s / 60 % 60, s % 60, w.pick(1'000'000));
    };
    sample.text +=
        stamp() +
        " - PARAMETER data : /data/image  workers : 8  epochs : 2  batch_size : 128  lr : 1.024\n";
    ++sample.progress_lines;
    const int steps = 20 + w.pick(200);
    for (int epoch = 0; epoch < 2; ++epoch) {
      for (int step = 0; step < steps; ++step) {
        const double loss = w.real(0, 9);
        if (style == 0)
          sample.text += fmt::format(
              "{} - Epoch: {} Iteration: {}  train.loss : {:.5f}  train.total_ips : 390.42 img/s",
              stamp(), epoch, step, loss);
        else if (style == 1)
          sample.text += fmt::format("{} - ({}, {}) train_loss : {}", stamp(), epoch, step, loss);
        else if (style == 2)
          sample.text += fmt::format(
              "{} - epoch {:4} | iter {:3}/{} | loss {:5.2f} | mel loss {:5.2f} |  {:.2f} items/s "
              "| elapsed {:.2f} s | lrate 1.00E-01 -> 3.16E-06",
              stamp(), epoch + 1, step + 1, steps, loss, loss, 142370.5, 2.5);
        else if (style == 3)
          sample.text += fmt::format(
              "{} - Iteration: {}  throughput_train : 145.221 seq/s mlm_loss : {:.4f}  "
              "learning_rate : 5.25e-06",
              stamp(), epoch * steps + step, loss);
        else
          sample.text += fmt::format("{} - ({}, {}) glob_iter/iters_per_epoch : {}/{}", stamp(),
                                     epoch, step, epoch * steps + step + 1, steps);
        sample.text += w.end();
        ++sample.progress_lines;
        if (w.chance(0.03)) sample.text += w.chatter() + "\n";
      }
      if (style == 0)
        sample.text +=
            fmt::format("{} - Epoch: {} train.loss : 6.1  val.top1 : 12.5 %  val.loss : 5.2",
                        stamp(), epoch) +
            "\n";
      else
        sample.text += fmt::format("{} - ({},) train_epoch_loss : 3.1", stamp(), epoch) + "\n";
      ++sample.progress_lines;
    }
  }
  return sample;
}

LogSample mllog_sample(std::int64_t lines, std::uint64_t seed) {
  Writer w(seed);
  LogSample sample{.name = "mllog", .text = {}};
  while (sample.progress_lines < lines) {
    w.choose_style();
    std::int64_t at_ms = 1'696'565'401'886;
    const auto line = [&](std::string_view type, std::string_view key, std::string_view value,
                          std::string_view more) {
      at_ms += w.pick(20'000);
      sample.text +=
          w.prefix() +
          fmt::format(
              R"(:::MLLOG {{"namespace": "", "time_ms": {}, "event_type": "{}", "key": "{}", "value": {}, "metadata": {{"file": "/workspace/train.py", "lineno": {}{}}}}})",
              at_ms, type, key, value, w.pick(2000), more) +
          w.end();
    };
    line("POINT_IN_TIME", "cache_clear", "true", "");
    line("POINT_IN_TIME", "submission_benchmark", "\"resnet\"", "");
    line("INTERVAL_START", "run_start", "null", "");
    ++sample.progress_lines;
    for (int epoch = 1; epoch <= 40; ++epoch) {
      const std::string number = w.chance(0.2)
                                     ? fmt::format(", \"epoch_num\": {:.7f}", epoch + 0.05)
                                     : fmt::format(", \"epoch_num\": {}", epoch);
      line("INTERVAL_START", "epoch_start", "null", number);
      line("POINT_IN_TIME", "tracked_stats",
           fmt::format("{{\"throughput\": {:.4f}}}", w.real(100, 9000)),
           fmt::format(", \"step\": {}", 100 * epoch));
      line("INTERVAL_END", "epoch_stop", "null", number);
      line("INTERVAL_START", "eval_start", "null", number);
      line("POINT_IN_TIME", "eval_accuracy", fmt::format("{:.5f}", w.real(0, 1)), number);
      line("INTERVAL_END", "eval_stop", "null", number);
      sample.progress_lines += 6;
      if (w.chance(0.2)) sample.text += w.chatter() + "\n";
    }
    line("INTERVAL_END", "run_stop", "null", ", \"status\": \"success\"");
    ++sample.progress_lines;
  }
  return sample;
}

/// Lines of our own form, as a program prints them that was written for us.
LogSample own_sample(std::int64_t lines, std::uint64_t seed) {
  Writer w(seed);
  LogSample sample{.name = "galley", .text = {}};
  for (std::int64_t step = 1; sample.progress_lines < lines; ++step) {
    sample.text += fmt::format("galley:: step={} epoch={} total_steps={} loss={:.5f} lr={:.3e}",
                               step, step / 500, lines, w.real(0, 9), w.real(0, 1e-3)) +
                   w.end();
    ++sample.progress_lines;
    if (step % 500 == 0) {
      sample.text += fmt::format("galley:: step={} checkpoint=out/{}.pt\n", step, step);
      ++sample.progress_lines;
    }
    if (w.chance(0.1)) sample.text += w.chatter() + "\n";
  }
  return sample;
}

/// Lines of no form that we know, with a pattern for them.
LogSample pattern_sample(std::int64_t lines, std::uint64_t seed) {
  Writer w(seed);
  LogSample sample{.name = "pattern",
                   .text = {},
                   .pattern = R"(iteration\s+(?<step>\d+)/\s*(?<total_steps>\d+) \|.*)"
                              R"( lm loss: (?<lm_loss>[\d.E+-]+) \|)"};
  w.choose_style();
  for (std::int64_t step = 1; sample.progress_lines < lines; ++step) {
    sample.text +=
        w.prefix() +
        fmt::format(
            " iteration {:8}/{:8} | consumed samples: {:12} | elapsed time per iteration "
            "(ms): {:.1f} | learning rate: {:.3E} | lm loss: {:.6E} | loss scale: 1.0 |",
            step, lines, 256 * step, w.real(100, 900), 3e-4, w.real(0, 9)) +
        w.end();
    ++sample.progress_lines;
    if (w.chance(0.1)) sample.text += w.chatter() + "\n";
  }
  return sample;
}

}  // namespace

std::vector<LogSample> make_log_samples(std::int64_t lines, std::uint64_t seed) {
  return {tqdm_sample(lines, seed),          keras_sample(lines, seed + 1),
          lightning_sample(lines, seed + 2), trainer_sample(lines, seed + 3),
          dll_sample(lines, seed + 4),       mllog_sample(lines, seed + 5),
          own_sample(lines, seed + 6),       pattern_sample(lines, seed + 7)};
}

}  // namespace galley::bench
