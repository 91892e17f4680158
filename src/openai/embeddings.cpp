#include "embeddings.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <iterator>
#include <mutex>
#include <optional>
#include <vector>

#include "token_text.h"

namespace galley::openai {
namespace {

void append_vector(std::string& out, const std::vector<float>& vector, bool base64) {
  if (base64) {
    static_assert(std::endian::native == std::endian::little, "clients read little endian");
    std::string bytes(vector.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), vector.data(), bytes.size());
    out += '"';
    out += to_base64(bytes);
    out += '"';
    return;
  }
  out += '[';
  for (std::size_t i = 0; i < vector.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}{}", i == 0 ? "" : ",", vector[i]);
  out += ']';
}

/// Waits for the vectors of all inputs.
class Gathering {
 public:
  Gathering(const TextModel& of, std::string model, bool base64, std::size_t inputs,
            std::size_t tokens, std::function<void(Result<std::string>)> done)
      : use_(of),
        model_(std::move(model)),
        base64_(base64),
        tokens_(tokens),
        done_(std::move(done)),
        vectors_(inputs),
        missing_(inputs) {}

  void take(std::size_t input, Result<std::vector<float>> vector) {
    std::unique_lock lock(mutex_);
    if (vector)
      vectors_[input] = *std::move(vector);
    else if (!error_)
      error_ = vector.error();
    if (--missing_ > 0) return;
    auto document = error_ ? Result<std::string>(*error_) : Result<std::string>(print());
    lock.unlock();
    done_(std::move(document));
  }

 private:
  std::string print() const {
    std::string out = R"({"object":"list","data":[)";
    for (std::size_t i = 0; i < vectors_.size(); ++i) {
      fmt::format_to(std::back_inserter(out), R"({}{{"object":"embedding","index":{},"embedding":)",
                     i == 0 ? "" : ",", i);
      append_vector(out, vectors_[i], base64_);
      out += '}';
    }
    out += R"(],"model":)";
    append_json_string(out, model_);
    fmt::format_to(std::back_inserter(out),
                   R"(,"usage":{{"prompt_tokens":{0},"total_tokens":{0}}}}})", tokens_);
    return out;
  }

  const TextModel::Use use_;
  const std::string model_;
  const bool base64_;
  const std::size_t tokens_;
  const std::function<void(Result<std::string>)> done_;
  std::mutex mutex_;  // guards all below
  std::vector<std::vector<float>> vectors_;
  std::size_t missing_;
  std::optional<Error> error_;
};

}  // namespace

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8U | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      out += j <= count ? kLetters[group >> (18U - 6U * j) & 63U] : '=';
  }
  return out;
}

Status embed(const Planning& with, const EmbeddingRequest& request,
             std::function<void(Result<std::string>)> done) {
  GALLEY_TRY(const auto found, with.models.find(request.model));
  const TextModel& model = *found.model;
  if (request.dimensions && static_cast<std::size_t>(*request.dimensions) != model.width())
    return Error{Errc::invalid_argument, "the vectors of '" + found.name + "' cannot be shortened",
                 "dimensions", std::to_string(model.width()) + ", or none"};
  std::vector<TokenList> prompts;
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const std::string field =
        request.inputs.size() == 1 ? "input" : "input[" + std::to_string(i) + "]";
    GALLEY_TRY(TokenList prompt, encode_prompt(model, request.inputs[i], field));
    GALLEY_TRY_STATUS(check_context(model, prompt.size(), 0, field));
    tokens += prompt.size();
    prompts.push_back(std::move(prompt));
  }
  const auto gathering = std::make_shared<Gathering>(model, found.name, request.base64,
                                                     prompts.size(), tokens, std::move(done));
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    auto number = model.engine().embed(std::move(prompts[i]),
                                       [gathering, i](Result<std::vector<float>> vector) {
                                         gathering->take(i, std::move(vector));
                                       });
    // Those before this one are on their way; the answer waits for them and is this error.
    if (!number) gathering->take(i, std::move(number).error());
  }
  return ok();
}

}  // namespace galley::openai
