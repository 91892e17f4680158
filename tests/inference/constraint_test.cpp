#include "inference/constraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "byte_vocabulary.h"

namespace galley::inference {
namespace {

using testing::HasSubstr;

const ByteVocabulary& vocabulary() {
  static const ByteVocabulary kVocabulary;
  return kVocabulary;
}

std::shared_ptr<const Constraint> gbnf(std::string_view grammar) {
  auto made = Constraint::from_gbnf(grammar, vocabulary().trie);
  EXPECT_TRUE(made) << (made ? "" : made.error().message);
  return made ? *made : nullptr;
}

/// "yes": the whole text is one; "part": it can become one; "no".
std::string reads(const std::shared_ptr<const Constraint>& constraint, std::string_view text) {
  ConstraintState state(constraint);
  for (const char c : text)
    if (!state.accept(static_cast<unsigned char>(c))) return "no";
  return state.complete() ? "yes" : "part";
}

std::string refusal(std::string_view grammar) {
  const auto made = Constraint::from_gbnf(grammar, vocabulary().trie);
  return made ? "accepted" : made.error().message;
}

struct Reading {
  const char* grammar;
  const char* text;
  const char* answer;
};

class Gbnf : public testing::TestWithParam<Reading> {};

TEST_P(Gbnf, Reads) {
  EXPECT_EQ(reads(gbnf(GetParam().grammar), GetParam().text), GetParam().answer);
}

INSTANTIATE_TEST_SUITE_P(
    Notation, Gbnf,
    testing::Values(
        Reading{"root ::= \"ab\"", "ab", "yes"}, Reading{"root ::= \"ab\"", "a", "part"},
        Reading{"root ::= \"ab\"", "abc", "no"},
        Reading{"root ::= \"a\" | \"b\" \"c\"", "bc", "yes"},
        Reading{"root ::= (\"a\" | \"b\")+", "abba", "yes"}, Reading{"root ::= \"a\"+", "", "part"},
        Reading{"root ::= \"a\"*", "", "yes"}, Reading{"root ::= \"a\"? \"b\"", "b", "yes"},
        Reading{"root ::= \"a\"{2,3}", "a", "part"}, Reading{"root ::= \"a\"{2,3}", "aaa", "yes"},
        Reading{"root ::= \"a\"{2,3}", "aaaa", "no"}, Reading{"root ::= \"a\"{2}", "aa", "yes"},
        Reading{"root ::= \"a\"{2,}", "aaaaaa", "yes"}, Reading{"root ::= [a-cx]+", "abcx", "yes"},
        Reading{"root ::= [a-cx]+", "d", "no"}, Reading{"root ::= [^a-c]", "d", "yes"},
        Reading{"root ::= [^a-c]", "b", "no"}, Reading{"root ::= [가-힣]{2}", "안녕", "yes"},
        Reading{"root ::= [가-힣]{2}", "안\xeb\x85", "part"},
        Reading{"root ::= [가-힣]", "a", "no"}, Reading{"root ::= .", "😀", "yes"},
        Reading{"root ::= [^x]", "\xff", "no"},
        Reading{"root ::= [^x]", "\xed\xa0", "no"},  // the bytes of a surrogate
        Reading{"root ::= \"\\x41\\u00e9\\n\\\"\"", "Aé\n\"", "yes"},
        Reading{"root ::= [\\]\\-\\\\]+", "]-\\", "yes"},
        Reading{"# first\nroot ::= item # here\n\nitem ::= (\n  \"a\" |\n  \"b\"\n)\n", "b", "yes"},
        Reading{"root ::= x y\nx ::= | \"a\" x\ny ::= \"b\"", "aab", "yes"},
        Reading{"root ::= \"(\" root \")\" | \"x\"", "((x))", "yes"},
        Reading{"root ::= \"(\" root \")\" | \"x\"", "((x)", "part"},
        Reading{"root ::= \"(\" root \")\" | \"x\"", "(x))", "no"},
        Reading{"root ::= e\ne ::= t (\"+\" t)*\nt ::= [0-9]+ | \"(\" e \")\"", "(1+2)+33", "yes"},
        Reading{"root ::= (\"a\"*)* \"b\"", "aab", "yes"},
        Reading{"root ::= s s s\ns ::= \"a\"+ s?", "aaaaaaaaaaaaaaaaaaaa", "yes"}));

struct Fault {
  const char* grammar;
  const char* message;
};

class GbnfFaults : public testing::TestWithParam<Fault> {};

TEST_P(GbnfFaults, NameThePlace) {
  EXPECT_THAT(refusal(GetParam().grammar), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Notation, GbnfFaults,
    testing::Values(
        Fault{"", "there is no rule 'root'"}, Fault{"root ::= x", "'x' is used and never defined"},
        Fault{"root ::= \"a\"\nroot ::= \"b\"",
              "line 2, column 1: the rule 'root' is defined twice"},
        Fault{"root = \"a\"", "line 1, column 6: '::=' is missing after 'root'"},
        Fault{"root ::= \"a", "a literal is never closed"},
        Fault{"root ::= [a", "a class is never closed"},
        Fault{"root ::= (\"a\"", "a parenthesis is never closed"},
        Fault{"root ::= [z-a]", "goes backwards"}, Fault{"root ::= \"\\q\"", "an escape is"},
        Fault{"root ::= \"a\"{3,2}", "upper bound is below"},
        Fault{"root ::= \"a\"{99999}", "a number up to 10000"},
        Fault{"root ::= \"a\" )", "')' is not expected here"},
        Fault{"root ::= \"\xff\"", "not valid UTF-8"},
        Fault{"root ::= root \"a\" | \"b\"", "the grammar's rule 'root' is left-recursive"},
        Fault{"root ::= \"x\" | a\na ::= b \"y\"\nb ::= \"q\"? a", "is left-recursive"},
        Fault{"root ::= \"a\" root", "'root' can never end"},
        Fault{"root ::= []", "'root' can never end"},
        Fault{"root ::= (([a-z]{1000}){1000}){1000}", "too long"},
        Fault{"root ::= [ab]* \"a\" [ab]{30}", "needs more than"}));

TEST(GbnfFaults, BoundsSizeAndNesting) {
  EXPECT_THAT(refusal(std::string(Constraint::kMaxGrammarBytes + 1, ' ')), HasSubstr("too long"));
  EXPECT_THAT(refusal("root ::= " + std::string(5000, '(')), HasSubstr("nested deeper"));
  EXPECT_THAT(refusal("root ::= \"a\"" + std::string(5000, '*')), HasSubstr("repetitions"));
}

TEST(GbnfFaults, RefusesWhatCanBeginInTooManyWays) {
  std::string grammar = "root ::=";
  for (int i = 0; i < 1500; ++i) grammar += " r" + std::to_string(i) + "?";
  for (int i = 0; i < 1500; ++i)
    grammar += "\nr" + std::to_string(i) + " ::= \"(\" root \")\" | \"b\"";
  EXPECT_THAT(refusal(grammar), HasSubstr("more than 1024 ways at once"));
}

TEST(ConstraintState, GivesUpOnTextsThatCanBeReadInTooManyWays) {
  // Each "b" may belong to any of the rules that are left, and each of them may hold them all.
  std::string grammar = "root ::= (r0 | \"x\")*";
  for (int i = 0; i < 700; ++i)
    grammar +=
        "\nr" + std::to_string(i) + " ::= \"b\" | \"b\" r" + std::to_string((i + 1) % 700) + " r0?";
  const auto constraint = gbnf(grammar);
  ConstraintState state(constraint);
  int read = 0;
  while (read < 5000 && state.accept('b')) ++read;
  EXPECT_GT(read, 5);
  EXPECT_LT(read, 5000);
}

/// What allowed() says of each token against what accept() does with it.
void expect_mask_is_exact(const ConstraintState& state, const std::string& text) {
  TokenMask mask;
  state.allowed(mask);
  ASSERT_EQ(mask.vocabulary(), vocabulary().texts.size());
  for (std::size_t token = 0; token < vocabulary().texts.size(); ++token) {
    ConstraintState copy = state;
    ASSERT_EQ(mask.test(static_cast<text::TokenId>(token)),
              copy.accept(static_cast<text::TokenId>(token)))
        << "token " << token << " '" << vocabulary().texts[token] << "' after '" << text << "'";
  }
}

TEST(ConstraintState, MasksAreExactlyWhatIsAccepted) {
  const std::vector<std::shared_ptr<const Constraint>> constraints{
      *Constraint::any_json_object(vocabulary().trie),
      gbnf("root ::= \"(\" root \")\" | \"a\" root? | \"b\""),
      gbnf("root ::= s s s\ns ::= [a-c]+ s? | \"x\" s \"y\""),
      gbnf("root ::= ([가-힣] | \" \" | \"a\")+ (\"\\n\" | \".\")"),
      gbnf("root ::= item (\", \" item)*\nitem ::= \"[\" item? \"]\" | \"a\" item | \"1\"")};
  std::mt19937 random(5);
  for (const auto& constraint : constraints) {
    for (int walk = 0; walk < 15; ++walk) {
      ConstraintState state(constraint);
      std::string text;
      for (int step = 0; step < 25; ++step) {
        ASSERT_NO_FATAL_FAILURE(expect_mask_is_exact(state, text));
        TokenMask mask;
        state.allowed(mask);
        std::vector<text::TokenId> allowed;
        for (std::size_t i = 0; i < vocabulary().texts.size(); ++i)
          if (mask.test(static_cast<text::TokenId>(i)))
            allowed.push_back(static_cast<text::TokenId>(i));
        if (allowed.empty()) break;
        const text::TokenId token = allowed[random() % allowed.size()];
        ASSERT_TRUE(state.accept(token));
        text += vocabulary().texts[static_cast<std::size_t>(token)];
      }
    }
  }
}

TEST(ConstraintState, EndsOnlyWhereTheTextIsComplete) {
  ConstraintState state(gbnf("root ::= \"ab\" \"c\"?"));
  TokenMask mask;
  EXPECT_FALSE(state.accept(vocabulary().end));
  ASSERT_TRUE(state.accept('a'));
  state.allowed(mask);
  EXPECT_EQ(mask.count(), 1U);
  EXPECT_TRUE(mask.test('b'));
  ASSERT_TRUE(state.accept('b'));
  EXPECT_TRUE(state.complete());
  EXPECT_FALSE(state.finished());
  state.allowed(mask);
  EXPECT_TRUE(mask.test(vocabulary().end));
  EXPECT_TRUE(mask.test('c'));
  EXPECT_EQ(mask.count(), 2U);

  ConstraintState copy = state;
  ASSERT_TRUE(copy.accept('c'));
  EXPECT_TRUE(copy.finished());
  copy.allowed(mask);
  EXPECT_EQ(mask.count(), 1U);

  ASSERT_TRUE(state.accept(vocabulary().end));
  state.allowed(mask);
  EXPECT_TRUE(mask.empty());
  EXPECT_FALSE(state.accept('c'));
}

TEST(ConstraintState, RefusesTokensWithoutTextAndUnknownOnes) {
  ConstraintState state(gbnf("root ::= .+"));
  EXPECT_FALSE(state.accept(vocabulary().end - 1));
  EXPECT_FALSE(state.accept(-1));
  EXPECT_FALSE(state.accept(1'000'000));
  TokenMask mask;
  state.allowed(mask);
  EXPECT_FALSE(mask.test(vocabulary().end - 1));
}

TEST(ConstraintState, TakesTokensThatHoldPartsOfCharacters) {
  ConstraintState state(gbnf("root ::= [가-힣]+"));
  ASSERT_TRUE(state.accept(vocabulary().find("\xec\x95")));
  EXPECT_FALSE(state.complete());
  ASSERT_TRUE(state.accept(vocabulary().find("\x88\xeb")));
  ASSERT_TRUE(state.accept(0x85));
  ASSERT_TRUE(state.accept(0x95));
  EXPECT_TRUE(state.complete());
}

TEST(ConstraintState, NestsDeeplyButNotWithoutBound) {
  ConstraintState state(gbnf("root ::= \"[\" root \"]\" | \"a\""));
  int depth = 0;
  while (depth < 10'000 && state.accept('[')) ++depth;
  EXPECT_GT(depth, 200);
  EXPECT_LT(depth, 1000);
  ASSERT_TRUE(state.accept('a'));
  for (int i = 0; i < depth; ++i) ASSERT_TRUE(state.accept(']'));
  EXPECT_TRUE(state.finished());
}

TEST(ConstraintState, RecursionAtTheEndTakesNoDepth) {
  ConstraintState state(gbnf("root ::= \"a\" root | \"b\""));
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(state.accept('a'));
  EXPECT_TRUE(state.accept('b'));
}

TEST(Constraint, MayBeSharedByThreads) {
  const auto constraint = *Constraint::any_json_object(vocabulary().trie);
  const auto run = [&] {
    TokenMask mask;
    ConstraintState state(constraint);
    for (const char c : std::string_view("{\"a\": [1, {\"b\": null}]}")) {
      state.allowed(mask);
      EXPECT_TRUE(mask.test(static_cast<unsigned char>(c)));
      EXPECT_TRUE(state.accept(static_cast<unsigned char>(c)));
    }
    EXPECT_TRUE(state.complete());
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(run);
}

TEST(ConstraintCache, KeepsTheLastUsed) {
  ConstraintCache cache(vocabulary().trie, 2);
  const auto a = *cache.gbnf("root ::= \"a\"");
  EXPECT_EQ(*cache.gbnf("root ::= \"a\""), a);
  const auto b = *cache.gbnf("root ::= \"b\"");
  EXPECT_EQ(*cache.gbnf("root ::= \"a\""), a);
  const auto schema = *cache.json_schema("{\"type\":\"null\"}");
  EXPECT_EQ(*cache.gbnf("root ::= \"a\""), a);
  EXPECT_NE(*cache.gbnf("root ::= \"b\""), b) << "the oldest was dropped";
  EXPECT_FALSE(
      cache.gbnf("root ::= "
                 "\""));
  EXPECT_TRUE(cache.json_object());
  EXPECT_EQ(reads(schema, "null"), "yes");
}

}  // namespace
}  // namespace galley::inference
