#include "weights_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace galley::openai {
namespace {

constexpr std::uint64_t kSamples = 64;
constexpr std::uint64_t kSampleBytes = 4096;
constexpr std::size_t kMarkCharacters = 12;

/// Where the sample begins; the first at the beginning, the last at the end.
std::uint64_t sample_offset(std::uint64_t sample, std::uint64_t size) {
  if (size <= kSampleBytes) return 0;
  const std::uint64_t step = (size - kSampleBytes) / (kSamples - 1);
  return sample == kSamples - 1 ? size - kSampleBytes : sample * step;
}

Status append_samples(const std::filesystem::path& path, std::string& out) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0)
    return Error{Errc::not_found, "cannot read " + path.string()};
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  out += path.filename().string() + '\0' + std::to_string(size) + '\0';
  std::string sample;
  for (std::uint64_t i = 0; i < kSamples; ++i) {
    sample.resize(kSampleBytes);
    const auto got = ::pread(file.get(), sample.data(), sample.size(),
                             static_cast<off_t>(sample_offset(i, size)));
    if (got < 0) return Error{Errc::not_found, "cannot read " + path.string()};
    out.append(sample, 0, static_cast<std::size_t>(got));
    if (size <= kSampleBytes) break;
  }
  return ok();
}

}  // namespace

Result<std::string> weights_mark(std::span<const std::filesystem::path> files) {
  std::vector<std::filesystem::path> sorted(files.begin(), files.end());
  std::ranges::sort(sorted, {}, [](const auto& path) { return path.filename(); });
  std::string sampled;
  for (const auto& path : sorted) GALLEY_TRY_STATUS(append_samples(path, sampled));
  return sha256_hex(sampled).substr(0, kMarkCharacters);
}

Result<std::string> folder_mark(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.is_regular_file()) files.push_back(entry.path());
  if (error) return Error{Errc::not_found, "cannot read the folder " + folder.string()};
  return weights_mark(files);
}

}  // namespace galley::openai
