// Servers that answer well, and servers that do not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "fake_target.h"
#include "profiling/measure.h"
#include "target_subject.h"

namespace galley::profiling {
namespace {

using ::testing::Contains;
using testing::FakeAnswer;
using testing::FakeTarget;
using ::testing::HasSubstr;

/// So many tokens as were asked for, a piece each.
void answer_well(const std::string&, const Json& body, FakeAnswer& answer) {
  answer.begin_stream();
  const int tokens = body.value("max_tokens", 1);
  for (int i = 0; i < tokens; ++i) answer.piece("ab ");
  answer.finish("length", 40, tokens);
}

std::unique_ptr<TargetSubject> open(const FakeTarget& target,
                                    std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
  auto subject = TargetSubject::open({.url = target.url(), .timeout = timeout}, {});
  EXPECT_TRUE(subject) << describe(subject.error());
  return subject ? *std::move(subject) : nullptr;
}

Ask ask_for(std::uint32_t tokens) {
  Ask ask;
  ask.prompt.text = "A prompt.";
  ask.max_tokens = tokens;
  return ask;
}

/// Plain until it was found out what the server takes; then as told.
FakeTarget::Handler after_opening(FakeTarget::Handler handler) {
  auto opened = std::make_shared<std::atomic<bool>>(false);
  return [opened, handler](const std::string& path, const Json& body, FakeAnswer& answer) {
    if (opened->exchange(true))
      handler(path, body, answer);
    else
      answer_well(path, body, answer);
  };
}

TEST(TargetSubject, AnswersWithTimesAndCounts) {
  const FakeTarget target(answer_well);
  const auto subject = open(target);
  ASSERT_NE(subject, nullptr);
  EXPECT_EQ(subject->model().name, "fake");
  EXPECT_EQ(subject->model().context, 512U);
  const std::vector<Ask> asks(5, ask_for(6));
  const auto replies = subject->answer(asks, {.at_once = 3});
  ASSERT_EQ(replies.size(), 5U);
  for (const Reply& reply : replies) {
    EXPECT_EQ(reply.fault, "");
    EXPECT_EQ(reply.prompt_tokens, 40U);
    EXPECT_EQ(reply.output_tokens, 6U);
    EXPECT_EQ(reply.finish, "length");
    EXPECT_EQ(reply.text, "ab ab ab ab ab ab ");
    EXPECT_GT(reply.first_token_ms, 0);
    EXPECT_GE(reply.latency_ms, reply.first_token_ms);
  }
  EXPECT_TRUE(subject->take_notes().empty());
}

TEST(TargetSubject, CutsPromptsByWhatTheServerCounts) {
  const FakeTarget target(answer_well);
  const auto subject = open(target);
  ASSERT_NE(subject, nullptr);
  // The probe's 480 bytes and more were counted as 40 tokens.
  const auto prompt = subject->make_prompt(1, 0, 100, PromptShape::prose);
  EXPECT_GT(prompt.text.size(), 1000U);
  EXPECT_LT(prompt.text.size(), 1400U);
}

TEST(TargetSubject, SendsNoPromptTwiceUnlessTold) {
  std::mutex mutex;
  std::vector<std::string> sent;
  const FakeTarget target(
      after_opening([&](const std::string& path, const Json& body, FakeAnswer& answer) {
        {
          const std::lock_guard lock(mutex);
          sent.push_back(body.value("prompt", ""));
        }
        answer_well(path, body, answer);
      }));
  const auto subject = open(target);
  ASSERT_TRUE(subject);
  Ask ask = ask_for(2);
  ask.prompt = subject->make_prompt(1, 0, 40, PromptShape::prose);
  const std::vector<Ask> same{ask, ask};
  subject->answer(same, {});
  ask.exactly = true;
  const std::vector<Ask> exactly{ask, ask};
  subject->answer(exactly, {});
  ASSERT_EQ(sent.size(), 4U);
  const std::string own = ask.prompt.text;
  const auto rest = own.substr(own.find('.'));
  for (const std::string& prompt : sent) EXPECT_EQ(prompt.substr(prompt.find('.')), rest);
  EXPECT_NE(sent[0], sent[1]);
  EXPECT_NE(sent[0], own);
  EXPECT_EQ(sent[2], own);
  EXPECT_EQ(sent[3], own);
}

TEST(TargetSubject, DoesWithoutFieldsThatAServerRefuses) {
  const FakeTarget target([](const std::string& path, const Json& body, FakeAnswer& answer) {
    if (body.contains("repetition_penalty") || body.contains("ignore_eos"))
      answer.json({{"error", {{"message", "unknown field"}}}}, 400);
    else
      answer_well(path, body, answer);
  });
  const auto subject = open(target);
  ASSERT_NE(subject, nullptr);
  Ask ask = ask_for(3);
  ask.repetition_penalty = 3;
  ask.ignore_eos = true;
  EXPECT_EQ(subject->answer(std::span(&ask, 1), {}).at(0).fault, "");
  EXPECT_THAT(subject->take_notes(), Contains(HasSubstr("no fields but OpenAI's")));
}

TEST(TargetSubject, ChatsWhereThereAreNoCompletions) {
  const FakeTarget target([](const std::string& path, const Json& body, FakeAnswer& answer) {
    if (path != "/v1/chat/completions")
      return answer.json({{"error", {{"message", "not here"}}}}, 404);
    answer.begin_stream();
    answer.event(
        dump_json({{"choices", {{{"delta", {{"content", body["messages"][0]["content"]}}}}}}}));
    answer.finish("stop", 5, 1);
  });
  const auto subject = open(target);
  ASSERT_NE(subject, nullptr);
  const Ask ask = ask_for(3);
  const auto replies = subject->answer(std::span(&ask, 1), {});
  EXPECT_EQ(replies.at(0).text, "A prompt.");
  EXPECT_EQ(replies.at(0).finish, "eos");
  EXPECT_THAT(subject->take_notes(), Contains(HasSubstr("sent as chats")));
}

TEST(TargetSubject, AStallIsAFaultAfterTheTimeout) {
  const FakeTarget target(after_opening([](const std::string&, const Json&, FakeAnswer& answer) {
    answer.begin_stream();
    answer.piece("a");
    answer.stall();
  }));
  const auto subject = open(target, std::chrono::milliseconds(200));
  ASSERT_NE(subject, nullptr);
  const std::vector<Ask> asks(4, ask_for(3));
  const auto replies = subject->answer(asks, {.at_once = 4});
  ASSERT_EQ(replies.size(), 4U);
  for (const Reply& reply : replies) EXPECT_THAT(reply.fault, HasSubstr("nothing came for"));
}

TEST(TargetSubject, AnInterruptedWaitEndsAtOnce) {
  const FakeTarget target(
      after_opening([](const std::string&, const Json&, FakeAnswer& answer) { answer.stall(); }));
  std::stop_source stop;
  auto subject = TargetSubject::open({.url = target.url(), .timeout = std::chrono::minutes(10)},
                                     stop.get_token());
  ASSERT_TRUE(subject) << describe(subject.error());
  const std::jthread interrupter([&] {
    while (target.count("/v1/completions") < 2) std::this_thread::yield();
    stop.request_stop();
  });
  const std::vector<Ask> asks(3, ask_for(3));
  const auto replies = (*subject)->answer(asks, {});
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_NE(replies[0].fault, "");
}

TEST(TargetSubject, AStreamThatBreaksOffIsAFault) {
  const FakeTarget target(after_opening([](const std::string&, const Json&, FakeAnswer& answer) {
    answer.begin_stream();
    answer.piece("a");
    answer.piece("b");
  }));
  const auto subject = open(target);
  ASSERT_NE(subject, nullptr);
  const Ask ask = ask_for(3);
  EXPECT_THAT(subject->answer(std::span(&ask, 1), {}).at(0).fault,
              HasSubstr("ended after 2 pieces"));
}

TEST(TargetSubject, AnErrorWithinAStreamIsAFault) {
  const FakeTarget target(after_opening([](const std::string&, const Json&, FakeAnswer& answer) {
    answer.begin_stream();
    answer.event(R"({"error":{"message":"out of memory"}})");
  }));
  const auto subject = open(target);
  ASSERT_NE(subject, nullptr);
  const Ask ask = ask_for(3);
  EXPECT_THAT(subject->answer(std::span(&ask, 1), {}).at(0).fault, HasSubstr("out of memory"));
}

TEST(TargetSubject, CountsForItselfWhereAServerLies) {
  const FakeTarget target(after_opening([](const std::string&, const Json&, FakeAnswer& answer) {
    answer.begin_stream();
    for (int i = 0; i < 4; ++i) answer.piece("word ");
    answer.finish("length", 10, 400);
  }));
  const auto subject = open(target);
  ASSERT_NE(subject, nullptr);
  const Ask ask = ask_for(8);
  const auto replies = subject->answer(std::span(&ask, 1), {});
  EXPECT_EQ(replies.at(0).fault, "");
  EXPECT_EQ(replies.at(0).output_tokens, 4U);
  EXPECT_THAT(subject->take_notes(),
              Contains(HasSubstr("400 tokens were said where 4 pieces of text came")));
  EXPECT_TRUE(subject->take_notes().empty());
}

TEST(TargetSubject, TellsWhyATargetCannotBeMeasured) {
  const FakeTarget refuses([](const std::string&, const Json&, FakeAnswer& answer) {
    answer.json({{"error", {{"message", "no GPU left"}}}}, 500);
  });
  const auto refused = TargetSubject::open({.url = refuses.url()}, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("no GPU left"));

  const FakeTarget empty(answer_well, {{"data", Json::array()}});
  EXPECT_THAT(TargetSubject::open({.url = empty.url()}, {}).error().message,
              HasSubstr("names no model"));
  const FakeTarget other(answer_well);
  EXPECT_THAT(TargetSubject::open({.url = other.url(), .model = "gpt"}, {}).error().message,
              HasSubstr("no model 'gpt'"));
  std::string gone;
  {
    const FakeTarget closed(answer_well);
    gone = closed.url();
  }
  EXPECT_EQ(TargetSubject::open({.url = gone}, {}).error().code, Errc::unavailable);
}

TEST(MeasureTarget, FillsWhatAServerCanBeAskedFor) {
  const FakeTarget target(answer_well);
  MeasureOptions options;
  options.target = target.url();
  options.seconds = 50;
  options.rounds = 1;
  const auto profile = measure(options, {}, {});
  ASSERT_TRUE(profile) << describe(profile.error());
  EXPECT_EQ(profile->target, target.url());
  for (const char* id : {"narrow", "wide-greedy", "one-shot", "length", "capacity"})
    EXPECT_FALSE(profile->find(id)->rows.empty()) << id;
  for (const char* id : {"budget", "formats", "warm-up"}) {
    EXPECT_TRUE(profile->find(id)->rows.empty()) << id;
    EXPECT_THAT(profile->find(id)->notes, Contains(HasSubstr("cannot be asked"))) << id;
  }
  EXPECT_EQ(profile->scale, 0.45);
}

TEST(MeasureTarget, GoesOnWhereOnlyLongPromptsAreRefused) {
  const FakeTarget target(
      after_opening([](const std::string& path, const Json& body, FakeAnswer& answer) {
        if (body.value("prompt", "").size() > 500)
          answer.json({{"error", {{"message", "too long a prompt"}}}}, 503);
        else
          answer_well(path, body, answer);
      }));
  MeasureOptions options;
  options.target = target.url();
  options.seconds = 30;
  options.rounds = 1;
  options.only = {"narrow", "length"};
  const auto profile = measure(options, {}, {});
  ASSERT_TRUE(profile) << describe(profile.error());
  EXPECT_THAT(profile->find("narrow")->notes, Contains(HasSubstr("too long a prompt")));
  EXPECT_TRUE(profile->find("narrow")->rows.empty());
  EXPECT_FALSE(profile->find("length")->rows.empty());
}

TEST(MeasureTarget, EndsSoonWhenTheServerIsGone) {
  const FakeTarget target(after_opening([](const std::string&, const Json&, FakeAnswer& answer) {
    answer.json({{"error", {{"message", "overloaded"}}}}, 503);
  }));
  MeasureOptions options;
  options.target = target.url();
  options.seconds = 60;
  const auto profile = measure(options, {}, {});
  ASSERT_TRUE(profile) << describe(profile.error());
  EXPECT_THAT(profile->find("narrow")->notes, Contains(HasSubstr("overloaded")));
  EXPECT_THAT(profile->find("capacity")->notes, Contains(HasSubstr("no longer answered")));
  EXPECT_LT(target.count("/v1/completions"), 8);
}

}  // namespace
}  // namespace galley::profiling
