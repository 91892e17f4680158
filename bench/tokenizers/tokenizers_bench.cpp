#include "tokenizers/tokenizers_bench.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/file.h"
#include "tokenizers/tokenizer_vectors.h"

namespace galley::bench {
namespace {

constexpr std::int64_t kMaxTextBytes = 1 << 28;
constexpr std::size_t kRepeatedBytes = 4 << 20;

struct Corpus {
  std::string name;
  std::string text;
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// As part of a figure's name.
std::string plain(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '-' || c == '.' || c == ' '; }, '_');
  return name;
}

Result<std::string> decompress(const std::string& frame, const std::filesystem::path& path) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size > static_cast<unsigned long long>(kMaxTextBytes))
    return Error{Errc::corrupt, fmt::format("{} is no zstd file of a known size", path.string())};
  std::string text(size, '\0');
  const std::size_t got = ZSTD_decompress(text.data(), text.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) != 0 || got != size)
    return Error{Errc::corrupt, fmt::format("{} could not be decompressed", path.string())};
  return text;
}

Result<std::vector<Corpus>> read_corpora(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".txt") || name.ends_with(".txt.zst")) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  std::vector<Corpus> corpora;
  for (const auto& path : paths) {
    GALLEY_TRY(std::string text, read_file(path, kMaxTextBytes));
    if (path.extension() == ".zst") {
      GALLEY_TRY(text, decompress(text, path));
    }
    const std::string name = path.filename().string();
    corpora.push_back({plain(name.substr(0, name.find('.'))), std::move(text)});
  }
  return corpora;
}

Corpus repeat_cases(const TokenizerVectors& vectors) {
  std::string once;
  for (const TokenizerCase& each : vectors.cases) once += each.text + "\n";
  Corpus corpus{"cases", {}};
  while (corpus.text.size() < kRepeatedBytes) corpus.text += once;
  return corpus;
}

double best_seconds(const text::Tokenizer& tokenizer, const std::string& text,
                    std::int64_t rounds) {
  double best = 0;
  for (std::int64_t round = 0; round < rounds; ++round) {
    const double begin = cpu_seconds();
    const auto ids = tokenizer.encode(text);
    const double seconds = cpu_seconds() - begin;
    if (round == 0 || seconds < best) best = seconds;
  }
  return best;
}

void tell_wrong(const TokenizerVectors& vectors, const std::vector<const TokenizerCase*>& wrong) {
  for (const TokenizerCase* each : wrong)
    fmt::print(stderr, "{}: the ids of '{}' differ\n", vectors.name, each->text.substr(0, 80));
}

}  // namespace

Result<BenchReport> run_tokenizers_bench(const TokenizersBenchOptions& options) {
  GALLEY_TRY(const auto all, read_tokenizer_vectors(options.data));
  GALLEY_TRY(auto corpora, read_corpora(options.text));
  if (corpora.empty()) corpora.push_back(repeat_cases(all.front()));

  BenchReport report{"tokenizers", {}, {}, {}};
  double cases = 0, wrong_cases = 0, bytes = 0, seconds = 0, slowest = 0;
  for (const TokenizerVectors& vectors : all) {
    const auto wrong = vectors.wrong();
    tell_wrong(vectors, wrong);
    cases += static_cast<double>(vectors.cases.size());
    wrong_cases += static_cast<double>(wrong.size());
    for (const Corpus& corpus : corpora) {
      const double took = best_seconds(vectors.tokenizer, corpus.text, options.rounds);
      const double size = static_cast<double>(corpus.text.size());
      const double speed = size / took / 1e6;
      fmt::print(stderr, "{:<16} {:<16} {:8.1f} MB/s\n", vectors.name, corpus.name, speed);
      report.figures[fmt::format("mb_per_s_{}_{}", plain(vectors.name), corpus.name)] = speed;
      if (slowest == 0 || speed < slowest) slowest = speed;
      bytes += size;
      seconds += took;
    }
  }
  report.figures["cases"] = cases;
  report.figures["wrong"] = wrong_cases;
  report.figures["vocabularies"] = static_cast<double>(all.size());
  report.figures["mb_per_s"] = bytes / seconds / 1e6;
  report.figures["slowest_mb_per_s"] = slowest;
  return report;
}

}  // namespace galley::bench
