#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "inference/language_model.h"

namespace galley::serving {

using PageIndex = std::uint32_t;
inline constexpr PageIndex kNoPage = ~PageIndex{0};

inline std::size_t pages_for(std::size_t tokens) {
  return (tokens + tensor::kPageTokens - 1) / tensor::kPageTokens;
}

/// Who holds which page of a model's KV memory, and which pages still hold the KV of a known text
/// (paged KV with sharing, arXiv:2309.06180).
///
/// A page of a known text is an entry of a tree: its parent is the page before it, the root stands
/// for an adapter. A full page is looked up by (parent, its tokens) and compared by them, not only
/// by their hash, so a hit is the same text from position 0 on, by induction. An entry that nobody
/// references stays until its page is needed; the least recently used one goes first, and since
/// pages are released from the last to the first, an entry goes after those behind it.
///
/// Pure bookkeeping, one thread; nothing allocates but the first page of a new adapter. take,
/// share and release are O(1), find O(tokens), publish O(1).
class PagePool {
 public:
  explicit PagePool(std::size_t page_count);

  std::size_t page_count() const { return pages_.size(); }
  /// Pages that take() can still give: those free and those only remembered.
  std::size_t available() const { return free_.size() + idle_count_; }
  std::size_t referenced() const { return page_count() - available(); }
  std::uint32_t references(PageIndex page) const { return pages_[page].references; }
  bool remembered(PageIndex page) const { return pages_[page].serial != 0; }

  /// A page with one reference, whose content is whatever it was; nothing if all are referenced.
  std::optional<PageIndex> take();
  void share(PageIndex page);
  /// A sequence releases its pages from the last to the first.
  void release(PageIndex page);

  /// What of a text is there: full pages, then a page whose first `partial_tokens` fit, which may
  /// be copied but not shared. Nothing is referenced yet.
  struct Match {
    std::vector<PageIndex> pages;
    PageIndex partial = kNoPage;
    std::uint32_t partial_tokens = 0;

    std::size_t tokens() const { return pages.size() * tensor::kPageTokens + partial_tokens; }
  };
  void find(inference::AdapterIndex adapter, std::span<const text::TokenId> tokens,
            Match& match) const;
  /// Marks a remembered page, of a chain that the caller references, as used just now.
  void touch(PageIndex page);

  /// `page` (one reference) holds the KV of `tokens`, which follow the text up to `parent` (kNoPage
  /// at the start); the parent is remembered itself. A full page of a text that is already there is
  /// released, and the page to use instead is returned with a reference. A part of a page is
  /// remembered unless a longer one is.
  PageIndex publish(inference::AdapterIndex adapter, PageIndex parent, PageIndex page,
                    std::span<const text::TokenId> tokens);

 private:
  struct Page {
    std::uint32_t references = 0;
    inference::AdapterIndex adapter = 0;
    std::uint64_t serial = 0;         // of the entry, never used twice; 0: not remembered
    std::uint64_t parent_serial = 0;  // 0: the root of its adapter
    PageIndex parent = kNoPage;
    PageIndex first_child = kNoPage, next_sibling = kNoPage, previous_sibling = kNoPage;
    PageIndex newer = kNoPage, older = kNoPage;  // among the idle: remembered, not referenced
    std::uint32_t token_count = 0;
    std::array<text::TokenId, tensor::kPageTokens> tokens{};
  };

  bool covered(inference::AdapterIndex adapter, PageIndex parent,
               std::span<const text::TokenId> tokens) const;
  PageIndex& first_child_of(inference::AdapterIndex adapter, PageIndex parent);
  PageIndex first_child_of(inference::AdapterIndex adapter, PageIndex parent) const;
  PageIndex find_full(inference::AdapterIndex adapter, PageIndex parent,
                      std::span<const text::TokenId> tokens) const;
  std::size_t home_of(const Page& page) const;
  void insert_full(PageIndex page);
  void erase_full(PageIndex page);
  void forget(PageIndex page);
  void push_idle(PageIndex page);
  void unlink_idle(PageIndex page);

  std::vector<Page> pages_;
  std::vector<PageIndex> free_;
  std::vector<PageIndex> full_;  // open addressing with linear probing, a power of two
  std::map<inference::AdapterIndex, PageIndex> roots_;  // first page of a text, newest first
  PageIndex newest_ = kNoPage, oldest_ = kNoPage;
  std::size_t idle_count_ = 0;
  std::uint64_t last_serial_ = 0;
};

}  // namespace galley::serving
