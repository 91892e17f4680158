#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "commands.h"
#include "fields.h"
#include "table.h"

namespace galley::cli {
namespace {

/// Texts of one request: enough to keep the server busy, few enough to see answers soon.
constexpr std::size_t kBatchTexts = 256;
constexpr std::size_t kBatchBytes = 4 << 20;

struct PredictOptions {
  std::string model;
  std::vector<std::string> texts;
};

double probability_of(const Json& prediction) {
  const Json& all = child_of(prediction, "probabilities");
  return all.is_object() ? real_of(all, text_of(prediction, "label").c_str()) : 0;
}

/// One row for each text; the header only above the first batch.
std::string answers_table(const Session& session, const Json& answer,
                          const std::vector<std::string>& texts, bool header) {
  Table table({{.title = "LABEL"},
               {.title = "PROBABILITY", .right = true},
               {.title = "TEXT", .min_width = 10}});
  const Json& predictions = child_of(answer, "predictions");
  if (!predictions.is_array()) return {};
  for (std::size_t i = 0; i < predictions.size() && i < texts.size(); ++i)
    table.add({{text_of(predictions[i], "label"), Style::bold},
               {fmt::format("{:.4f}", probability_of(predictions[i]))},
               {texts[i]}});
  const std::string text = table.print(session.terminal.width, session.terminal.color);
  return header ? text : text.substr(text.find('\n') + 1);
}

Result<Json> ask(Session& session, const std::string& model,
                 const std::vector<std::string>& texts) {
  return session.post("/v1/predict", {{"model", model}, {"texts", texts}});
}

void note_answer(const Session& session, const Json& answer) {
  session.note(
      fmt::format("{}, {:.2f} ms", text_of(answer, "snapshot"), real_of(answer, "time_ms")));
}

/// Lines of standard input, answered batch by batch; with --json one document at the end.
Result<int> predict_lines(Session& session, const std::string& model) {
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  Json all;
  bool first = true;
  const auto flush = [&]() -> Status {
    GALLEY_TRY(Json answer, ask(session, model, texts));
    if (!session.flags.json) {
      print_out(answers_table(session, answer, texts, first));
      if (first) note_answer(session, answer);
    } else if (first) {
      all = std::move(answer);
    } else {
      for (const Json& one : child_of(answer, "predictions")) all["predictions"].push_back(one);
      all["time_ms"] = real_of(all, "time_ms") + real_of(answer, "time_ms");
    }
    first = false;
    texts.clear();
    bytes = 0;
    return ok();
  };
  for (std::string line; std::getline(std::cin, line);) {
    if (line.empty()) continue;
    bytes += line.size();
    texts.push_back(std::move(line));
    if (texts.size() >= kBatchTexts || bytes >= kBatchBytes) GALLEY_TRY_STATUS(flush());
  }
  if (!texts.empty()) GALLEY_TRY_STATUS(flush());
  if (first)
    return Error{Errc::invalid_argument,
                 "galley predict: standard input has no text",
                 {},
                 "one text on each line"};
  if (session.flags.json) session.print_json(all);
  return 0;
}

Result<int> predict(Session& session, const PredictOptions& options) {
  if (options.texts.empty()) {
    if (::isatty(STDIN_FILENO) == 1) session.note("reading texts, one on each line, until Ctrl-D");
    return predict_lines(session, options.model);
  }
  GALLEY_TRY(const Json answer, ask(session, options.model, options.texts));
  if (session.flags.json) {
    session.print_json(answer);
    return 0;
  }
  print_out(answers_table(session, answer, options.texts, true));
  note_answer(session, answer);
  return 0;
}

}  // namespace

void add_predict_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "predict",
       .help = "Ask a deployed model",
       .group = kModelGroup,
       .examples = {"galley predict nsmc '정말 재미있는 영화였다'",
                    "galley predict nsmc:canary 'first text' 'second text'",
                    "galley predict nsmc < texts.txt"},
       .define = [&session](Options& options) -> Action {
         auto wanted = std::make_shared<PredictOptions>();
         options.positional("MODEL", wanted->model, "NAME, NAME:CHANNEL or NAME@VERSION")
             .optional_positionals("TEXT", wanted->texts, "Lines of standard input when absent");
         return [&session, wanted] { return predict(session, *wanted); };
       }});
}

}  // namespace galley::cli
