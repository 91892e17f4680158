#include "output_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const WallTime kNow = from_ms(1'790'000'000'000);

std::vector<std::string> told(const FoundBlock& block) {
  std::vector<std::string> told;
  for (const auto& point : block.points) {
    const std::string value = std::to_string(point.value);
    const bool whole = value.find('.') == value.npos;
    told.push_back(point.key + "@" + std::to_string(point.step) + "=" +
                   (whole ? value : value.substr(0, value.find('.') + 3)));
  }
  return told;
}

std::vector<std::string> read(OutputReader& reader, std::string_view output) {
  reader.feed(output, kNow);
  return told(reader.take(true));
}

TEST(OutputReader, ABarTellsHowFarItIs) {
  OutputReader reader;
  EXPECT_THAT(read(reader, "\r 45%|####5     | 45/100 [00:10<00:12, 4.30it/s, loss=0.31]\r"),
              ElementsAre("log/total_steps@45=100.00", "log/loss@45=0.31", "log/step@45=45.00"));
  EXPECT_THAT(read(reader, "hello\n"), IsEmpty()) << "nothing is news";
  EXPECT_THAT(read(reader, "\r 46%|####6     | 46/100 [00:10<00:12, 4.30it/s, loss=0.30]\r"),
              ElementsAre("log/loss@46=0.30", "log/step@46=46.00"));
}

TEST(OutputReader, BarsThatBeginAnewWithEachEpochAreJoined) {
  OutputReader reader;
  (void)read(reader,
             "Epoch 1/3\n10/10 [==============================] - 3s 3ms/step - loss: 2.0\n");
  const auto second =
      read(reader, "Epoch 2/3\n 5/10 [==============>...............] - ETA: 0s - loss: 1.0\n");
  EXPECT_THAT(second, ::testing::Contains("log/loss@15=1.00"));
}

TEST(OutputReader, AProgramWithItsOwnLinesIsNotReadTwice) {
  OutputReader reader;
  EXPECT_THAT(read(reader,
                   "galley:: step=4 loss=0.5\n"
                   "\r 45%|####5     | 45/100 [00:10<00:12, 4.30it/s, loss=0.31]\n"),
              IsEmpty());
}

TEST(OutputReader, GroupsOfThePatternAreTheUsersOwnNames) {
  OutputReader reader;
  reader.set_pattern(R"(it (?<step>\d+)/(?<total_steps>\d+):? loss (?<loss>[\d.a-z]+))");
  EXPECT_THAT(read(reader, "it 3/9: loss 0.5\nit 4/9: loss nan\nit 5/9: loss 0.25\n"),
              ElementsAre("total_steps@3=9.00", "loss@3=0.50", "loss@4=nan", "loss@5=0.25"));
}

TEST(OutputReader, APatternWithoutAStepCountsItsLines) {
  OutputReader reader;
  reader.set_pattern(R"(accuracy: (?<accuracy>[\d.]+))");
  EXPECT_THAT(read(reader, "accuracy: 0.5\nx\naccuracy: 0.75\n"),
              ElementsAre("accuracy@0=0.50", "accuracy@1=0.75"));
}

TEST(OutputReader, NoiseFindsNothing) {
  OutputReader reader;
  std::string noise;
  for (int i = 0; i < 100'000; ++i) noise += static_cast<char>((i * 7919) >> 3);
  reader.feed(noise, kNow);
  EXPECT_LE(reader.take(true).points.size(), 10U);
}

TEST(FoundBlock, IsReadAsItWasWritten) {
  const FoundBlock block{.points = {{"train/loss", 3, 0.1, 1'790'000'000'123},
                                    {"a b", 4, std::numeric_limits<double>::infinity(), 5}},
                         .texts = {{"hparams/lr", "1e-3 warm"}},
                         .offsets = {{"", 77}, {"run 1/events.out.tfevents.1", 12}}};
  FoundReader reader;
  FoundReader::Line last = FoundReader::Line::other;
  const std::string text = print_found(block);
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    last = reader.take(std::string_view(text).substr(at, text.find('\n', at) - at));
  ASSERT_EQ(last, FoundReader::Line::whole);
  EXPECT_EQ(print_found(reader.block()), text);
  EXPECT_EQ(reader.block().points[0].value, 0.1);
  EXPECT_EQ(reader.block().offsets.at("run 1/events.out.tfevents.1"), 12);
}

TEST(FoundBlock, CountsOnlyWhenItIsWhole) {
  FoundReader reader;
  (void)reader.take("galley-read begin");
  (void)reader.take("galley-read p 1 0.5 7 loss");
  (void)reader.take("galley-read begin");
  (void)reader.take("galley-read p 2 0.25 7 loss");
  EXPECT_EQ(reader.take("galley-read end"), FoundReader::Line::whole);
  EXPECT_EQ(reader.block().points.size(), 1U);
  EXPECT_EQ(reader.take("galley-read end"), FoundReader::Line::taken);
  (void)reader.take("galley-read begin");
  (void)reader.take("galley-read p 2 0.2");  // cut off
  EXPECT_EQ(reader.take("galley-read end"), FoundReader::Line::taken);
}

}  // namespace
}  // namespace galley::agent
