#include "serving/predict_json.h"

#include <gmock/gmock.h>

#include "base/json.h"

namespace galley::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Parse>
void expect_refused(Parse parse, const std::string& body, const std::string& line) {
  const auto request = parse(body);
  ASSERT_FALSE(request) << body;
  EXPECT_EQ(request.error().code, Errc::invalid_argument) << body;
  EXPECT_THAT(describe(request.error()), HasSubstr(line)) << body;
}

Answer answer_of(std::vector<Prediction> predictions) {
  return {.model = "nsmc",
          .snapshot_id = "snap_1",
          .snapshot_ref = "nsmc@1",
          .labels = std::make_shared<const std::vector<std::string>>(
              std::vector<std::string>{"neg", "\"긍정\"\n\x01"}),
          .predictions = std::move(predictions)};
}

TEST(ParsePredict, TakesOneTextOrSeveral) {
  const auto one = parse_predict(R"({"model":"nsmc","text":"재밌다 \ud83d\ude00\u0000"})");
  ASSERT_TRUE(one) << describe(one.error());
  EXPECT_EQ(one->model, "nsmc");
  EXPECT_TRUE(one->single);
  EXPECT_THAT(one->texts, ElementsAre(std::string("재밌다 😀\0", 15)));

  const auto several = parse_predict(R"( {"texts": ["a", ""], "model": "nsmc:canary"} )");
  ASSERT_TRUE(several) << describe(several.error());
  EXPECT_FALSE(several->single);
  EXPECT_THAT(several->views(), ElementsAre("a", ""));
}

TEST(ParsePredict, SaysWhatIsWrongAndWhere) {
  const auto refused = [](const std::string& body, const std::string& line) {
    expect_refused(parse_predict, body, line);
  };
  refused("", "ends too early");
  refused("{\"model\":\n  nsmc}", "line 2, column");
  refused("[]", "no object");
  refused("{} {}", "not valid JSON");
  refused(R"({"text":"x"})", "model: required field is missing");
  refused(R"({"model":"m"})", "text: required field is missing");
  refused(R"({"model":"m","text":"x","texts":["x"]})", "texts: text and texts are both given");
  refused(R"({"model":"m","txt":"x"})", "txt: unknown field; did you mean text?");
  refused(R"({"model":"m","text":"x","wibble":1})", "wibble: unknown field; expected one of model");
  refused(R"({"model":"m","text":"x","text":"y"})", "text: the field appears twice");
  refused(R"({"model":7,"text":"x"})", "model: found 7; expected a text");
  refused(R"({"model":"m","text":null})", "text: found null; expected a text");
  refused(R"({"model":"m","text":["x"]})", "text: found a list");
  refused(R"({"model":"m","texts":"x"})", "texts: found a text; expected a list");
  refused(R"({"model":"m","texts":[]})", "texts: found 0 texts; expected 1 to 1024");
  refused(R"({"model":"m","texts":["x",{}]})", "texts[1]: found an object");
  refused("{\"model\":\"m\",\"text\":\"\xff\"}", "refused");
  refused(R"({"model":"m","text":"\ud800"})", "refused");
  refused(R"({"model":"m","text":")" + std::string(ModelHost::kMaxTextBytes + 1, 'x') + "\"}",
          "text: found 65537 bytes; expected at most 65536");
  std::string many = R"({"model":"m","texts":["x")";
  for (std::size_t i = 0; i < ModelHost::kMaxTexts; ++i) many += ",\"x\"";
  refused(many + "]}", "texts: found 1025 texts");
  refused(R"({"model":)" + std::string(100'000, '[') + "}", "not valid JSON");
  refused(R"({"model":)" + std::string(70, '[') + std::string(70, ']') + "}", "deeper");
}

TEST(ParsePredict, TakesLongBodies) {
  std::string body = R"({"model":"m","texts":[)";
  for (int i = 0; i < 64; ++i)
    body += (i == 0 ? "\"" : ",\"") + std::string(ModelHost::kMaxTextBytes, 'x') + "\"";
  const auto request = parse_predict(body + "]}");
  ASSERT_TRUE(request) << describe(request.error());
  EXPECT_EQ(request->texts.size(), 64U);
  EXPECT_TRUE(parse_predict(R"({"model":"m","text":"x"})"));
}

TEST(PrintPredict, OneText) {
  const auto answer = answer_of({{"\"긍정\"\n\x01", {0.25F, 0.75F}}});
  EXPECT_EQ(print_predict(answer, 0.0421, true),
            R"({"model":"nsmc","snapshot_id":"snap_1","snapshot":"nsmc@1",)"
            R"("label":"\"긍정\"\n\u0001","probabilities":{"neg":0.25,"\"긍정\"\n\u0001":0.75},)"
            R"("time_ms":0.042})");
}

TEST(PrintPredict, SeveralTexts) {
  const auto answer = answer_of({{"neg", {0.9F, 0.1F}}, {"neg", {1.0F, 1e-20F}}});
  const auto json = parse_json(print_predict(answer, 1.5, false));
  ASSERT_TRUE(json) << describe(json.error());
  EXPECT_EQ((*json)["predictions"].size(), 2U);
  EXPECT_EQ((*json)["predictions"][1]["label"], "neg");
  EXPECT_EQ((*json)["predictions"][1]["probabilities"]["neg"], 1.0);
  EXPECT_EQ((*json)["predictions"][0]["probabilities"]["neg"].get<float>(), 0.9F);
  EXPECT_EQ((*json)["time_ms"], 1.5);
}

TEST(ParseInfer, TakesWhatClientsSend) {
  const auto flat = parse_infer(
      R"({"id":"42","parameters":{"a":[1]},"inputs":[{"name":"text","shape":[2],"datatype":"BYTES",
          "parameters":{"content_type":"str"},"data":["a","나"]}],
          "outputs":[{"name":"label"}],"future":true})");
  ASSERT_TRUE(flat) << describe(flat.error());
  EXPECT_EQ(flat->id, "42");
  EXPECT_THAT(flat->texts, ElementsAre("a", "나"));

  for (const auto* data : {R"(["a","b"])", R"([["a"],["b"]])"}) {
    const auto column =
        parse_infer(R"({"inputs":[{"name":"text","shape":[2,1],"datatype":"BYTES","data":)" +
                    std::string(data) + "}]}");
    ASSERT_TRUE(column) << describe(column.error());
    EXPECT_EQ(column->id, "");
    EXPECT_THAT(column->views(), ElementsAre("a", "b"));
  }
}

TEST(ParseInfer, SaysWhatIsWrongAndWhere) {
  const auto refused = [](const std::string& body, const std::string& line) {
    expect_refused(parse_infer, body, line);
  };
  const auto input = [](const std::string& rest) {
    return R"({"inputs":[{"name":"text","datatype":"BYTES",)" + rest + "}]}";
  };
  refused("{}", "inputs: required field is missing");
  refused(R"({"inputs":{}})", "inputs: found an object");
  refused(R"({"inputs":[]})", "inputs: found 0 inputs; expected a list of one input");
  refused(R"({"inputs":[{},{}]})", "inputs: found 2 inputs");
  refused(R"({"inputs":[3]})", "inputs[0]: found 3");
  refused(R"({"inputs":[{"name":"x"}]})", "inputs[0].name: found \"x\"; expected \"text\"");
  refused(R"({"inputs":[{"name":"text"}]})", "inputs[0].datatype: required field is missing");
  refused(R"({"inputs":[{"name":"text","datatype":"FP32"}]})",
          "inputs[0].datatype: found \"FP32\"");
  refused(R"({"inputs":[{"name":"text","name":"text"}]})",
          "inputs[0].name: the field appears twice");
  refused(R"({"id":7,"inputs":[]})", "id: found 7");
  refused(input(R"("data":["a"])"), "inputs[0].shape: required field is missing");
  refused(input(R"("shape":1,"data":["a"])"), "inputs[0].shape: found 1; expected [n] or [n,1]");
  refused(input(R"("shape":[],"data":["a"])"), "inputs[0].shape: found 0 dimensions");
  refused(input(R"("shape":[-1],"data":["a"])"), "inputs[0].shape: found -1 as a dimension");
  refused(input(R"("shape":[1,2],"data":["a","b"])"), "inputs[0].shape: found [1,2]");
  refused(input(R"("shape":[0],"data":[])"), "inputs[0].shape: found 0 texts");
  refused(input(R"("shape":[99999999999],"data":[])"), "inputs[0].shape: found 99999999999 texts");
  refused(input(R"("shape":[1],"parameters":{"binary_data_size":5})"), "binary tensor data");
  refused(input(R"("shape":[2],"data":["a"])"), "inputs[0].data: found 1 entries; expected 2");
  refused(input(R"("shape":[1],"data":[["a"]])"), "inputs[0].data[0]: found a list");
  refused(input(R"("shape":[1,1],"data":[["a","b"]])"), "inputs[0].data[0]: found a list of 2");
  refused(input(R"("shape":[2],"data":["a",1.5])"), "inputs[0].data[1]: found 1.5");
}

TEST(PrintInfer, FollowsTheProtocol) {
  const auto answer = answer_of({{"neg", {0.75F, 0.25F}}, {"neg", {0.5F, 0.5F}}});
  EXPECT_EQ(
      print_infer(answer, "1", "a\"b"),
      R"({"model_name":"nsmc","model_version":"1","id":"a\"b","outputs":[)"
      R"({"name":"label","datatype":"BYTES","shape":[2],"data":["neg","neg"]},)"
      R"({"name":"probabilities","datatype":"FP32","shape":[2,2],"data":[0.75,0.25,0.5,0.5]}]})");
  EXPECT_THAT(print_infer(answer, "1", ""), ::testing::Not(HasSubstr("\"id\"")));
}

}  // namespace
}  // namespace galley::serving
