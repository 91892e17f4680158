#include "perplexity/measured_nats.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "stop.h"

namespace galley::bench {
namespace {

using text::TokenId;

/// -ln of the probability of `token` in a row of logits.
double surprise(std::span<const float> logits, TokenId token) {
  const float most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - most));
  return std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(token)] - most);
}

}  // namespace

Result<MeasuredNats> measure_nats(const std::filesystem::path& path,
                                  std::span<const std::vector<TokenId>> streams,
                                  tensor::Activation activation, std::uint32_t threads) {
  constexpr std::size_t kMostContext = 1024;  // of a longer one the rest would cost much memory
  GALLEY_TRY(const inference::ModelFile file, inference::ModelFile::open(path));
  GALLEY_TRY(const auto devices,
             tensor::make_cpu_group({.devices = 1, .threads = threads, .isa = {}}));
  const std::size_t context = std::min<std::size_t>(file.config().context, kMostContext);
  GALLEY_TRY(const auto model, inference::LanguageModel::load(file, *devices,
                                                              {.kv_format = tensor::KvFormat::f32,
                                                               .kv_tokens = context,
                                                               .max_rows = context,
                                                               .max_logit_rows = context,
                                                               .activation = activation}));
  std::vector<std::uint32_t> pages(model->page_count());
  std::iota(pages.begin(), pages.end(), 0U);
  std::vector<float> logits(context * model->vocabulary());
  MeasuredNats measured;
  for (const std::vector<TokenId>& stream : streams) {
    std::size_t predicted = 1;  // the first token has nothing before it
    while (predicted < stream.size()) {
      GALLEY_TRY_STATUS(support::check_stop());
      const std::size_t begin = predicted > context / 2 ? predicted - context / 2 : 0;
      const std::size_t end = std::min(begin + context, stream.size() - 1);
      // The token at `predicted` is judged by the row of the one before it.
      const std::size_t rows = end - predicted + 1;
      const std::vector<inference::ForwardSequence> step{
          {.tokens = std::span(stream).subspan(begin, end - begin),
           .first_position = 0,
           .pages = pages,
           .logit_rows = static_cast<std::uint32_t>(rows)}};
      model->forward(step, std::span(logits).first(rows * model->vocabulary()));
      for (std::size_t row = 0; row < rows; ++row)
        measured.nats +=
            surprise(std::span(logits).subspan(row * model->vocabulary(), model->vocabulary()),
                     stream[predicted + row]);
      measured.tokens += rows;
      predicted += rows;
    }
  }
  return measured;
}

}  // namespace galley::bench
