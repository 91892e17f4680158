// Sentences for prompts: made here, so that a study needs no files and is the same everywhere.
#include <array>

#include "workload.h"

namespace galley::profiling {
namespace {

template <std::size_t N>
using Words = std::array<std::string_view, N>;

constexpr Words<12> kWho{"The old teacher", "A young doctor",   "My neighbour",  "The captain",
                         "Her brother",     "The new engineer", "A quiet child", "The gardener",
                         "Our guide",       "The librarian",    "A farmer",      "The musician"};
constexpr Words<14> kDid{"walked to",   "wrote about", "remembered", "looked for",  "painted",
                         "asked about", "opened",      "described",  "waited near", "returned to",
                         "studied",     "repaired",    "dreamed of", "spoke about"};
constexpr Words<14> kWhat{"the river",       "an empty house",   "the winter market",
                          "a broken clock",  "the last train",   "a letter from home",
                          "the garden wall", "the old harbour",  "a map of the city",
                          "the first snow",  "a small theatre",  "the mountain road",
                          "the school song", "a basket of pears"};
constexpr Words<10> kWhen{"in the morning",     "before the rain",   "after many years",
                          "on a summer night",  "without a word",    "as the sun went down",
                          "during the holiday", "on the second day", "with great care",
                          "while others slept"};
constexpr Words<12> kAbout{"이 영화는",        "배우들의 연기는", "음악은",
                           "결말은",           "첫 장면은",       "이야기의 전개는",
                           "감독의 연출은",    "주인공의 대사는", "화면의 색은",
                           "두 번째 이야기는", "조연의 모습은",   "어린 시절의 장면은"};
constexpr Words<10> kHow{"생각보다",  "정말",   "조금",   "끝까지",   "처음부터",
                         "다시 봐도", "의외로", "여전히", "오랫동안", "누구에게나"};
constexpr Words<12> kWas{"재미있었다.", "지루했다.", "기억에 남는다.", "아쉬웠다.",
                         "아름다웠다.", "따뜻했다.", "슬펐다.",        "새로웠다.",
                         "어려웠다.",   "평범했다.", "인상 깊었다.",   "자연스러웠다."};

template <std::size_t N>
std::string_view pick(const Words<N>& words, Draws& draws) {
  return words[draws.below(N)];
}

void add_sentence(Draws& draws, std::string& text) {
  if (draws.below(2) == 0) {
    text.append(pick(kWho, draws)).append(" ").append(pick(kDid, draws)).append(" ");
    text.append(pick(kWhat, draws)).append(" ").append(pick(kWhen, draws)).append(".");
  } else {
    text.append(pick(kAbout, draws)).append(" ").append(pick(kHow, draws)).append(" ");
    text.append(pick(kWas, draws));
  }
}

}  // namespace

std::string prompt_text(std::uint64_t seed, std::uint64_t index, std::size_t bytes,
                        PromptShape shape) {
  Draws draws(seed, index);
  std::string text = std::to_string(draws.below(1'000'000'000)) + ". ";
  while (text.size() < bytes) {
    if (shape == PromptShape::prose) {
      add_sentence(draws, text);
      text += ' ';
    } else {
      text += "Question: ";
      add_sentence(draws, text);
      text += "\nAnswer: ";
      add_sentence(draws, text);
      text += "\n\n";
    }
  }
  return text;
}

}  // namespace galley::profiling
