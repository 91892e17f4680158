#include <fmt/format.h>

#include <iterator>

#include "service_impl.h"

// Our names, and vLLM's for dashboards that know them. The model is a label: a process serves a
// few, each with an engine of its own, and their histograms cannot be added up to something useful.
namespace galley::openai {
namespace {

using Metrics = serving::TextEngine::Metrics;
using Histogram = serving::TextEngine::Histogram;

struct Sampled {
  std::string name;  // of the model
  Metrics metrics;
};

class Printer {
 public:
  explicit Printer(const std::vector<Sampled>& models) : models_(models) {}

  template <class Get>
  void number(std::string_view type, std::string_view name, std::string_view alias,
              std::string_view help, Get&& get) {
    const auto print = [&](std::string_view metric, std::string_view label) {
      head(metric, help, type);
      for (const Sampled& model : models_)
        fmt::format_to(std::back_inserter(out), "{}{{{}=\"{}\"}} {}\n", metric, label, model.name,
                       get(model.metrics));
    };
    print(name, "model");
    if (!alias.empty()) print(alias, "model_name");
  }

  void histogram(std::string_view name, std::string_view alias, std::string_view help,
                 Histogram Metrics::*which) {
    const auto print = [&](std::string_view metric, std::string_view label) {
      head(metric, help, "histogram");
      for (const Sampled& model : models_) buckets(metric, label, model.name, model.metrics.*which);
    };
    print(name, "model");
    if (!alias.empty()) print(alias, "model_name");
  }

  void finished(std::string_view name, std::string_view label) {
    head(name, "Requests that have ended, by why.", "counter");
    for (const Sampled& model : models_)
      for (const auto& [reason, count] : model.metrics.finished)
        fmt::format_to(std::back_inserter(out), "{}{{{}=\"{}\",finished_reason=\"{}\"}} {}\n", name,
                       label, model.name, reason, count);
  }

  void head(std::string_view name, std::string_view help, std::string_view type) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }

  std::string out;

 private:
  void buckets(std::string_view metric, std::string_view label, const std::string& model,
               const Histogram& values) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < values.counts.size(); ++i) {
      total += values.counts[i];
      const std::string bound =
          i < values.bounds.size() ? fmt::format("{}", values.bounds[i]) : "+Inf";
      fmt::format_to(std::back_inserter(out), "{}_bucket{{{}=\"{}\",le=\"{}\"}} {}\n", metric,
                     label, model, bound, total);
    }
    fmt::format_to(std::back_inserter(out),
                   "{0}_sum{{{1}=\"{2}\"}} {3}\n{0}_count{{{1}=\"{2}\"}} {4}\n", metric, label,
                   model, values.sum, values.count);
  }

  const std::vector<Sampled>& models_;
};

void print_counts(Printer& print) {
  print.number("gauge", "galley_requests_running", "vllm:num_requests_running",
               "Requests that are being answered.",
               [](const Metrics& m) { return m.requests_running; });
  print.number("gauge", "galley_requests_waiting", "vllm:num_requests_waiting",
               "Requests that wait for their turn.",
               [](const Metrics& m) { return m.requests_waiting; });
  print.number("gauge", "galley_sequences_running", "", "Answers that are being written.",
               [](const Metrics& m) { return m.sequences_running; });
  print.number("gauge", "galley_kv_cache_usage_ratio", "vllm:kv_cache_usage_perc",
               "Share of the KV cache in use.",
               [](const Metrics& m) { return m.kv_cache_usage_ratio; });
  print.number("counter", "galley_prefix_cache_queries_total", "vllm:prefix_cache_queries_total",
               "Prompt tokens that were looked for in the prefix cache.",
               [](const Metrics& m) { return m.prefix_cache_queries; });
  print.number("counter", "galley_prefix_cache_hits_total", "vllm:prefix_cache_hits_total",
               "Prompt tokens that were found in the prefix cache.",
               [](const Metrics& m) { return m.prefix_cache_hits; });
  print.number("counter", "galley_prompt_tokens_total", "vllm:prompt_tokens_total",
               "Tokens of prompts.", [](const Metrics& m) { return m.prompt_tokens; });
  print.number("counter", "galley_generation_tokens_total", "vllm:generation_tokens_total",
               "Tokens that were generated.", [](const Metrics& m) { return m.generation_tokens; });
  print.number("counter", "galley_preemptions_total", "vllm:num_preemptions_total",
               "Answers that gave their memory up to others and went on later.",
               [](const Metrics& m) { return m.preemptions; });
  print.number("counter", "galley_draft_tokens_total", "vllm:spec_decode_num_draft_tokens_total",
               "Tokens that speculation proposed.",
               [](const Metrics& m) { return m.drafted_tokens; });
  print.number("counter", "galley_accepted_tokens_total",
               "vllm:spec_decode_num_accepted_tokens_total",
               "Tokens of those that the model agreed with.",
               [](const Metrics& m) { return m.accepted_tokens; });
  print.number("gauge", "galley_generation_tokens_per_s", "",
               "Tokens generated a second, over the last ten seconds.",
               [](const Metrics& m) { return m.tokens_per_s; });
  print.finished("galley_requests_finished_total", "model");
  print.finished("vllm:request_success_total", "model_name");
}

void print_histograms(Printer& print) {
  print.histogram("galley_time_to_first_token_seconds", "vllm:time_to_first_token_seconds",
                  "From a request's arrival to its first token.", &Metrics::time_to_first_token_s);
  print.histogram("galley_inter_token_latency_seconds", "vllm:inter_token_latency_seconds",
                  "Between two tokens of one answer.", &Metrics::inter_token_latency_s);
  print.histogram("galley_request_seconds", "vllm:e2e_request_latency_seconds",
                  "From a request's arrival to its end.", &Metrics::e2e_latency_s);
  print.histogram("galley_request_queue_seconds", "vllm:request_queue_time_seconds",
                  "From a request's arrival until it runs.", &Metrics::queue_time_s);
  print.histogram("galley_request_prefill_seconds", "vllm:request_prefill_time_seconds",
                  "From when a request runs to its first token.", &Metrics::prefill_time_s);
  print.histogram("galley_request_decode_seconds", "vllm:request_decode_time_seconds",
                  "From a request's first token to its last.", &Metrics::decode_time_s);
  print.histogram("galley_request_prompt_tokens", "vllm:request_prompt_tokens",
                  "Tokens of a prompt.", &Metrics::prompt_length);
  print.histogram("galley_request_generation_tokens", "vllm:request_generation_tokens",
                  "Tokens of an answer.", &Metrics::generation_length);
  print.histogram("galley_step_tokens", "vllm:iteration_tokens_total",
                  "Tokens that one step of the model takes.", &Metrics::step_rows);
  print.histogram("galley_step_sequences", "", "Answers that one step of the model goes on with.",
                  &Metrics::batch_size);
}

}  // namespace

std::string print_metrics(const TextModels& models) {
  std::vector<Sampled> sampled;
  for (const TextModel* model : models.all())
    sampled.push_back({model->name(), model->engine().metrics()});
  Printer print(sampled);
  print_counts(print);
  print_histograms(print);
  const auto add = std::back_inserter(print.out);
  print.head("galley_inference_kernel_info", "1, with the kernel that serves an operation.",
             "gauge");
  for (const TextModel* model : models.all())
    for (const auto& use : model->facts().kernels)
      fmt::format_to(
          add, "galley_inference_kernel_info{{model=\"{}\",operation=\"{}\",kernel=\"{}\"}} 1\n",
          model->name(), use.operation, use.kernel);
  print.head("galley_model_memory_bytes", "Memory that a model takes, by what for.", "gauge");
  for (const TextModel* model : models.all()) {
    const auto& memory = model->facts().memory;
    for (const auto& [what, bytes] : {std::pair{"weights", memory.weight_bytes},
                                      {"kv", memory.kv_bytes},
                                      {"work", memory.work_bytes}})
      fmt::format_to(add, "galley_model_memory_bytes{{model=\"{}\",for=\"{}\"}} {}\n",
                     model->name(), what, bytes);
  }
  return std::move(print.out);
}

}  // namespace galley::openai
