#include "page_pool.h"

#include <algorithm>
#include <bit>

namespace galley::serving {
namespace {

/// Children of one page that are looked at for the longest common start; a popular prefix may have
/// thousands, of which the newest are the likeliest to be met again.
constexpr std::size_t kSiblingsCompared = 64;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 29);
}

std::uint64_t hash_of(inference::AdapterIndex adapter, std::uint64_t parent_serial,
                      std::span<const text::TokenId> tokens) {
  std::uint64_t hash = mix(adapter, parent_serial);
  for (const auto token : tokens) hash = mix(hash, static_cast<std::uint32_t>(token));
  return hash;
}

std::size_t common_prefix(std::span<const text::TokenId> a, std::span<const text::TokenId> b) {
  const auto length = std::min(a.size(), b.size());
  const auto end = a.begin() + static_cast<std::ptrdiff_t>(length);
  return static_cast<std::size_t>(std::mismatch(a.begin(), end, b.begin()).first - a.begin());
}

}  // namespace

PagePool::PagePool(std::size_t page_count) : pages_(page_count) {
  free_.reserve(page_count);
  for (std::size_t i = page_count; i > 0; --i) free_.push_back(static_cast<PageIndex>(i - 1));
  // At most half full, so that probes stay short.
  full_.assign(std::bit_ceil(2 * page_count + 1), kNoPage);
}

std::optional<PageIndex> PagePool::take() {
  PageIndex page = kNoPage;
  if (!free_.empty()) {
    page = free_.back();
    free_.pop_back();
  } else if (oldest_ != kNoPage) {
    page = oldest_;
    unlink_idle(page);
    forget(page);
  } else {
    return std::nullopt;
  }
  pages_[page].references = 1;
  return page;
}

void PagePool::share(PageIndex page) {
  if (pages_[page].references++ > 0) return;
  GALLEY_CHECK(remembered(page), "a page that is shared is held or remembered");
  unlink_idle(page);
}

void PagePool::release(PageIndex page) {
  GALLEY_CHECK(pages_[page].references > 0, "a page is released once for each reference");
  if (--pages_[page].references > 0) return;
  if (remembered(page))
    push_idle(page);
  else
    free_.push_back(page);
}

void PagePool::touch(PageIndex page) {
  if (!remembered(page) || pages_[page].references > 0) return;
  unlink_idle(page);
  push_idle(page);
}

void PagePool::find(inference::AdapterIndex adapter, std::span<const text::TokenId> tokens,
                    Match& match) const {
  match.pages.clear();
  match.partial = kNoPage;
  match.partial_tokens = 0;
  PageIndex parent = kNoPage;
  while (tokens.size() >= tensor::kPageTokens) {
    const auto page = find_full(adapter, parent, tokens.first(tensor::kPageTokens));
    if (page == kNoPage) break;
    match.pages.push_back(page);
    parent = page;
    tokens = tokens.subspan(tensor::kPageTokens);
  }
  auto child = first_child_of(adapter, parent);
  for (std::size_t i = 0; i < kSiblingsCompared && child != kNoPage; ++i) {
    const auto& page = pages_[child];
    const auto common = static_cast<std::uint32_t>(
        common_prefix(std::span(page.tokens).first(page.token_count), tokens));
    if (common > match.partial_tokens) {
      match.partial = child;
      match.partial_tokens = common;
    }
    child = page.next_sibling;
  }
}

PageIndex PagePool::publish(inference::AdapterIndex adapter, PageIndex parent, PageIndex page,
                            std::span<const text::TokenId> tokens) {
  GALLEY_CHECK(pages_[page].references == 1 && !remembered(page),
               "a page is published once, by the one who wrote it");
  GALLEY_CHECK(parent == kNoPage || remembered(parent), "the text before a page is remembered");
  if (tokens.size() == tensor::kPageTokens) {
    const auto known = find_full(adapter, parent, tokens);
    if (known != kNoPage) {
      share(known);
      release(page);
      return known;
    }
  } else if (covered(adapter, parent, tokens)) {
    return page;
  }
  auto& entry = pages_[page];
  entry.adapter = adapter;
  entry.serial = ++last_serial_;
  entry.parent = parent;
  entry.parent_serial = parent == kNoPage ? 0 : pages_[parent].serial;
  entry.token_count = static_cast<std::uint32_t>(tokens.size());
  std::ranges::copy(tokens, entry.tokens.begin());
  entry.first_child = kNoPage;
  auto& first = first_child_of(adapter, parent);
  entry.previous_sibling = kNoPage;
  entry.next_sibling = first;
  if (first != kNoPage) pages_[first].previous_sibling = page;
  first = page;
  if (entry.token_count == tensor::kPageTokens) insert_full(page);
  return page;
}

bool PagePool::covered(inference::AdapterIndex adapter, PageIndex parent,
                       std::span<const text::TokenId> tokens) const {
  auto child = first_child_of(adapter, parent);
  for (std::size_t i = 0; i < kSiblingsCompared && child != kNoPage; ++i) {
    const auto& page = pages_[child];
    if (common_prefix(std::span(page.tokens).first(page.token_count), tokens) == tokens.size())
      return true;
    child = page.next_sibling;
  }
  return false;
}

PageIndex& PagePool::first_child_of(inference::AdapterIndex adapter, PageIndex parent) {
  if (parent != kNoPage) return pages_[parent].first_child;
  return roots_.try_emplace(adapter, kNoPage).first->second;
}

PageIndex PagePool::first_child_of(inference::AdapterIndex adapter, PageIndex parent) const {
  if (parent != kNoPage) return pages_[parent].first_child;
  const auto found = roots_.find(adapter);
  return found == roots_.end() ? kNoPage : found->second;
}

std::size_t PagePool::home_of(const Page& page) const {
  const auto tokens = std::span(page.tokens).first(page.token_count);
  return hash_of(page.adapter, page.parent_serial, tokens) & (full_.size() - 1);
}

PageIndex PagePool::find_full(inference::AdapterIndex adapter, PageIndex parent,
                              std::span<const text::TokenId> tokens) const {
  const auto parent_serial = parent == kNoPage ? 0 : pages_[parent].serial;
  const auto mask = full_.size() - 1;
  auto at = hash_of(adapter, parent_serial, tokens) & mask;
  for (; full_[at] != kNoPage; at = (at + 1) & mask) {
    const auto& page = pages_[full_[at]];
    if (page.parent_serial == parent_serial && page.adapter == adapter &&
        std::ranges::equal(page.tokens, tokens))
      return full_[at];
  }
  return kNoPage;
}

void PagePool::insert_full(PageIndex page) {
  const auto mask = full_.size() - 1;
  auto at = home_of(pages_[page]);
  while (full_[at] != kNoPage) at = (at + 1) & mask;
  full_[at] = page;
}

void PagePool::erase_full(PageIndex page) {
  const auto mask = full_.size() - 1;
  auto hole = home_of(pages_[page]);
  while (full_[hole] != page) hole = (hole + 1) & mask;
  // Later entries of the run move up when the hole lies between their home and their place.
  for (auto at = (hole + 1) & mask; full_[at] != kNoPage; at = (at + 1) & mask) {
    const auto home = home_of(pages_[full_[at]]);
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    full_[hole] = full_[at];
    hole = at;
  }
  full_[hole] = kNoPage;
}

void PagePool::forget(PageIndex page) {
  auto& entry = pages_[page];
  GALLEY_CHECK(entry.first_child == kNoPage, "a page is forgotten after those behind it");
  if (entry.token_count == tensor::kPageTokens) erase_full(page);
  if (entry.next_sibling != kNoPage)
    pages_[entry.next_sibling].previous_sibling = entry.previous_sibling;
  if (entry.previous_sibling != kNoPage)
    pages_[entry.previous_sibling].next_sibling = entry.next_sibling;
  else
    first_child_of(entry.adapter, entry.parent) = entry.next_sibling;
  entry.serial = 0;
}

void PagePool::push_idle(PageIndex page) {
  pages_[page].older = newest_;
  pages_[page].newer = kNoPage;
  if (newest_ != kNoPage) pages_[newest_].newer = page;
  newest_ = page;
  if (oldest_ == kNoPage) oldest_ = page;
  ++idle_count_;
}

void PagePool::unlink_idle(PageIndex page) {
  auto& entry = pages_[page];
  (entry.newer == kNoPage ? newest_ : pages_[entry.newer].older) = entry.older;
  (entry.older == kNoPage ? oldest_ : pages_[entry.older].newer) = entry.newer;
  entry.newer = entry.older = kNoPage;
  --idle_count_;
}

}  // namespace galley::serving
