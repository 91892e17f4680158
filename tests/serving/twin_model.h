#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <vector>

#include "inference/language_model.h"

namespace galley::serving {

/// A ForwardModel whose logits are a hash of all tokens and positions up to the row, read back from
/// its pages: a page that is wrong, stale or missing, or a wrong position, changes every number
/// after it. Counts what it was asked for.
class TwinModel final : public inference::ForwardModel {
 public:
  struct Shape {
    std::size_t vocabulary = 300;
    std::size_t context = 4096;
    std::size_t pages = 64;
    std::size_t max_rows = 512;
    std::size_t max_logit_rows = 64;
    /// Of four rows, how many prefer plainly the token that is (last token + 1) % repeat; so that
    /// texts repeat themselves, as real ones do. 0: none.
    std::uint32_t predictable_quarters = 0;
    std::uint32_t repeat = 9;
    std::uint64_t seed = 1;
  };
  explicit TwinModel(const Shape& shape) : shape_(shape), pages_(shape.pages) {}

  std::size_t vocabulary() const override { return shape_.vocabulary; }
  std::size_t context() const override { return shape_.context; }
  std::size_t page_count() const override { return shape_.pages; }
  std::size_t max_rows() const override { return shape_.max_rows; }
  std::size_t max_logit_rows() const override { return shape_.max_logit_rows; }
  std::size_t page_bytes() const override { return sizeof(Page); }
  std::size_t width() const override { return 4; }
  std::size_t adapter_count() const override { return 1; }

  void forward(std::span<const inference::ForwardSequence> sequences,
               std::span<float> logits) override {
    if (before_step) before_step();
    std::size_t rows = 0, logit_rows = 0;
    for (const auto& sequence : sequences) {
      rows += sequence.tokens.size();
      logit_rows += sequence.logit_rows;
    }
    if (rows > shape_.max_rows || logit_rows > shape_.max_logit_rows ||
        logits.size() != logit_rows * shape_.vocabulary)
      throw std::logic_error("a step of the wrong shape");
    ++steps;
    rows_run += rows;
    largest_step = std::max(largest_step.load(), rows);
    auto out = logits;
    for (const auto& sequence : sequences) {
      const auto skipped = sequence.tokens.size() - sequence.logit_rows;
      run(sequence, [&](std::size_t row, std::uint64_t state) {
        if (row < skipped) return;
        fill_logits(state, sequence.tokens[row], out.first(shape_.vocabulary));
        out = out.subspan(shape_.vocabulary);
      });
    }
  }

  void embed(std::span<const inference::ForwardSequence> sequences,
             std::span<float> hidden) override {
    auto out = hidden;
    for (const auto& sequence : sequences)
      run(sequence, [&](std::size_t, std::uint64_t state) {
        for (std::size_t i = 0; i < width(); ++i) out[i] = unit(mix(state, i));
        out = out.subspan(width());
      });
  }

  void copy_page(std::uint32_t from, std::uint32_t to) override { pages_.at(to) = pages_.at(from); }
  void read_page(std::uint32_t page, std::span<std::byte> out) const override {
    ++pages_read;
    std::memcpy(out.data(), &pages_.at(page), sizeof(Page));
  }
  void write_page(std::uint32_t page, std::span<const std::byte> bytes) override {
    std::memcpy(&pages_.at(page), bytes.data(), sizeof(Page));
  }

  /// Called first in each forward.
  std::function<void()> before_step;
  /// A token that makes forward throw.
  std::atomic<text::TokenId> poison{-1};
  std::atomic<std::size_t> steps{0}, rows_run{0}, largest_step{0};
  mutable std::atomic<std::size_t> pages_read{0};

 private:
  using Page = std::array<std::uint64_t, tensor::kPageTokens>;

  static std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
    hash = (hash ^ value) * 0xBF58476D1CE4E5B9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBULL;
    return hash ^ (hash >> 31);
  }
  static float unit(std::uint64_t hash) { return static_cast<float>(hash >> 40) * 0x1p-24F; }

  template <class Row>
  void run(const inference::ForwardSequence& sequence, Row&& row) {
    std::uint64_t state = shape_.seed;
    for (std::uint32_t position = 0; position < sequence.first_position; ++position)
      state = mix(state, slot(sequence, position));
    for (std::size_t i = 0; i < sequence.tokens.size(); ++i) {
      const auto token = sequence.tokens[i];
      if (token == poison) throw std::runtime_error("poisoned token");
      const auto position = sequence.first_position + static_cast<std::uint32_t>(i);
      slot(sequence, position) =
          mix(mix(static_cast<std::uint64_t>(token), position), sequence.adapter);
      state = mix(state, slot(sequence, position));
      row(i, state);
    }
  }
  std::uint64_t& slot(const inference::ForwardSequence& sequence, std::uint32_t position) {
    const auto page = sequence.pages[position / tensor::kPageTokens];
    return pages_.at(page)[position % tensor::kPageTokens];
  }
  void fill_logits(std::uint64_t state, text::TokenId last, std::span<float> logits) const {
    for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = 4 * unit(mix(state, i));
    if (state % 4 < shape_.predictable_quarters)
      logits[(static_cast<std::uint32_t>(last) + 1) % shape_.repeat] += 12;
  }

  Shape shape_;
  std::vector<Page> pages_;
};

}  // namespace galley::serving
