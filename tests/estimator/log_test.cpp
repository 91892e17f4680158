#include "estimator/log_progress.h"

#include <gtest/gtest.h>

#include <map>

#include "eta/log_samples.h"
#include "protocol/progress_line.h"

namespace galley::estimator {
namespace {

/// A line's progress with texts that outlive the call.
struct Heard {
  LogProgress line;
  std::map<std::string, double> metrics;
};

std::vector<Heard> read_log(std::string_view text, std::size_t chunk = 1 << 20,
                            const std::vector<std::string>& patterns = {}) {
  LogReader reader;
  for (const std::string& pattern : patterns) EXPECT_TRUE(reader.add_pattern(pattern));
  std::vector<Heard> heard;
  const auto sink = [&](const LogProgress& line) {
    Heard one{.line = line, .metrics = {}};
    for (const LogMetric& metric : line.metrics)
      one.metrics[std::string(metric.name)] = metric.value;
    one.line.metrics = {};
    heard.push_back(std::move(one));
  };
  for (std::size_t at = 0; at < text.size(); at += chunk) reader.feed(text.substr(at, chunk), sink);
  reader.finish(sink);
  return heard;
}

std::vector<std::string> patterns_of(const bench::LogSample& sample) {
  if (sample.pattern.empty()) return {};
  return {sample.pattern};
}

TEST(LogReader, FindsTheProgressOfAllForms) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    for (const bench::LogSample& sample : bench::make_log_samples(2000, 10 * seed)) {
      std::map<LogFormat, std::int64_t> formats;
      for (const Heard& heard : read_log(sample.text, 1 << 20, patterns_of(sample)))
        ++formats[heard.line.format];
      std::int64_t found = 0;
      for (const auto& [format, count] : formats) found += count;
      EXPECT_GE(static_cast<double>(found), 0.99 * static_cast<double>(sample.progress_lines))
          << sample.name << " with seed " << seed;
      EXPECT_LE(found, sample.progress_lines) << sample.name << " with seed " << seed;
    }
}

TEST(LogReader, ChunksMayBeCutAnywhere) {
  for (const bench::LogSample& sample : bench::make_log_samples(200, 3)) {
    const auto whole = read_log(sample.text, 1 << 20, patterns_of(sample));
    for (const std::size_t chunk : {1, 7, 100, 4096}) {
      const auto pieces = read_log(sample.text, chunk, patterns_of(sample));
      ASSERT_EQ(pieces.size(), whole.size()) << sample.name << " in chunks of " << chunk;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        EXPECT_EQ(pieces[i].line.step, whole[i].line.step);
        EXPECT_EQ(pieces[i].metrics, whole[i].metrics);
      }
    }
  }
}

struct LogCase {
  std::string line;
  LogFormat format;
  std::optional<double> epoch, step, total;
};

TEST(LogReader, UnderstandsEachForm) {
  const std::vector<LogCase> cases{
      {"galley:: step=10 epoch=1 total_steps=100 loss=0.5", LogFormat::own, 1, 10, 100},
      {" 45%|████▌     | 45/100 [00:10<00:12,  4.30it/s, loss=0.3]", LogFormat::tqdm, {}, 45, 100},
      {"120it [1:02:03,  4.30it/s]", LogFormat::tqdm, {}, 120, {}},
      {"train: 12%|█▏| 1.20k/10.0k [00:10<01:12, 120it/s]", LogFormat::tqdm, {}, 1200, 10000},
      {"Epoch [3/10]: 45%|██| 45/100 [00:10<00:12, 4.30it/s]", LogFormat::tqdm, 3, 45, 100},
      {"Epoch 3:  45%|██| 45/100 [00:10<00:12, 4.30it/s, v_num=0]", LogFormat::lightning, 3, 45,
       100},
      {"Epoch 0:  97% 1651/1702 [13:00<00:24,  2.11it/s, loss=0.158]", LogFormat::lightning, 0,
       1651, 1702},
      {"Epoch 1/9  \x1b[35m━━━━━╸\x1b[0m━━━ 45/100 0:00:10 • 0:00:12 4.30it/s v_num: 0 loss: 0.3",
       LogFormat::lightning, 1, 45, 100},
      {" 45/100 [=====>....] - ETA: 12s - loss: 0.3", LogFormat::keras, {}, 45, 100},
      {"\x1b[1m45/100\x1b[0m \x1b[32m━━━\x1b[0m\x1b[37m━━\x1b[0m \x1b[1m12s\x1b[0m 123ms/step - "
       "loss: 0.3",
       LogFormat::keras,
       {},
       45,
       100},
      {"     12/Unknown - 3s 67ms/step - loss: 0.3", LogFormat::keras, {}, 12, {}},
      {"{'loss': 0.5, 'learning_rate': 5e-05, 'epoch': 0.5}", LogFormat::trainer, 0.5, {}, {}},
      {R"({"loss": 0.5, "epoch": 0.5, "step": 20})", LogFormat::trainer, 0.5, 20, {}},
      {"DLL 2020-06-10 23:41:49.231411 - Epoch: 0 Iteration: 10  train.loss : 7.0",
       LogFormat::dll,
       0,
       10,
       {}},
      {"0: DLL 2020-03-30 10:41:12.562594 - epoch    1 | iter   3/19 | loss 36.99 | mel loss 35.25",
       LogFormat::dll, 1, 3, 19},
      {"DLL 2020-05-28 03:32:54.425004 - (6001, 129) train_loss : 0.28",
       LogFormat::dll,
       6001,
       129,
       {}},
      {R"([0] :::MLLOG {"namespace": "", "time_ms": 1500, "event_type": "INTERVAL_END", "key": "epoch_stop", "value": null, "metadata": {"file": "a{b}.py", "lineno": 4, "epoch_num": 7}})",
       LogFormat::mllog,
       7,
       {},
       {}},
  };
  for (const LogCase& expected : cases) {
    const auto heard = read_log(expected.line + "\n");
    ASSERT_EQ(heard.size(), 1U) << expected.line;
    EXPECT_EQ(heard[0].line.format, expected.format) << expected.line;
    EXPECT_EQ(heard[0].line.epoch, expected.epoch) << expected.line;
    EXPECT_EQ(heard[0].line.step, expected.step) << expected.line;
    EXPECT_EQ(heard[0].line.total_steps, expected.total) << expected.line;
  }
}

TEST(LogReader, OtherBarsAreNoTraining) {
  EXPECT_EQ(read_log("Validation DataLoader 0:  50%|██| 5/10 [00:01<00:01, 4.3it/s]")[0].line.phase,
            LogPhase::evaluation);
  EXPECT_EQ(read_log("Downloading shards:  50%|██| 5/10 [00:01<00:01, 4.3it/s]")[0].line.phase,
            LogPhase::other);
  EXPECT_EQ(read_log("[12:30] see notes [page 4]\n{'model': {'layers': 2}}\n12/05/2026 - restart\n")
                .size(),
            0U);
}

TEST(LogReader, MetricsAndClocksAreRead) {
  const auto dll = read_log(
      "DLL 2020-06-10 00:00:10.5 - Epoch: 0 Iteration: 1 train.loss : 7.25 train.ips : 390 "
      "img/s\n");
  EXPECT_EQ(dll[0].metrics,
            (std::map<std::string, double>{{"train.loss", 7.25}, {"train.ips", 390}}));
  EXPECT_DOUBLE_EQ(*dll[0].line.at_s, 1591747210.5);
  const auto keras = read_log("Epoch 2/3\n9/9 [===] - 1s 9ms/step - loss: 0.5 - val_loss: 0.6\n");
  EXPECT_EQ(*keras[1].line.epoch, 2);
  EXPECT_EQ(*keras[1].line.total_epochs, 3);
  EXPECT_EQ(keras[1].line.mark, LogMark::epoch_end);
  EXPECT_DOUBLE_EQ(keras[1].metrics.at("val_loss"), 0.6);
}

/// The words of our own line mean the same to the agent, which stores them.
TEST(LogReader, ReadsOurLineAsTheAgentDoes) {
  const std::string blank =
      "galley::   step=3   loss=\"0.5\" note=\"two words\" \"odd\" =5 = x acc=1e-3 bad=1x";
  for (const std::string& line :
       {blank, std::string("galley:: step=-4 lr=+5"), std::string("galley:: step=1e17"),
        std::string("galley:: epoch=2 total_steps=10 inf=inf quote=\"1\\\"2\" a=\"7"),
        std::string("galley::step=5 artifact=7 checkpoint=a.pt"),
        std::string("galley:: nothing")}) {
    const auto own = *protocol::parse_progress_line(line);
    const auto heard = read_log(line + "\n");
    const bool told = own.step || !own.metrics.empty() || !own.checkpoints.empty();
    ASSERT_EQ(heard.size(), told ? 1U : 0U) << line;
    if (!told) continue;
    std::map<std::string, double> metrics = heard[0].metrics;
    if (heard[0].line.epoch) metrics["epoch"] = *heard[0].line.epoch;
    if (heard[0].line.total_steps) metrics["total_steps"] = *heard[0].line.total_steps;
    EXPECT_EQ(metrics, (std::map<std::string, double>(own.metrics.begin(), own.metrics.end())))
        << line;
    EXPECT_EQ(heard[0].line.step.has_value(), own.step.has_value()) << line;
    if (own.step) {
      EXPECT_EQ(*heard[0].line.step, static_cast<double>(*own.step)) << line;
    }
    EXPECT_EQ(heard[0].line.mark == LogMark::checkpoint, !own.checkpoints.empty()) << line;
  }
}

TEST(LogReader, ABarAndADictionaryMayShareALine) {
  const auto heard = read_log(" 10%|█| 10/100 [00:10<00:12, 4.3it/s]{'loss': 0.5, 'epoch': 0.1}\n");
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[1].line.format, LogFormat::trainer);
}

TEST(LogReader, LongLinesAndNoiseAreSkippedThrough) {
  std::string text(3 << 20, 'x');
  text += "\ngalley:: step=1\n";
  for (unsigned i = 0; i < 1U << 20; ++i) text += static_cast<char>(i * 7919U >> 5);
  text += "\ngalley:: step=2\n";
  const auto heard = read_log(text, 1000);
  ASSERT_GE(heard.size(), 2U);
  EXPECT_EQ(*heard.back().line.step, 2);
}

TEST(LogReader, APatternOfTheUserIsAskedFirst) {
  const std::vector<std::string> patterns{
      R"(iteration\s+(?<step>\d+)/\s*(?<total_steps>\d+) .* lm loss: (?<lm_loss>[\d.E+-]+))"};
  const auto heard =
      read_log(" iteration      100/  500000 | time 612.9 | lm loss: 7.89E+00 |\n", 9, patterns);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].line.format, LogFormat::custom);
  EXPECT_EQ(*heard[0].line.total_steps, 500'000);
  EXPECT_DOUBLE_EQ(heard[0].metrics.at("lm_loss"), 7.89);

  LogReader reader;
  const auto broken = reader.add_pattern("(?<step>\\d+");
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("at character"), std::string::npos);
  EXPECT_EQ(reader.add_pattern("\\d+").error().field, "pattern");
}

TEST(LogReader, APatternThatWouldTakeForeverFindsNothing) {
  EXPECT_TRUE(read_log(std::string(5000, 'a') + "b\n", 1 << 20, {"^(?<step>(a+)+)$"}).empty());
}

/// Points and total of a log whose lines come one a second.
std::pair<std::vector<ProgressPoint>, std::optional<double>> assemble(std::string_view text) {
  ProgressAssembler assembler;
  LogReader reader;
  std::vector<ProgressPoint> points;
  double second = 0;
  const auto sink = [&](const LogProgress& line) {
    for (const ProgressPoint& point : assembler.add(line, second += 1)) points.push_back(point);
  };
  reader.feed(text, sink);
  reader.finish(sink);
  return {points, assembler.total()};
}

TEST(ProgressAssembler, EpochsAreJoined) {
  std::string text;
  for (int epoch = 1; epoch <= 2; ++epoch) {
    text += "Epoch " + std::to_string(epoch) + "/3\n";
    for (int n = 1; n <= 5; ++n) text += std::to_string(n) + "/5 [==>..] - ETA: 3s - loss: 0.5\r";
    text += "\n";
  }
  const auto [points, total] = assemble(text);
  EXPECT_DOUBLE_EQ(points.back().progress, 10);
  EXPECT_DOUBLE_EQ(*total, 15);
}

TEST(ProgressAssembler, LengthOfAnEpochIsLearnedFromTheFirst) {
  std::string text;
  for (int epoch = 0; epoch < 3; ++epoch)
    for (int n = 0; n < 4; ++n)
      text += "DLL 2020-06-10 00:00:1" + std::to_string(n) + " - Epoch: " + std::to_string(epoch) +
              " Iteration: " + std::to_string(n) + " train.loss : 1\n";
  EXPECT_DOUBLE_EQ(assemble(text).first.back().progress, 11);
}

TEST(ProgressAssembler, TheLogsOwnClockRules) {
  const auto [points, total] = assemble(
      R"(:::MLLOG {"time_ms": 1000, "key": "epoch_stop", "value": null, "metadata": {"epoch_num": 1}}
:::MLLOG {"time_ms": 61000, "key": "epoch_stop", "value": null, "metadata": {"epoch_num": 2}}
)");
  ASSERT_EQ(points.size(), 2U);
  EXPECT_DOUBLE_EQ(points[1].at_s - points[0].at_s, 60);
  EXPECT_DOUBLE_EQ(points[1].progress - points[0].progress, 1);
}

TEST(ProgressAssembler, AnUntitledBarOfAnEvaluationIsNotFollowed) {
  const auto [points, total] = assemble(
      "10%|█| 50/500 [00:10<01:12, 4.3it/s]\r 50%|█| 5/10 [00:01<00:01, 4.3it/s]\r"
      "20%|██| 100/500 [00:20<01:12, 4.3it/s]\n");
  ASSERT_EQ(points.size(), 2U);
  EXPECT_DOUBLE_EQ(points.back().progress, 100);
  EXPECT_DOUBLE_EQ(*total, 500);
}

TEST(ProgressAssembler, EvaluationIsMarked) {
  const auto [points, total] = assemble(
      "Epoch 0: 100%|█| 9/9 [00:10<00:00, 4.3it/s]\nValidation DataLoader 0:   0%|  | 0/2 "
      "[00:00<?, ?it/s]\r"
      "Validation DataLoader 0: 100%|█| 2/2 [00:01<00:00, 4.3it/s]\nEpoch 1:  11%|█| 1/9 "
      "[00:01<00:08, 4.3it/s]\n");
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(points[1].kind, ProgressKind::evaluation_begin);
  EXPECT_EQ(points[2].kind, ProgressKind::evaluation_end);
  EXPECT_DOUBLE_EQ(points[3].progress, 10);
}

}  // namespace
}  // namespace galley::estimator
