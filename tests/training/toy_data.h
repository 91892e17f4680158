#pragma once

#include <array>
#include <random>
#include <string>

namespace galley::testing {

/// A TSV of made-up reviews: three words of the class among three of no meaning. `noise` is the
/// share of rows whose label is wrong, so that no model can be perfect and early stopping has work.
inline std::string toy_reviews(std::size_t rows, unsigned seed, double noise = 0) {
  static constexpr std::array kGood{"훌륭한", "감동", "최고", "재미", "추천", "멋진", "행복"};
  static constexpr std::array kBad{"지루한", "실망", "최악", "졸음", "환불", "엉망", "짜증"};
  static constexpr std::array kNeutral{"영화", "배우", "감독", "음악",
                                       "어제", "극장", "장면", "결말"};
  std::mt19937 random(seed);
  std::string tsv = "id\ttext\tlabel\n";
  for (std::size_t i = 0; i < rows; ++i) {
    const bool good = random() % 2 == 0;
    std::string text;
    for (int k = 0; k < 3; ++k) {
      text += (good ? kGood : kBad)[random() % kGood.size()];
      text += ' ';
      text += kNeutral[random() % kNeutral.size()];
      text += ' ';
    }
    const bool wrong = static_cast<double>(random() % 1000) < noise * 1000;
    tsv += std::to_string(i) + "\t" + text + std::to_string(i % 97) + "\t" +
           (good != wrong ? "good" : "bad") + "\n";
  }
  return tsv;
}

}  // namespace galley::testing
