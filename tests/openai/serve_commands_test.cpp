// `galley generate` and `galley chat` against a real `galley serve`.
#include <fstream>

#include "serve_fixture.h"
#include "terminal_program.h"

namespace galley::openai {
namespace {

using ::testing::Not;
using ::testing::StartsWith;

class CommandsTest : public ServeTest {
 protected:
  void SetUp() override {
    ServeTest::SetUp();
    auto started = begin();
    ASSERT_TRUE(started) << describe(started.error());
    server.emplace(*std::move(started));
  }
  process::ChildOutput generate(std::vector<std::string> more, const std::string& input = {},
                                const std::vector<std::string>& environment = {}) const {
    more.insert(more.begin(), "generate");
    return galley(more, input, environment);
  }
  /// The text that flags lead to; the flags must be right.
  std::string text(std::vector<std::string> more) const {
    more.insert(more.begin(), {"--url", server->url(), "--max-tokens", "24", "--json"});
    more.push_back("Hello");
    const auto out = generate(more);
    EXPECT_EQ(out.exit_code, 0) << more.at(5) << ": " << out.stderr_bytes;
    const auto json = parse_json(out.stdout_bytes);
    EXPECT_TRUE(json) << out.stdout_bytes;
    return json ? text_of(*json) : "";
  }
  std::string greedy(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--greedy", "--ignore-eos"});
    return text(std::move(more));
  }
  std::string with(const std::string& name, const std::string& content) const {
    std::ofstream(folder / name) << content;
    return (folder / name).string();
  }

  std::optional<ServerProcess> server;
};

TEST_F(CommandsTest, EachSamplingFlagActs) {
  const std::string plain = greedy();
  EXPECT_EQ(text({"--ignore-eos", "--temperature", "0"}), plain);
  for (const auto& narrow :
       {std::vector<std::string>{"--top-k", "1"}, {"--top-p", "0.000001"}, {"--min-p", "1"}}) {
    auto flags = narrow;
    flags.insert(flags.end(), {"--ignore-eos", "--seed", "5"});
    EXPECT_EQ(text(flags), plain) << narrow[0] << " leaves one token to choose from";
  }
  const std::string drawn = text({"--ignore-eos", "--seed", "5"});
  EXPECT_NE(drawn, plain);
  EXPECT_EQ(text({"--ignore-eos", "--seed", "5"}), drawn);
  EXPECT_NE(text({"--ignore-eos", "--seed", "6"}), drawn);
  EXPECT_NE(text({"--ignore-eos", "--seed", "5", "--temperature", "0.2"}), drawn);
  // Random weights repeat themselves, which each penalty breaks.
  for (const char* penalty : {"--repetition-penalty", "--presence-penalty", "--frequency-penalty"})
    EXPECT_NE(greedy({penalty, "2"}), plain) << penalty;
}

TEST_F(CommandsTest, EachFlagAboutTheTextActs) {
  const std::string plain = greedy();
  EXPECT_LT(greedy({"--max-tokens", "3"}).size(), plain.size());
  EXPECT_NE(greedy({"--start", " there"}), plain);
  EXPECT_EQ(greedy({"--restart", "\nYou: "}), plain + "\nYou: ");
  const std::string stop = plain.substr(plain.size() / 2, 2);
  EXPECT_EQ(greedy({"--stop", "never-written", "--stop", stop}), plain.substr(0, plain.find(stop)));
  const std::string grammar = with("yes.gbnf", "root ::= \"yes\" | \"no\"");
  EXPECT_THAT(text({"--grammar", grammar}), ::testing::AnyOf("yes", "no"));
  const std::string schema = with(
      "schema.json",
      R"({"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"], "additionalProperties": false})");
  const auto json = parse_json(text({"--schema", schema, "--greedy"}));
  ASSERT_TRUE(json);
  EXPECT_TRUE((*json)["ok"].is_boolean());
  EXPECT_EQ(text({"--model", "tiny", "--greedy", "--ignore-eos"}), plain);
}

TEST_F(CommandsTest, ThePromptComesFromStandardInputAndTheServerFromTheEnvironment) {
  const std::string plain = greedy();
  const auto piped = generate({"--greedy", "--ignore-eos", "--max-tokens", "24"}, "Hello",
                              {"GALLEY_URL=" + server->url()});
  EXPECT_EQ(piped.exit_code, 0) << piped.stderr_bytes;
  EXPECT_THAT(piped.stdout_bytes, StartsWith(plain));
}

TEST_F(CommandsTest, WrongFlagsAreSaidInOneSentence) {
  const auto wrong = [&](std::vector<std::string> more, int code, const std::string& says) {
    more.insert(more.begin(), {"--url", server->url()});
    more.push_back("Hello");
    const auto out = generate(more);
    EXPECT_EQ(out.exit_code, code) << more[2];
    EXPECT_THAT(out.stderr_bytes, HasSubstr(says));
    EXPECT_EQ(std::ranges::count(out.stderr_bytes, '\n'), 1) << out.stderr_bytes;
    EXPECT_TRUE(out.stdout_bytes.empty());
  };
  wrong({"--temperature", "-1"}, 2, "temperature: found -1");
  wrong({"--temperature", "nan"}, 2, "temperature: found");
  wrong({"--top-p", "2"}, 2, "top_p: found 2");
  wrong({"--top-k", "-3"}, 2, "top_k: found -3");
  wrong({"--min-p", "x"}, 2, "min_p: found");
  wrong({"--repetition-penalty", "0"}, 2, "repetition_penalty: found 0");
  wrong({"--presence-penalty", "9"}, 2, "presence_penalty: found 9");
  wrong({"--frequency-penalty", "-9"}, 2, "frequency_penalty: found -9");
  wrong({"--max-tokens", "5000"}, 2, "5000");
  wrong({"--seed", "1.5"}, 2, "seed: found 1.5");
  wrong({"--model", "tinny"}, 3, "did you mean tiny");
  wrong({"--adapter", "poems"}, 3, "no adapter 'poems'");
  wrong({"--grammar", with("broken.gbnf", "root ::= (")}, 2, "grammar");
  wrong({"--schema", with("broken.json", "{")}, 2, "broken.json is ");
  wrong({"--schema", (folder / "none.json").string()}, 3, "none.json");
  wrong({"--batch", "in.jsonl"}, 2, "--out");
  const auto nobody = generate({"--url", "http://127.0.0.1:1", "Hello"});
  EXPECT_NE(nobody.exit_code, 0);
  EXPECT_THAT(nobody.stderr_bytes, HasSubstr("galley serve --model FILE"));
}

TEST_F(CommandsTest, AChatThroughPipesIsAConversation) {
  const auto out = galley({"--json", "chat", "--url", server->url(), "--greedy", "--max-tokens",
                           "6", "--ignore-eos", "--system", "Be brief."},
                          "Hello\nAnd now?\n");
  ASSERT_EQ(out.exit_code, 0) << out.stderr_bytes;
  const auto document = parse_json(out.stdout_bytes.substr(out.stdout_bytes.find("{\n")));
  ASSERT_TRUE(document) << out.stdout_bytes;
  std::vector<std::string> roles;
  for (const Json& message : (*document)["messages"]) roles.push_back(message["role"]);
  EXPECT_THAT(roles, ElementsAre("system", "user", "assistant", "user", "assistant"));
  const auto failed = galley({"chat", "--url", server->url(), "--temperature", "9"}, "Hello\n");
  EXPECT_EQ(failed.exit_code, 2);
}

TEST_F(CommandsTest, AChatAtATerminalAsksResetsSurvivesMistakesAndEnds) {
  TerminalProgram chat({(kPrograms / "galley").string(), "chat", "--url", server->url(),
                        "--max-tokens", "8", "--ignore-eos", "--greedy"},
                       folder.path().string());
  EXPECT_THAT(chat.read_until("> "), HasSubstr("/reset begins anew"));
  chat.type("Hello\n");
  const std::string first = chat.read_until("> ");
  EXPECT_THAT(first, HasSubstr("8 written"));
  chat.type("Hello\n");
  const std::string second = chat.read_until("> ");
  EXPECT_NE(second, first) << "it stands in a conversation now";
  chat.type("/reset\n");
  EXPECT_THAT(chat.read_until("> "), HasSubstr("a new conversation"));
  chat.type("Hello\n");
  const auto answer_of = [](const std::string& shown) {
    return shown.substr(0, shown.find("prompt tokens"));
  };
  const std::string anew = chat.read_until("> ");
  EXPECT_EQ(answer_of(anew).substr(0, answer_of(first).rfind('\n')),
            answer_of(first).substr(0, answer_of(first).rfind('\n')));
  // More than the model reads: the turn fails, the conversation goes on.
  std::string much;
  for (int i = 0; i < 900; ++i) much += "zq";
  chat.type(much + "\n");
  EXPECT_THAT(chat.read_until("\n> "), HasSubstr("reads at most 1024"));
  chat.type("Hello\n");
  EXPECT_THAT(chat.read_until("> "), HasSubstr("8 written"));
  chat.type("/exit\n");
  EXPECT_EQ(chat.wait(), 0);
}

TEST_F(CommandsTest, CtrlDEndsAChatAndCtrlCAnAnswer) {
  const std::vector<std::string> words{(kPrograms / "galley").string(),
                                       "chat",
                                       "--url",
                                       server->url(),
                                       "--max-tokens",
                                       "900",
                                       "--ignore-eos"};
  TerminalProgram quiet(words, folder.path().string());
  quiet.read_until("> ");
  quiet.type("\x04");
  EXPECT_EQ(quiet.wait(), 0);
  TerminalProgram busy(words, folder.path().string());
  busy.read_until("> ");
  busy.type("Hello\n");
  busy.read_until("Hello\r\n");
  busy.type("\x03");
  EXPECT_EQ(busy.wait(), 130);
  EXPECT_TRUE(eventually([&] { return metric(*server, "galley_requests_running") == 0; }));
}

}  // namespace
}  // namespace galley::openai
