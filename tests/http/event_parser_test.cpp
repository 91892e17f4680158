#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/client.h"

namespace galley::http {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> events_of(const std::vector<std::string_view>& pieces) {
  std::vector<std::string> seen;
  EventParser parser;
  for (const auto piece : pieces)
    EXPECT_TRUE(parser.feed(piece, [&](const EventParser::Event& event) {
      seen.push_back(event.id + "|" + event.name + "|" + event.data);
    }));
  return seen;
}

TEST(EventParser, ReadsFieldsAndKeepsTheLastId) {
  EXPECT_THAT(
      events_of({"id: 7\nevent: job\ndata: a\ndata:b\n\n: a comment\ndata\n\nretry: 5\n\n"}),
      ElementsAre("7|job|a\nb", "7|message|"));
}

TEST(EventParser, DoesNotCareWherePiecesEnd) {
  const std::string text = "\xEF\xBB\xBFid: 1\r\nevent: x\rdata: one\r\ndata: two\n\r\ndata: 3\r\r";
  const auto whole = events_of({text});
  EXPECT_THAT(whole, ElementsAre("1|x|one\ntwo", "1|message|3"));
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(
        events_of({std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)}),
        whole)
        << cut;
  std::vector<std::string_view> single;
  for (std::size_t i = 0; i < text.size(); ++i)
    single.push_back(std::string_view(text).substr(i, 1));
  EXPECT_EQ(events_of(single), whole);
}

TEST(EventParser, GivesNothingForAnUnfinishedEvent) {
  EXPECT_THAT(events_of({"data: a\n"}), ElementsAre());
  EXPECT_THAT(events_of({"event: only\n\n"}), ElementsAre());
}

TEST(EventParser, RefusesAnEndlessEvent) {
  EventParser parser;
  const std::string line = "data: " + std::string(1 << 16, 'x') + "\n";
  Status outcome = ok();
  for (int i = 0; i < 20 && outcome; ++i) outcome = parser.feed(line, [](const auto&) {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::too_large);
}

}  // namespace
}  // namespace galley::http
