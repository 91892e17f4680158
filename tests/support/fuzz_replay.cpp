// Stands in for libFuzzer in ordinary builds: replays every corpus file, then seeded mutations of
// each.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kMutationsPerFile = 300;

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

std::string mutate(std::string bytes, std::mt19937& random) {
  const int edits = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < edits; ++i) {
    const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
    const char byte = static_cast<char>(random() & 0xffU);
    switch (random() % 4) {
      case 0:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), byte);
        break;
      case 1:
        if (!bytes.empty()) bytes[at] = byte;
        break;
      case 2:
        bytes.erase(at, random() % 8);
        break;
      default:
        bytes += bytes.substr(at, random() % 32);
        break;
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::mt19937 random(20261121);
  int files = 0;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      run(bytes);
      for (int k = 0; k < kMutationsPerFile; ++k) run(mutate(bytes, random));
      ++files;
    }
  run({});
  std::printf("%d corpus files, %d inputs\n", files, files * (kMutationsPerFile + 1) + 1);
  return files > 0 ? 0 : 1;
}
