// Templates of the shapes that public models bring, and the answers that Jinja2 gives to them.
#include "text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::text {
namespace {

using testing::HasSubstr;

Json conversation() {
  return Json{{"bos_token", "<s>"},
              {"eos_token", "</s>"},
              {"add_generation_prompt", true},
              {"messages", Json::array({{{"role", "system"}, {"content", " Be brief. "}},
                                        {{"role", "user"}, {"content", "안녕?"}},
                                        {{"role", "assistant"}, {"content", "네."}},
                                        {{"role", "user"}, {"content", "Bye\n"}}})}};
}

Json question() {
  return Json{{"bos_token", "<s>"},
              {"eos_token", "</s>"},
              {"add_generation_prompt", true},
              {"messages", Json::array({{{"role", "user"}, {"content", "Hi"}}})}};
}

std::string render(std::string_view source, const Json& variables) {
  const auto compiled = ChatTemplate::compile(source);
  if (!compiled) return "compile: " + compiled.error().message;
  const auto text = compiled->render(variables);
  return text ? *text : "render: " + text.error().message;
}

TEST(ChatTemplate, DefaultIsChatMl) {
  EXPECT_EQ(render(default_chat_template(), conversation()),
            "<|im_start|>system\n Be brief. <|im_end|>\n<|im_start|>user\n안녕?<|im_end|>\n"
            "<|im_start|>assistant\n네.<|im_end|>\n<|im_start|>user\nBye\n<|im_end|>\n"
            "<|im_start|>assistant\n");
}

TEST(ChatTemplate, RendersTheShapeOfLlama3) {
  constexpr std::string_view kSource = R"({{- bos_token }}
{%- if strftime_now is defined %}
    {%- set date_string = strftime_now("%d %b %Y") %}
{%- else %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{{- "Today Date: " + date_string + "\n\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
)";
  const std::string rest =
      "\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n안녕?<|eot_id|>"
      "<|start_header_id|>assistant<|end_header_id|>\n\n네.<|eot_id|>"
      "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
      "<|start_header_id|>assistant<|end_header_id|>\n\n";
  const std::string head = "<s><|start_header_id|>system<|end_header_id|>\n\nToday Date: ";
  EXPECT_EQ(render(kSource, conversation()), head + "26 Jul 2024" + rest);

  Json with_time = conversation();
  with_time["now"] = 1'795'268'400;  // 2026-11-21T13:40:00Z
  EXPECT_EQ(render(kSource, with_time), head + "21 Nov 2026" + rest);
}

TEST(ChatTemplate, RendersTheShapeOfQwenWithTools) {
  constexpr std::string_view kSource = R"({%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You are helpful.' }}
    {%- endif %}
    {{- "\n\n# Tools\n<tools>" }}
    {%- for tool in tools %}
        {{- "\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\n</tools><|im_end|>\n" }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\n<tool_call>\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\n<tool_response>\n' + message.content + '\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
)";
  const Json call{{"type", "function"},
                  {"function", {{"name", "add"}, {"arguments", {{"a", 1}, {"b", 2.5}}}}}};
  const Json variables{
      {"tools", Json::array({{{"type", "function"}, {"function", {{"name", "add"}}}}})},
      {"add_generation_prompt", true},
      {"messages",
       Json::array({{{"role", "user"}, {"content", "1+2.5?"}},
                    {{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::array({call})}},
                    {{"role", "tool"}, {"content", "3.5"}},
                    {{"role", "tool"}, {"content", "ok"}}})}};
  EXPECT_EQ(render(kSource, variables),
            "<|im_start|>system\nYou are helpful.\n\n# Tools\n<tools>\n"
            "{\"function\": {\"name\": \"add\"}, \"type\": \"function\"}\n</tools><|im_end|>\n"
            "<|im_start|>user\n1+2.5?<|im_end|>\n"
            "<|im_start|>assistant\n<tool_call>\n"
            "{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2.5}}\n</tool_call><|im_end|>\n"
            "<|im_start|>user\n<tool_response>\n3.5\n</tool_response>\n<tool_response>\nok\n"
            "</tool_response><|im_end|>\n<|im_start|>assistant\n");
}

constexpr std::string_view kMistral = R"({%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Roles must alternate, found ' + message.role) }}
    {%- endif %}
    {%- if message["role"] == "user" %}
        {%- if loop.first and system_message is defined %}
            {{- "[INST] " + system_message + "\n\n" + message["content"] + " [/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + " [/INST]" }}
        {%- endif %}
    {%- else %}
        {{- " " + message["content"] + eos_token }}
    {%- endif %}
{%- endfor %}
)";

TEST(ChatTemplate, RendersTheShapeOfMistral) {
  EXPECT_EQ(render(kMistral, conversation()),
            "<s>[INST]  Be brief. \n\n안녕? [/INST] 네.</s>[INST] Bye\n [/INST]");
  EXPECT_EQ(render(kMistral, question()), "<s>[INST] Hi [/INST]");
}

TEST(ChatTemplate, GivesTheTemplatesOwnRefusal) {
  Json wrong = question();
  wrong["messages"].push_back({{"role", "user"}, {"content", "again"}});

  const auto text = ChatTemplate::compile(kMistral)->render(wrong);

  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::invalid_argument);
  EXPECT_EQ(text.error().message, "the chat template refuses: Roles must alternate, found user");
}

TEST(ChatTemplate, RendersTheShapeOfPhi3) {
  EXPECT_EQ(
      render("{% for message in messages %}{% if message['role'] == 'system' %}"
             "{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == "
             "'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif "
             "message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + "
             "'<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}"
             "{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
             conversation()),
      "<|system|>\n Be brief. <|end|>\n<|user|>\n안녕?<|end|>\n<|assistant|>\n네.<|end|>\n"
      "<|user|>\nBye\n<|end|>\n<|assistant|>\n");
}

TEST(ChatTemplate, RendersTheShapeOfGemma) {
  constexpr std::string_view kSource =
      "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
      "{{ raise_exception('System role not supported') }}{% endif %}"
      "{% for message in messages %}"
      "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
      "{% else %}{% set role = message['role'] %}{% endif %}"
      "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
      "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}";
  EXPECT_EQ(render(kSource, question()),
            "<s><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_THAT(render(kSource, conversation()), HasSubstr("refuses: System role not supported"));
}

TEST(ChatTemplate, RendersTheShapeOfZephyr) {
  EXPECT_EQ(render("{% for message in messages %}\n{% if message['role'] == 'user' %}\n"
                   "{{ '<|user|>\n' + message['content'] + eos_token }}\n"
                   "{% elif message['role'] == 'system' %}\n"
                   "{{ '<|system|>\n' + message['content'] + eos_token }}\n"
                   "{% elif message['role'] == 'assistant' %}\n"
                   "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
                   "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n"
                   "{% endif %}\n{% endfor %}",
                   conversation()),
            "<|system|>\n Be brief. </s>\n<|user|>\n안녕?</s>\n<|assistant|>\n네.</s>\n"
            "<|user|>\nBye\n</s>\n<|assistant|>\n");
}

TEST(ChatTemplate, RendersTheShapeOfDeepSeek) {
  constexpr std::string_view kSource =
      "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}"
      "{% endif %}{% set ns = namespace(is_first=false, is_tool=false, system_prompt='') %}"
      "{%- for message in messages %}{%- if message['role'] == 'system' %}"
      "{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}"
      "{{bos_token}}{{ns.system_prompt}}"
      "{%- for message in messages %}{%- if message['role'] == 'user' %}"
      "{%- set ns.is_tool = false -%}{{'<|User|>' + message['content']}}{%- endif %}"
      "{%- if message['role'] == 'assistant' and message['content'] is not none %}"
      "{% set content = message['content'] %}{% if '</think>' in content %}"
      "{% set content = content.split('</think>')[-1] %}{% endif %}"
      "{{'<|Assistant|>' + content + '<|end|>'}}{%- endif %}{%- endfor -%}"
      "{% if ns.is_tool %}{{'<|tool|>'}}{% endif %}"
      "{% if add_generation_prompt and not ns.is_tool %}{{'<|Assistant|><think>\\n'}}{% endif %}";
  Json variables = conversation();
  variables["messages"][2]["content"] = "<think>hm</think>네.";
  EXPECT_EQ(render(kSource, variables),
            "<s> Be brief. <|User|>안녕?<|Assistant|>네.<|end|><|User|>Bye\n"
            "<|Assistant|><think>\n");
}

TEST(ChatTemplate, TreatsWhitespaceAsTrimAndLstripBlocksDo) {
  const Json yes{{"t", true}, {"x", 3}};
  EXPECT_EQ(render("a\n  {% if t %}\n  b\n  {% endif %}\n c\n", yes), "a\n  b\n c");
  EXPECT_EQ(render("a\n  {%- if t %}\n  b\n  {%- endif %}\n c\n\n", yes), "a  b c\n");
  EXPECT_EQ(render("a\n  {%+ if t +%}\n  b\n  {%+ endif +%}\n c\n", yes), "a\n  \n  b\n  \n c");
  EXPECT_EQ(render("  {{ x }}  \n  {{- x -}}  \n {{ x }}\n", yes), "  333");
  EXPECT_EQ(render("  {#- c #}\n a {# d #}\nb", yes), " a b");
  EXPECT_EQ(render("{% raw %}{{ x }}{% endraw %}{{ '}}' }}", yes), "{{ x }}}}");
}

TEST(ChatTemplate, KeepsWhatIsSetInALoopInside) {
  EXPECT_EQ(render("{% set a = 1 %}{% for i in [1, 2] %}{% set a = a + i %}{{ a }}{% endfor %}"
                   "{{ a }}{% if true %}{% set a = 9 %}{% endif %}{{ a }}",
                   Json::object()),
            "2319");
  EXPECT_EQ(render("{% set ns = namespace(n=0) %}{% for i in range(4) %}{% if i == 3 %}"
                   "{% break %}{% endif %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
                   Json::object()),
            "3");
}

TEST(ChatTemplate, CallsMacros) {
  EXPECT_EQ(render("{% macro line(a, b='-') %}<{{ a }}{{ b }}{{ x }}>{% endmacro %}"
                   "{% for x in [1] %}{{ line(x) }}{% endfor %}{{ line(b=2, a='é') }}",
                   Json{{"x", 7}}),
            "<1-7><é27>");
}

struct Case {
  const char* expression;
  const char* answer;
};

class Expressions : public testing::TestWithParam<Case> {};

TEST_P(Expressions, AnswerAsPythons) {
  const Json variables{{"s", "Hello World"},
                       {"e", "été ß"},
                       {"n", nullptr},
                       {"x", 3},
                       {"d", {{"a", {1, 2, {{"k", "v"}}}}, {"b", 1.0}}},
                       {"m", Json::array({{{"role", "a"}}, {{"role", "b"}}})}};
  const std::string source = "{{ " + std::string(GetParam().expression) + " }}";
  EXPECT_EQ(render(source, variables), GetParam().answer) << source;
}

INSTANTIATE_TEST_SUITE_P(
    Values, Expressions,
    testing::Values(
        Case{"7 // 2 ~ -7 // 2 ~ -7 % 3", "3-42"}, Case{"1 + 2 * 3 - 4 / 2", "5.0"},
        Case{"2 ** 10", "1024"}, Case{"1e20", "1e+20"}, Case{"0.1 + 0.2", "0.30000000000000004"},
        Case{"1 < x <= 3", "True"}, Case{"n or 'z'", "z"}, Case{"not n and x", "3"},
        Case{"'a' if n else 'b'", "b"}, Case{"'a' if n", ""}, Case{"missing", ""},
        Case{"missing is defined", "False"}, Case{"n is none and n is defined", "True"},
        Case{"x is odd and x is divisibleby 3 and x is not string", "True"},
        Case{"d is mapping and m is iterable and x is number", "True"},
        Case{"'lo' in s and 'q' not in s and 'b' in d and x in [3]", "True"},
        Case{"s[1:4] ~ s[-1] ~ s[::-1] ~ s[:2]", "ellddlroW olleHHe"}, Case{"e[::2]", "ééß"},
        Case{"e | length ~ e.upper() ~ e | capitalize", "5ÉTÉ SSÉté ß"},
        Case{"s.split('o')", "['Hell', ' W', 'rld']"}, Case{"s.split()[1]", "World"},
        Case{"s.split('o', 1)[-1]", " World"}, Case{"s | replace('o', '0')", "Hell0 W0rld"},
        Case{"'\u3000 a\\n'.strip() ~ '|' ~ 'xax'.lstrip('x')", "a|ax"},
        Case{"s.startswith('He') and s.endswith(('x', 'ld'))", "True"},
        Case{"d", "{'a': [1, 2, {'k': 'v'}], 'b': 1.0}"},
        Case{"d | tojson", R"({"a": [1, 2, {"k": "v"}], "b": 1.0})"},
        Case{"d.a[2] | tojson(indent=2)", "{\n  \"k\": \"v\"\n}"},
        Case{"'é\"\\n<' | tojson", "\"é\\\"\\n<\""},
        Case{"d.a[2].k ~ d['a'][0] ~ d.get('q')", "v1None"},
        Case{"d.get('q', 'dd') ~ d.keys() | list", "dd['a', 'b']"},
        Case{"d | items | first | first", "a"},
        Case{"m | map(attribute='role') | join(', ')", "a, b"},
        Case{"m | selectattr('role', 'equalto', 'b') | list | length", "1"},
        Case{"m | rejectattr('role', 'in', ['b']) | first", "{'role': 'a'}"},
        Case{"[1, 2, 3] | select('odd') | list | last", "3"},
        Case{"missing | default('q') ~ n | default('q', true) ~ '' | d('z')", "qq"},
        Case{"'5.7' | int ~ '5' | float ~ 'q' | int(9)", "55.09"},
        Case{"('a', 'b') | map('upper') | join('-')", "A-B"},
        Case{"range(5, 0, -2) | list", "[5, 3, 1]"}, Case{"\"they're\" | title", "They're"},
        Case{"'a\\n\\nb' | indent(2)", "a\n\n  b"}, Case{"{'k': [true, none]}['k'][1]", "None"}));

class Refusals : public testing::TestWithParam<Case> {};

TEST_P(Refusals, NameTheLineAndTheThing) {
  EXPECT_THAT(render(GetParam().expression, Json{{"s", "x"}, {"x", 3}}),
              HasSubstr(GetParam().answer));
}

INSTANTIATE_TEST_SUITE_P(
    Faults, Refusals,
    testing::Values(
        Case{"a\nb {{ x", "compile: chat template, line 2: a tag is never closed by }}"},
        Case{"\n{% if x %}", "line 2: the block of line 2 is never closed by {% endif %}"},
        Case{"{% endfor %}", "line 1: the tag 'endfor' is not one"},
        Case{"{{ x | frobnicate }}", "there is no filter 'frobnicate' here"},
        Case{"{{ x is odd_ }}", "there is no test 'odd_' here"},
        Case{"{{ 1 + }}", "an expression is missing at '}}'"},
        Case{"{{ 'a }}", "a string is never closed"}, Case{"{# a", "a comment {# is never closed"},
        Case{"{% break %}", "break outside of a loop"}, Case{"{{ (1] }}", "']' closes nothing"},
        Case{"{{ a.b }}", "render: chat template, line 1: cannot take 'b' of 'a' (undefined)"},
        Case{"{{ a() }}", "there is no function 'a'"},
        Case{"{{ s + 1 }}", "cannot combine a string"},
        Case{"{{ x.foo() }}", "an integer has no method 'foo' here"},
        Case{"{{ 1 % 0 }}", "division by zero"}, Case{"{{ 'a' < 1 }}", "cannot order a string and"},
        Case{"{{ 2 ** 99 }}", "an integer of more than 64 bits"},
        Case{"{% set s.a = 1 %}", "'s' is not a namespace"},
        Case{"{% for a, b in [[1]] %}{% endfor %}", "cannot unpack 1 values into 2 variables"}));

TEST(ChatTemplate, RefusesVariablesThatAreNoObject) {
  EXPECT_THAT(render("a", Json::array()), HasSubstr("not an object"));
}

TEST(ChatTemplate, BoundsTimeMemoryAndDepth) {
  const Json none = Json::object();
  const auto code = [&](const std::string& source) {
    const auto compiled = ChatTemplate::compile(source);
    if (!compiled) return compiled.error().code;
    const auto text = compiled->render(none);
    return text ? Errc::internal : text.error().code;
  };
  EXPECT_EQ(code("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
            Errc::too_large);
  EXPECT_EQ(code("{{ 'x' * 99999999 }}"), Errc::too_large);
  EXPECT_EQ(code("{{ range(99999999) }}"), Errc::too_large);
  EXPECT_EQ(code("{% set ns = namespace(s='0123456789') %}{% for i in range(60) %}"
                 "{% set ns.s = ns.s + ns.s %}{% endfor %}"),
            Errc::too_large);
  EXPECT_EQ(code("{% for i in range(99999) %}{{ '0123456789' * 100 }}{% endfor %}"),
            Errc::too_large);
  EXPECT_EQ(code("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), Errc::invalid_argument);
  EXPECT_EQ(code("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}"), Errc::invalid_argument);
  EXPECT_EQ(code("{% set ns = namespace(l=[]) %}{% for i in range(999) %}"
                 "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}"),
            Errc::invalid_argument);
  EXPECT_EQ(code("{{ " + std::string(500, '(') + "1" + std::string(500, ')') + " }}"),
            Errc::invalid_argument);
  EXPECT_EQ(code("{{ 1" + std::string(5000, '+') + "1 }}"), Errc::invalid_argument);
  EXPECT_EQ(code(std::string(ChatTemplate::kMaxSourceBytes + 1, 'a')), Errc::too_large);
  std::string nested;
  for (int i = 0; i < 400; ++i) nested += "{% if true %}";
  EXPECT_EQ(code(nested), Errc::invalid_argument);
}

}  // namespace
}  // namespace galley::text
