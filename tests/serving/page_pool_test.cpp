#include "page_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace galley::serving {
namespace {

using Text = std::vector<text::TokenId>;

Text repeated(std::size_t count, text::TokenId first) {
  Text text(count);
  for (std::size_t i = 0; i < count; ++i) text[i] = first + static_cast<text::TokenId>(i % 7);
  return text;
}

std::span<const text::TokenId> page_of(const Text& text, std::size_t index) {
  const auto rest = std::span(text).subspan(index * tensor::kPageTokens);
  return rest.first(std::min<std::size_t>(rest.size(), tensor::kPageTokens));
}

/// Takes and publishes all pages of a text, the last one too if it is not full.
std::vector<PageIndex> write_text(PagePool& pool, const Text& text,
                                  inference::AdapterIndex adapter = 0) {
  std::vector<PageIndex> pages;
  for (std::size_t i = 0; i < pages_for(text.size()); ++i) {
    const auto parent = pages.empty() ? kNoPage : pages.back();
    pages.push_back(pool.publish(adapter, parent, pool.take().value(), page_of(text, i)));
  }
  return pages;
}

void release_all(PagePool& pool, const std::vector<PageIndex>& pages) {
  for (auto page = pages.rbegin(); page != pages.rend(); ++page) pool.release(*page);
}

TEST(PagePool, FindsFullPagesAndTheStartOfTheNextOne) {
  PagePool pool(8);
  const auto text = repeated(40, 1);
  const auto pages = write_text(pool, text);
  release_all(pool, pages);

  auto other = text;
  other[37] = 99;
  PagePool::Match match;
  pool.find(0, other, match);

  EXPECT_EQ(match.pages, (std::vector{pages[0], pages[1]}));
  EXPECT_EQ(match.partial, pages[2]);
  EXPECT_EQ(match.tokens(), 37U);
  EXPECT_EQ(pool.available(), 8U);
}

TEST(PagePool, TextsOfOtherAdaptersAreOtherTexts) {
  PagePool pool(4);
  const auto text = repeated(16, 1);
  release_all(pool, write_text(pool, text, 1));
  PagePool::Match match;
  pool.find(2, text, match);
  EXPECT_EQ(match.tokens(), 0U);
  pool.find(1, text, match);
  EXPECT_EQ(match.tokens(), 16U);
}

TEST(PagePool, TheSamePageWrittenTwiceIsKeptOnce) {
  PagePool pool(4);
  const auto text = repeated(16, 1);
  const auto first = write_text(pool, text);
  const auto second = write_text(pool, text);
  EXPECT_EQ(first, second);
  EXPECT_EQ(pool.references(first[0]), 2U);
  EXPECT_EQ(pool.available(), 3U);
}

TEST(PagePool, TheEndOfATextIsForgottenBeforeItsStart) {
  PagePool pool(3);
  const auto text = repeated(48, 1);
  release_all(pool, write_text(pool, text));
  ASSERT_TRUE(pool.take());
  PagePool::Match match;
  pool.find(0, text, match);
  EXPECT_EQ(match.tokens(), 32U);
}

TEST(PagePool, TakesNothingWhenAllAreReferenced) {
  PagePool pool(2);
  const auto pages = write_text(pool, repeated(32, 1));
  EXPECT_FALSE(pool.take());
  pool.release(pages[1]);
  EXPECT_EQ(pool.take(), pages[1]);
}

/// Random users of a small pool against the obvious bookkeeping: what each page holds, and when it
/// was let go.
class PagePoolModel {
 public:
  explicit PagePoolModel(std::uint64_t seed) : dice_(seed) {}

  void step() {
    if (holders_.size() < 5 && below(2) == 0)
      start();
    else if (!holders_.empty() && below(3) == 0)
      end(below(holders_.size()));
    else if (!holders_.empty())
      grow(holders_[below(holders_.size())]);
    std::size_t referenced = 0;
    for (PageIndex page = 0; page < kPages; ++page) referenced += references_[page] > 0;
    ASSERT_EQ(pool_.referenced(), referenced);
    for (PageIndex page = 0; page < kPages; ++page)
      ASSERT_EQ(pool_.references(page), references_[page]);
  }
  void end_all() {
    while (!holders_.empty()) end(holders_.size() - 1);
    EXPECT_EQ(pool_.available(), kPages);
  }

 private:
  static constexpr std::size_t kPages = 24;
  struct Holder {
    inference::AdapterIndex adapter = 0;
    Text text;
    std::vector<PageIndex> pages;  // all full
  };
  using Known = std::pair<inference::AdapterIndex, Text>;

  std::size_t below(std::size_t bound) { return dice_() % bound; }
  Text random_page() { return repeated(tensor::kPageTokens, static_cast<int>(below(3)) * 10); }

  void start() {
    Holder holder{
        .adapter = static_cast<inference::AdapterIndex>(below(2)), .text = {}, .pages = {}};
    for (std::size_t i = below(5); i > 0; --i) {
      const auto page = random_page();
      holder.text.insert(holder.text.end(), page.begin(), page.end());
    }
    PagePool::Match match;
    pool_.find(holder.adapter, holder.text, match);
    std::size_t expected = 0;
    while (expected < holder.text.size() &&
           known_.contains({holder.adapter, prefix(holder.text, expected + 16)}))
      expected += 16;
    ASSERT_EQ(match.pages.size() * 16, expected);
    for (std::size_t i = 0; i < match.pages.size(); ++i) {
      ASSERT_EQ(content_[match.pages[i]],
                (Known{holder.adapter, prefix(holder.text, 16 * (i + 1))}));
      pool_.share(match.pages[i]);
      ++references_[match.pages[i]];
    }
    holder.pages = match.pages;
    const auto rest =
        Text(holder.text.begin() + static_cast<std::ptrdiff_t>(expected), holder.text.end());
    holder.text.resize(expected);
    for (std::size_t at = 0; at < rest.size(); at += 16)
      add_page(holder, Text(rest.begin() + static_cast<std::ptrdiff_t>(at),
                            rest.begin() + static_cast<std::ptrdiff_t>(at + 16)));
    holders_.push_back(std::move(holder));
  }

  void grow(Holder& holder) { add_page(holder, random_page()); }

  void add_page(Holder& holder, const Text& tokens) {
    const auto page = pool_.take();
    const bool all_held = std::ranges::all_of(references_, [](auto count) { return count > 0; });
    ASSERT_EQ(page.has_value(), !all_held);
    if (!page) return;
    if (content_.contains(*page)) {
      // Only when no page is empty, and the one let go first.
      ASSERT_EQ(content_.size(), kPages);
      for (PageIndex other = 0; other < kPages; ++other)
        ASSERT_TRUE(references_[other] > 0 || let_go_[*page] <= let_go_[other]);
      known_.erase(content_[*page]);
      content_.erase(*page);
    }
    references_[*page] = 1;
    const auto parent = holder.pages.empty() ? kNoPage : holder.pages.back();
    holder.text.insert(holder.text.end(), tokens.begin(), tokens.end());
    const auto kept = pool_.publish(holder.adapter, parent, *page, tokens);
    const Known text{holder.adapter, holder.text};
    const auto same = known_.find(text);
    if (same == known_.end()) {
      ASSERT_EQ(kept, *page);
      known_[text] = kept;
      content_[kept] = text;
    } else {
      ASSERT_EQ(kept, same->second);
      --references_[*page];
      ++references_[kept];
    }
    holder.pages.push_back(kept);
  }

  void end(std::size_t index) {
    auto& holder = holders_[index];
    for (auto page = holder.pages.rbegin(); page != holder.pages.rend(); ++page) {
      pool_.release(*page);
      if (--references_[*page] == 0) let_go_[*page] = ++clock_;
    }
    holders_.erase(holders_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  static Text prefix(const Text& text, std::size_t length) {
    return Text(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
  }

  std::mt19937_64 dice_;
  PagePool pool_{kPages};
  std::vector<Holder> holders_;
  std::array<std::uint32_t, kPages> references_{};
  std::map<PageIndex, std::uint64_t> let_go_;
  std::map<PageIndex, Known> content_;
  std::map<Known, PageIndex> known_;
  std::uint64_t clock_ = 0;
};

TEST(PagePool, AgreesWithTheObviousBookkeeping) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    PagePoolModel model(seed);
    for (int i = 0; i < 600 && !testing::Test::HasFatalFailure(); ++i) model.step();
    model.end_all();
  }
}

}  // namespace
}  // namespace galley::serving
