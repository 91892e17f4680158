#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace galley::bench {

/// Output of a program as a framework prints it, with the other lines that such programs print, and
/// how many of its lines are progress. Widths, colours, launchers' prefixes and line ends vary with
/// the seed.
struct LogSample {
  std::string name;
  std::string text;
  std::int64_t progress_lines = 0;
  std::string pattern{};  // a user's, without which its lines say nothing
};

/// tqdm, keras, lightning, trainer, dll, mllog, galley and pattern; about `lines` progress lines
/// each.
std::vector<LogSample> make_log_samples(std::int64_t lines, std::uint64_t seed);

}  // namespace galley::bench
