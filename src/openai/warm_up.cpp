// One answer on nobody's behalf before the first client's, through all that a request passes.
#include <future>

#include "generation.h"
#include "service_impl.h"
#include "streamed_answer.h"

namespace galley::openai {
namespace {

/// Every body has the usual fields, so that reading them is warm too. Two tokens, since the first
/// comes of the prompt and only the second of a step for one row.
constexpr const char* kCompletion =
    R"({"prompt":"Hello","max_tokens":2,"temperature":0.7,"top_p":0.9,"seed":1,"stop":["\n\n"],
        "ignore_eos":true,"user":"warm-up"})";
constexpr const char* kChat = R"({"messages":[{"role":"user","content":"Hello"}],"max_tokens":1})";

/// Prints each event in both forms.
class BothForms final : public Sink {
 public:
  BothForms(const AnswerStyle& style, const Clock& clock, std::function<void()> done)
      : streamed_(style, 1, std::make_shared<EventWriter>(clock, [] {})),
        whole_(style, 1, [done = std::move(done)](const Result<std::string>&) { done(); }) {}
  void take(std::size_t prompt, const serving::GenerationEvent& event) override {
    streamed_.take(prompt, event);
    whole_.take(prompt, event);
  }

 private:
  StreamedAnswer streamed_;
  WholeAnswer whole_;
};

Status answer_once(const Service::Impl& service, const TextModel& model) {
  GALLEY_TRY(Json body, parse_body(kCompletion));
  body["model"] = model.name();
  GALLEY_TRY(const auto request, parse_completion(body));
  GALLEY_TRY(Plan plan, plan_completion(service.planning, request));
  std::promise<void> answered;
  const auto generation = std::make_shared<Generation>(model);
  GALLEY_TRY_STATUS(generation->start(
      std::move(plan.requests), std::make_shared<BothForms>(plan.style, service.clock, [&answered] {
        answered.set_value();
      })));
  answered.get_future().wait();
  return ok();
}

/// A conversation is only written out and cut into tokens: what follows is as above.
Status plan_once(const Service::Impl& service, const TextModel& model) {
  GALLEY_TRY(Json body, parse_body(kChat));
  body["model"] = model.name();
  GALLEY_TRY(const auto request, parse_chat(body));
  GALLEY_TRY(const Plan plan, plan_chat(service.planning, request));
  return ok();
}

}  // namespace

void Service::warm_up() {
  for (const TextModel* model : impl_->models.all()) {
    // A model whose context is too short, or whose template cannot be read, says so to its clients.
    if (!answer_once(*impl_, *model) || !plan_once(*impl_, *model)) continue;
    model->engine().forget_metrics();
  }
  impl_->warm = true;
}

}  // namespace galley::openai
