#include "llm/served_model.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json.h"
#include "http/client.h"
#include "resident.h"
#include "scratch_folder.h"
#include "server_process.h"

namespace galley::bench {
namespace {

constexpr int kPromptWords = 200;
constexpr int kAnswerTokens = 32;
constexpr std::chrono::milliseconds kServePatience{60'000};

Result<Json> complete(http::Client& client, const std::string& prompt, int max_tokens) {
  const Json body{{"prompt", prompt}, {"max_tokens", max_tokens}, {"ignore_eos", true}};
  http::Client::Call call{.method = "POST", .target = "/v1/completions", .body = dump_json(body)};
  call.headers.set("Content-Type", "application/json");
  GALLEY_TRY(const http::Response answer, client.send(std::move(call)));
  if (answer.status != 200)
    return Error{Errc::unavailable,
                 "/v1/completions answered " + std::to_string(answer.status) + ": " + answer.body};
  return parse_json(answer.body);
}

}  // namespace

Result<ServedFigures> measure_served(const std::filesystem::path& programs,
                                     const std::filesystem::path& model, std::uint32_t threads,
                                     double kv_bytes_per_token) {
  GALLEY_TRY(const auto scratch, support::ScratchFolder::make());
  const auto begin = std::chrono::steady_clock::now();
  GALLEY_TRY(auto server,
             support::ServerProcess::start(
                 {.program = programs / "galley",
                  .data = scratch / "data",
                  .arguments = {"--model", model.string(), "--threads", std::to_string(threads)},
                  .role = "serve"}));
  GALLEY_TRY(auto client, http::Client::open({.server = server.url(), .timeout = kServePatience}));
  GALLEY_TRY_STATUS(complete(*client, "a", 1));
  ServedFigures figures;
  figures.first_token_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  std::string prompt = "word";
  for (int i = 1; i < kPromptWords; ++i) prompt += " word";
  GALLEY_TRY(const Json answer, complete(*client, prompt, kAnswerTokens));
  figures.kv_bytes = answer.at("usage").at("total_tokens").get<double>() * kv_bytes_per_token;
  GALLEY_TRY(const double mib, support::resident_mib(server.pid()));
  figures.resident_bytes = mib * 1024 * 1024;
  GALLEY_TRY_STATUS(server.stop());
  return figures;
}

}  // namespace galley::bench
