#include "draft_model.h"

#include <algorithm>

namespace galley::serving {
namespace {

/// Rows in which new texts are read between two steps of the large model: a pause that its readers
/// hardly notice, since a draft model is a tenth of its size or less.
constexpr std::size_t kCatchUpRows = 256;

std::size_t common_start(std::span<const text::TokenId> a, std::span<const text::TokenId> b) {
  const auto end = a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  return static_cast<std::size_t>(std::mismatch(a.begin(), end, b.begin()).first - a.begin());
}

text::TokenId likeliest(std::span<const float> logits) {
  return static_cast<text::TokenId>(std::ranges::max_element(logits) - logits.begin());
}

}  // namespace

DraftModel::DraftModel(inference::ForwardModel& model) : model_(model), pool_(model.page_count()) {
  logits_.resize(std::min(kSpeculationRows, model.max_logit_rows()) * model.vocabulary());
}

void DraftModel::propose(std::span<const Ask> asks) {
  ++round_;
  runs_.clear();
  const auto most = std::min({kSpeculationRows, model_.max_logit_rows(), model_.max_rows()});
  for (const auto& ask : asks) {
    ask.drafts->clear();
    if (ask.count == 0 || runs_.size() == most) continue;
    if (ask.tokens.size() + ask.count > model_.context()) continue;
    auto& reader = readers_[ask.sequence];
    reader.asked = round_;
    // What was drafted and refused is read again; the last token always is, for its logits.
    reader.seen.resize(std::min(common_start(reader.seen, ask.tokens), ask.tokens.size() - 1));
    if (hold_pages(reader, ask.tokens.size() + ask.count)) runs_.push_back({&ask, &reader, 0});
  }
  if (runs_.empty()) return;
  read_texts(std::min(kCatchUpRows, model_.max_rows()));
  std::erase_if(runs_, [](const Run& run) { return run.ask->drafts->empty(); });
  while (!runs_.empty()) continue_drafts();
}

/// Each run reads on in its text; those that reach its end get their first draft.
void DraftModel::read_texts(std::size_t rows) {
  sequences_.clear();
  std::size_t texts_left = runs_.size();
  for (auto& run : runs_) {
    const auto pending = run.ask->tokens.size() - run.reader->seen.size();
    // One row is kept back for each text behind this one, which as a rule needs no more.
    run.chunk = std::min(pending, rows - --texts_left);
    rows -= run.chunk;
    sequences_.push_back({.tokens = run.ask->tokens.subspan(run.reader->seen.size(), run.chunk),
                          .first_position = static_cast<std::uint32_t>(run.reader->seen.size()),
                          .pages = run.reader->pages,
                          .logit_rows = run.chunk == pending ? 1U : 0U});
  }
  const auto count = static_cast<std::size_t>(
      std::ranges::count(sequences_, 1U, &inference::ForwardSequence::logit_rows));
  model_.forward(sequences_, std::span(logits_).first(count * model_.vocabulary()));
  std::size_t row = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const auto& read = sequences_[i];
    auto& seen = runs_[i].reader->seen;
    seen.insert(seen.end(), read.tokens.begin(), read.tokens.end());
    if (read.logit_rows == 0) continue;
    const auto at = row++ * model_.vocabulary();
    runs_[i].ask->drafts->push_back(likeliest(std::span(logits_).subspan(at, model_.vocabulary())));
  }
}

void DraftModel::continue_drafts() {
  std::erase_if(runs_, [](const Run& run) { return run.ask->drafts->size() == run.ask->count; });
  if (runs_.empty()) return;
  sequences_.clear();
  for (const auto& run : runs_) {
    run.reader->seen.push_back(run.ask->drafts->back());
    sequences_.push_back({.tokens = std::span(run.reader->seen).last(1),
                          .first_position = static_cast<std::uint32_t>(run.reader->seen.size() - 1),
                          .pages = run.reader->pages,
                          .logit_rows = 1});
  }
  const auto vocabulary = model_.vocabulary();
  model_.forward(sequences_, std::span(logits_).first(runs_.size() * vocabulary));
  for (std::size_t i = 0; i < runs_.size(); ++i)
    runs_[i].ask->drafts->push_back(
        likeliest(std::span(logits_).subspan(i * vocabulary, vocabulary)));
}

bool DraftModel::hold_pages(Reader& reader, std::size_t tokens) {
  if (pages_for(tokens) > pool_.page_count()) return false;
  while (reader.pages.size() < pages_for(tokens)) {
    const auto page = pool_.take();
    if (page)
      reader.pages.push_back(*page);
    else if (!free_some_pages())
      return false;
  }
  return true;
}

bool DraftModel::free_some_pages() {
  const auto oldest = std::ranges::min_element(readers_, {}, [](const auto& entry) {
    return std::pair(entry.second.pages.empty(), entry.second.asked);
  });
  if (oldest->second.pages.empty() || oldest->second.asked == round_) return false;
  release(oldest->second);
  readers_.erase(oldest);
  return true;
}

void DraftModel::release(Reader& reader) {
  for (const auto page : reader.pages) pool_.release(page);
}

void DraftModel::drop(SequenceIndex sequence) {
  const auto found = readers_.find(sequence);
  if (found == readers_.end()) return;
  release(found->second);
  readers_.erase(found);
}

}  // namespace galley::serving
