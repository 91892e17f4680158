#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simulation/trace.h"

namespace galley::simulation {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDone =
    R"({"id":"job_00000000000000000000000001","team":"nlp","priority_class":"idle","state":"succeeded",)"
    R"("created_at":"2026-01-01T00:00:00.000Z","started_at":"2026-01-01T00:01:00.000Z",)"
    R"("finished_at":"2026-01-01T00:03:00.000Z","spec":{"command":["x"],"resources":{"gpus":2,"nodes":3}}})";
constexpr const char* kQueued =
    R"({"id":"job_00000000000000000000000002","state":"queued","created_at":"2026-01-01T00:00:00.000Z",)"
    R"("spec":{"command":["x"]}})";

void expect_the_job(const Result<Trace>& trace) {
  ASSERT_TRUE(trace) << describe(trace.error());
  ASSERT_EQ(trace->jobs.size(), 1U);
  EXPECT_EQ(trace->teams.front(), "nlp");
  EXPECT_EQ(trace->jobs[0].duration, Millis{120'000});
  EXPECT_EQ(trace->jobs[0].gpus, 2);
  EXPECT_EQ(trace->jobs[0].nodes, 3);
  EXPECT_EQ(trace->jobs[0].priority_class, protocol::PriorityClass::idle);
}

TEST(History, IsADocumentAListOrLines) {
  const std::string both = std::string(kDone) + "," + kQueued;
  expect_the_job(parse_history("h", "{\"items\":[" + both + "],\"next_cursor\":null}"));
  expect_the_job(parse_history("h", "[" + both + "]"));
  expect_the_job(parse_history("h", std::string(kDone) + "\n\n" + kQueued + "\n"));
  expect_the_job(parse_history("h", kDone));
}

TEST(History, NamesTheLineOfWhatItCannotRead) {
  const auto error = [](const std::string& text) {
    const auto trace = parse_history("h.jsonl", text);
    return trace ? "accepted" : describe(trace.error());
  };
  EXPECT_THAT(error(std::string(kDone) + "\nnonsense\n"), HasSubstr("h.jsonl:2: "));
  EXPECT_THAT(error(R"({"state":"asleep"})"), HasSubstr("state"));
  EXPECT_THAT(error(kQueued), HasSubstr("no job that ran"));
  EXPECT_THAT(error("[1]"), HasSubstr("h.jsonl: items[0]"));
  std::string backwards(kDone);
  backwards.replace(backwards.find("00:03"), 5, "00:00");
  EXPECT_THAT(error(backwards), HasSubstr("times in this order"));
}

}  // namespace
}  // namespace galley::simulation
