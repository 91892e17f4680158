#include <cmath>
#include <cstdint>

#include "base/result.h"
#include "found_block.h"
#include "run_facts.h"

namespace {

using galley::agent::FoundBlock;
using galley::agent::FoundReader;

bool is_same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void check_bounds(const FoundBlock& block) {
  GALLEY_CHECK(block.points.size() <= FoundBlock::kMostPoints, "points are bounded");
  GALLEY_CHECK(block.texts.size() <= FoundBlock::kMostTexts, "so are texts");
  GALLEY_CHECK(block.offsets.size() <= FoundBlock::kMostOffsets, "and offsets");
  GALLEY_CHECK(block.lines.size() <= FoundBlock::kMostLines, "and lines");
}

/// What was read says the same once it is printed and read again.
void check_printed(const FoundBlock& block) {
  FoundReader reader;
  const std::string text = galley::agent::print_found(block);
  std::string_view rest = text;
  FoundReader::Line last = FoundReader::Line::other;
  for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    last = reader.take(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  GALLEY_CHECK(last == FoundReader::Line::whole, "what is printed can be read");
  const FoundBlock& again = reader.block();
  GALLEY_CHECK(again.texts == block.texts && again.lines == block.lines, "texts and lines stay");
  GALLEY_CHECK(again.points.size() == block.points.size(), "points stay");
  for (std::size_t i = 0; i < block.points.size(); ++i) {
    const auto& one = block.points[i];
    const auto& other = again.points[i];
    GALLEY_CHECK(one.key == other.key && one.step == other.step && one.at_ms == other.at_ms &&
                     is_same(one.value, other.value),
                 "each as it was");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  FoundReader reader;
  std::string_view rest = bytes;
  for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    const auto line = reader.take(rest.substr(0, end));
    if (line == FoundReader::Line::whole) {
      check_bounds(reader.block());
      check_printed(reader.block());
    }
    rest.remove_prefix(end + 1);
  }
  // What other programs print for a run's record.
  const auto [driver, cuda] = galley::agent::read_driver_head(bytes);
  GALLEY_CHECK(driver.size() < 32 && cuda.size() < 32, "versions are short");
  for (const auto& [key, value] : galley::agent::read_image_facts(bytes))
    GALLEY_CHECK(key.starts_with("galley.") && value.size() < 100, "facts are short");
  return 0;
}
