#include "toy_model.h"

#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <string_view>

#include "base/file.h"

namespace galley::support {
namespace {

constexpr std::array<std::string_view, 24> kPraise{
    "최고의",     "감동적인", "재미있는", "훌륭한",     "완벽한", "아름다운",
    "추천합니다", "명작",     "웃음이",   "따뜻한",     "놀라운", "대단한",
    "좋았어요",   "감탄했다", "여운이",   "사랑스러운", "짜릿한", "눈물이",
    "만족합니다", "수작",     "빛나는",   "유쾌한",     "강추",   "인생영화"};
constexpr std::array<std::string_view, 24> kBlame{
    "최악의", "지루한", "실망했다", "유치한",   "엉성한",     "답답한",   "아깝다", "졸작",
    "하품이", "어색한", "뻔한",     "형편없는", "별로예요",   "후회했다", "짜증이", "허술한",
    "산만한", "비추",   "돈낭비",   "시간낭비", "억지스러운", "졸린",     "끔찍한", "민망한"};
constexpr std::array<std::string_view, 64> kPlain{
    "영화",     "배우들의", "연기가",       "스토리가", "감독의", "연출은",   "음악이",
    "영상이",   "결말이",   "처음부터",     "끝까지",   "정말",   "너무",     "진짜",
    "그냥",     "다시",     "극장에서",     "친구와",   "가족과", "혼자",     "주말에",
    "어제",     "오늘",     "개봉하자마자", "기대를",   "하고",   "봤는데",   "보고",
    "나왔다",   "생각보다", "역시",         "조금",     "많이",   "장면이",   "대사가",
    "캐릭터가", "주인공의", "표정이",       "시나리오", "전개가", "중반부터", "후반부",
    "반전이",   "원작을",   "읽고",         "시리즈",   "속편은", "전편보다", "액션이",
    "로맨스",   "공포",     "코미디",       "다큐",     "애니",   "한국",     "외국",
    "아이들과", "부모님과", "평점이",       "높아서",   "낮아서", "궁금해서", "하지만",
    "그래도"};

constexpr Millis kTrainTimeout{120'000};

template <std::size_t count>
std::string_view pick(const std::array<std::string_view, count>& words, std::mt19937_64& random) {
  return words[random() % count];
}

}  // namespace

std::vector<ToyReview> toy_reviews(std::size_t count, std::uint64_t seed) {
  constexpr std::uint64_t kFewestWords = 4;
  constexpr std::uint64_t kMoreWords = 10;
  std::mt19937_64 random(seed);
  std::vector<ToyReview> reviews(count);
  for (ToyReview& review : reviews) {
    review.positive = random() % 2 == 0;
    const std::uint64_t words = kFewestWords + random() % kMoreWords;
    const std::uint64_t telling = random() % words;
    for (std::uint64_t i = 0; i < words; ++i) {
      if (i > 0) review.text += ' ';
      const bool tells = i == telling || random() % 5 == 0;
      review.text += !tells            ? pick(kPlain, random)
                     : review.positive ? pick(kPraise, random)
                                       : pick(kBlame, random);
    }
  }
  return reviews;
}

Status write_toy_reviews(const std::filesystem::path& file, std::size_t count, std::uint64_t seed) {
  std::string lines = "text\tlabel\n";
  for (const ToyReview& review : toy_reviews(count, seed))
    lines += review.text + (review.positive ? "\tpositive\n" : "\tnegative\n");
  return write_file_atomic(file, lines, Durability::memory);
}

Result<std::string> deploy_toy_model(ApiClient& client, const ToyModelOptions& options) {
  const auto data = options.folder / "train.tsv";
  GALLEY_TRY_STATUS(write_toy_reviews(data, options.texts, 1));
  GALLEY_TRY(const Json job,
             client.post("/api/v1/jobs", {{"name", "train-" + options.model},
                                          {"command",
                                           {options.trainer.string(), "classifier", "--train",
                                            data.string(), "--out", "model", "--epochs", "2"}}}));
  GALLEY_TRY(const Json ended, client.wait_for_job(job.at("id"), kTrainTimeout));
  if (ended.at("state") != "succeeded")
    return Error{Errc::unavailable,
                 "training the toy model failed: " + ended.at("reason").get<std::string>()};
  const std::string path = "/api/v1/models/" + options.model;
  GALLEY_TRY(const Json snapshot, client.post(path + "/snapshots", {{"run_id", ended.at("run_id")},
                                                                    {"artifact", "model"},
                                                                    {"note", "toy reviews"}}));
  GALLEY_TRY_STATUS(client.put(path + "/channels/prod", {{"snapshot", snapshot.at("id")}}));
  return snapshot.at("id").get<std::string>();
}

}  // namespace galley::support
