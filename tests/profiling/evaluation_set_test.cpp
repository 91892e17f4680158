#include "profiling/evaluation_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run_quality.h"

namespace galley::profiling {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(EvaluationSet, ReadsBothKindsOfQuestions) {
  const auto items = parse_evaluation_set("set.jsonl", R"({"prompt": "1 + 1 =", "answer": "2"}

{"prompt": "Sky?", "choices": ["red", "blue"], "answer": "blue"}
{"prompt": "Grass?", "choices": ["green", "pink"], "answer": 0}
)");
  ASSERT_TRUE(items) << items.error().message;
  ASSERT_EQ(items->size(), 3U);
  EXPECT_EQ((*items)[0].answer, "2");
  EXPECT_THAT((*items)[1].choices, ElementsAre("red", "blue"));
  EXPECT_EQ((*items)[2].answer, "green");
}

struct Bad {
  const char* lines;
  const char* field;
  const char* says;
};

class BadSet : public ::testing::TestWithParam<Bad> {};

TEST_P(BadSet, NamesTheLineAndTheField) {
  const auto items = parse_evaluation_set("set.jsonl", GetParam().lines);
  ASSERT_FALSE(items);
  EXPECT_EQ(items.error().field, GetParam().field);
  EXPECT_THAT(items.error().message, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadSet,
    ::testing::Values(
        Bad{"{\"prompt\": \"a\", \"answer\": \"b\"}\n{\"prompt\": \"a\"}", "answer",
            "set.jsonl:2: the answer is missing"},
        Bad{R"({"prompt": "a", "answer": null})", "answer", "set.jsonl:1: the answer is missing"},
        Bad{R"({"prompt": "a", "answer": " "})", "answer", "the answer is no text"},
        Bad{R"({"prompt": "a", "answer": 3})", "answer", "the answer is no text"},
        Bad{R"({"answer": "b"})", "prompt", "the prompt is missing"},
        Bad{R"({"prompt": "a", "choices": ["x"], "answer": "x"})", "choices", "at least two"},
        Bad{R"({"prompt": "a", "choices": ["x", "x"], "answer": "x"})", "choices", "the same"},
        Bad{R"({"prompt": "a", "choices": ["x", 1], "answer": "x"})", "choices", "no text"},
        Bad{R"({"prompt": "a", "choices": ["x", "y"], "answer": "z"})", "answer", "none of the"},
        Bad{R"({"prompt": "a", "choices": ["x", "y"], "answer": 2})", "answer", "answer 2 of 2"},
        Bad{R"({"prompt": "a", "answer": "b", "label": 1})", "label", "unknown field"},
        Bad{"[1]", "", "set.jsonl:1: the line is no object"},
        Bad{"prompt,answer", "", "set.jsonl:1"}, Bad{"\n\n", "", "no questions"}));

TEST(AnswersMatch, TakesExactAnswersAndTheirContinuations) {
  EXPECT_TRUE(answers_match(" Seoul.", "Seoul"));
  EXPECT_TRUE(answers_match("seoul", "Seoul"));
  EXPECT_TRUE(answers_match("Seoul, of course", "Seoul"));
  EXPECT_TRUE(answers_match("서울입니다", "서울"));
  EXPECT_TRUE(answers_match("SELECT 1; -- done", "SELECT 1;"));
  EXPECT_FALSE(answers_match("12", "1"));
  EXPECT_FALSE(answers_match("It is Seoul", "Seoul"));
  EXPECT_FALSE(answers_match("", "Seoul"));
}

}  // namespace
}  // namespace galley::profiling
