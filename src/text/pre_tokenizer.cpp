#include "pre_tokenizer.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace galley::text {
namespace {

constexpr Expression kGpt2{match_gpt2, kByteLevelRegex, true};
constexpr Expression kLlama3{
    match_llama3,
    R"x((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)x",
    true};
constexpr Expression kQwen2{
    match_qwen2,
    R"x((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)x",
    true};
constexpr Expression kTekken{
    match_tekken,
    R"x([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)x",
    true};
constexpr Expression kGpt4o{
    match_gpt4o,
    R"x([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)x",
    true};
constexpr Expression kDeepseek3{
    match_deepseek3,
    R"x([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)x"};
constexpr Expression kDigit{match_digit, kDigitRegex};
constexpr Expression kDigits{match_digits, kDigitsRegex};
constexpr Expression kThreeDigits{match_three_digits, R"x(\p{N}{1,3})x"};
constexpr Expression kTriple{match_ascii_triple, R"x([0-9][0-9][0-9])x"};
constexpr Expression kFalconMarks{match_falcon_marks, kPunctuationRegex};
constexpr Expression kDefaultMarks{match_default_marks, R"x([\p{P}\$\+<=>\^~\|]+)x"};
constexpr Expression kAnyMark{match_any_mark, R"x([\p{P}!-/:-@\[-`{-~])x"};
constexpr Expression kNewline{match_newline, R"x([\r\n])x"};
constexpr Expression kLastSpace{match_last_space, R"x(\s+$)x"};
constexpr Expression kCoderLetters{match_coder_letters, R"x(\s?\p{L}+)x"};
constexpr Expression kCoderMarks{match_coder_marks, R"x(\s?\p{P}+)x"};
constexpr Expression kCasedLetters{
    match_cased_letters,
    R"x(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)x"};
constexpr Expression kWideMarks{match_wide_marks, R"x(\s?[!-/:-~！-／：-～‘-‟　-。]+)x"};
constexpr Expression kCjk{match_cjk, R"x([一-龥ࠀ-一가-퟿]+)x"};
constexpr Expression kHanKana{match_han_kana, R"x([一-龥぀-ゟ゠-ヿ]+)x"};
constexpr Expression kBloomWords{match_bloom, R"x( ?[^(\s|.,!?…。，、।۔،)]+)x"};
constexpr Expression kSentinel{match_sentinel, R"x(<sentinel:[0-9]+>)x"};
constexpr Expression kImage{match_image, R"x((IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z)x"};
constexpr Expression kIndent{match_indent, R"x(([\t\n]|    |  ))x"};

constexpr std::array kGpt2List{kGpt2};
constexpr std::array kLlamaBpeList{kLlama3};
constexpr std::array kQwen2List{kQwen2};
constexpr std::array kStarcoderList{kDigit, kGpt2};
constexpr std::array kTekkenList{kTekken};
constexpr std::array kGpt4oList{kGpt4o};
constexpr std::array kFalconList{kFalconMarks, kGpt2, kTriple};
constexpr std::array kDefaultList{kDefaultMarks, kGpt2, kDigits, kTriple};
constexpr std::array kDeepseekLlmList{kNewline,   kCasedLetters, kWideMarks,
                                      kLastSpace, kCjk,          kDigits};
constexpr std::array kDeepseekCoderList{kNewline, kCoderLetters, kCoderMarks, kCjk, kDigit};
constexpr std::array kDeepseekV3List{kThreeDigits, kHanKana, kDeepseek3};
constexpr std::array kBloomList{kBloomWords};
constexpr std::array kVikingList{kBloomWords, kDigit};
constexpr std::array kChameleonList{kSentinel, kImage, kIndent, kDigit, kAnyMark, kGpt2};

struct Named {
  std::string_view name;
  std::span<const Expression> expressions;
};

/// The first of the names of a list is the one that name_of() gives.
constexpr std::array kKnown = std::to_array<Named>({
    {"gpt-2", kGpt2List},
    {"llama-bpe", kLlamaBpeList},
    {"qwen2", kQwen2List},
    {"starcoder", kStarcoderList},
    {"tekken", kTekkenList},
    {"gpt-4o", kGpt4oList},
    {"falcon", kFalconList},
    {"default", kDefaultList},
    {"deepseek-llm", kDeepseekLlmList},
    {"deepseek-coder", kDeepseekCoderList},
    {"deepseek-v3", kDeepseekV3List},
    {"bloom", kBloomList},
    {"viking", kVikingList},
    {"chameleon", kChameleonList},
    {"gigachat", kGpt2List},
    {"jais", kGpt2List},
    {"jina-de", kGpt2List},
    {"jina-es", kGpt2List},
    {"jina-v1-en", kGpt2List},
    {"jina-v2-code", kGpt2List},
    {"jina-v2-de", kGpt2List},
    {"jina-v2-es", kGpt2List},
    {"mpt", kGpt2List},
    {"olmo", kGpt2List},
    {"phi-2", kGpt2List},
    {"roberta-bpe", kGpt2List},
    {"chatglm-bpe", kLlamaBpeList},
    {"dbrx", kLlamaBpeList},
    {"falcon3", kLlamaBpeList},
    {"llama-v3", kLlamaBpeList},
    {"llama3", kLlamaBpeList},
    {"smaug-bpe", kLlamaBpeList},
    {"deepseek-r1-qwen", kQwen2List},
    {"megrez", kQwen2List},
    {"stablelm2", kQwen2List},
    {"codeshell", kStarcoderList},
    {"command-r", kStarcoderList},
    {"exaone", kStarcoderList},
    {"minerva-7b", kStarcoderList},
    {"refact", kStarcoderList},
    {"smollm", kStarcoderList},
    {"llama4", kGpt4oList},
    {"gpt3-finnish", kBloomList},
    {"poro-chat", kBloomList},
});

/// Cuts [p, end) by the expressions and appends the ends of its pieces, counted from `text`.
void cut(const CharClasses& classes, std::span<const Expression> expressions, const char* text,
         const char* p, const char* end, std::vector<std::size_t>& ends) {
  if (expressions.empty()) {
    ends.push_back(static_cast<std::size_t>(end - text));
    return;
  }
  const auto rest = expressions.subspan(1);
  while (p < end) {
    const Match match = expressions[0].match(classes, p, end);
    if (match.begin > p) cut(classes, rest, text, p, match.begin, ends);
    if (match.begin == end) return;
    cut(classes, rest, text, match.begin, match.end, ends);
    p = match.end;
  }
}

}  // namespace

Result<PreTokenizer> PreTokenizer::find(std::string_view name) {
  const auto known = std::ranges::find(kKnown, name, &Named::name);
  if (known != kKnown.end()) return PreTokenizer(known->expressions);
  std::vector<std::string> names;
  for (const Named& each : kKnown) names.emplace_back(each.name);
  const std::string close = nearest(name, names);
  return Error{Errc::unsupported, "the pre-tokenizer '" + std::string(name) + "' is not known",
               "pre_tokenizer",
               "one of " + std::to_string(names.size()) + " names such as gpt-2, llama-bpe, qwen2",
               close.empty() ? "" : "did you mean " + close + "?"};
}

std::optional<std::string_view> PreTokenizer::name_of(std::span<const std::string> regexes) {
  const auto known = std::ranges::find_if(kKnown, [&](const Named& each) {
    return std::ranges::equal(each.expressions, regexes, {}, &Expression::regex);
  });
  if (known == kKnown.end()) return std::nullopt;
  return known->name;
}

bool PreTokenizer::matches_all(std::string_view regex) {
  return std::ranges::any_of(kKnown, [&](const Named& each) {
    return each.expressions.size() == 1 && each.expressions[0].matches_all &&
           each.expressions[0].regex == regex;
  });
}

void PreTokenizer::split(std::string_view text, std::vector<std::size_t>& ends) const {
  cut(CharClasses::get(), expressions_, text.data(), text.data(), text.data() + text.size(), ends);
}

}  // namespace galley::text
