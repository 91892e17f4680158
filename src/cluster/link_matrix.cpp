#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "cluster/topology.h"

namespace galley::cluster {
namespace {

constexpr std::array<std::pair<std::string_view, LinkKind>, 6> kWords{
    {{"PIX", LinkKind::pix},
     {"PXB", LinkKind::pxb},
     {"PHB", LinkKind::phb},
     {"NODE", LinkKind::node},
     {"SYS", LinkKind::sys},
     {"SOC", LinkKind::sys}}};  // what old drivers call SYS
constexpr std::string_view kNvlink = "NV";
constexpr std::string_view kGpu = "GPU";
constexpr int kMostIndex = 1'000'000;
constexpr int kMostNvlinks = 999;

std::optional<int> number_of(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most)
    return std::nullopt;
  return value;
}

std::optional<int> gpu_index(std::string_view word) {
  if (!word.starts_with(kGpu)) return std::nullopt;
  return number_of(word.substr(kGpu.size()), kMostIndex);
}

/// Terminal sequences ("ESC [ ... letter") underline the header even where no terminal listens.
std::string without_escapes(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\x1b') {
      plain += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '[') ++i;
    while (i + 1 < text.size() && !(text[i + 1] >= '@' && text[i + 1] <= '~') &&
           text[i + 1] != '\n')
      ++i;
    if (i + 1 < text.size() && text[i + 1] != '\n') ++i;
  }
  return plain;
}

/// The columns of a line. Cells may hold blanks ("Unknown Error") only where tabs part them.
std::vector<std::string_view> columns_of(std::string_view line) {
  const bool tabs = line.find('\t') != std::string_view::npos;
  auto columns = split(line, tabs ? '\t' : ' ');
  for (auto& column : columns) column = trim(column);
  if (!tabs) std::erase(columns, std::string_view{});
  while (!columns.empty() && columns.front().empty()) columns.erase(columns.begin());
  return columns;
}

Error matrix_fault(std::size_t line, const std::string& what) {
  return Error{Errc::corrupt, "line " + std::to_string(line) + " of nvidia-smi's matrix " + what};
}

struct Header {
  std::vector<int> indices;
  std::vector<std::size_t> columns;  // where each stands in a row, its label not counted
};

Result<Header> read_header(const std::vector<std::string_view>& columns, std::size_t line) {
  Header header;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto index = gpu_index(columns[i]);
    if (!index) continue;
    if (std::ranges::find(header.indices, *index) != header.indices.end())
      return matrix_fault(line, "has two columns for GPU" + std::to_string(*index));
    header.indices.push_back(*index);
    header.columns.push_back(i);
  }
  if (header.indices.size() > static_cast<std::size_t>(kMostCellDevices))
    return Error{Errc::too_large, "nvidia-smi's matrix has " +
                                      std::to_string(header.indices.size()) +
                                      " GPUs; cells can name " + std::to_string(kMostCellDevices)};
  return header;
}

Result<std::size_t> read_row(const std::vector<std::string_view>& columns, const Header& header,
                             std::size_t line, LinkMatrix& matrix) {
  const int index = *gpu_index(columns.front());
  const std::string label = kGpu.data() + std::to_string(index);
  const auto place = std::ranges::find(header.indices, index);
  if (place == header.indices.end())
    return matrix_fault(line, "is of " + label + ", which has no column");
  const auto row = static_cast<std::size_t>(place - header.indices.begin());
  for (std::size_t i = 0; i < header.columns.size(); ++i) {
    const std::size_t column = header.columns[i] + 1;
    if (column >= columns.size())
      return matrix_fault(line,
                          "ends before the column of GPU" + std::to_string(header.indices[i]));
    // An X elsewhere means that the columns are not where the header has them.
    if ((columns[column] == "X") != (i == row))
      return matrix_fault(line, "has '" + to_valid_utf8(columns[column].substr(0, 32)) + "' from " +
                                    label + " to GPU" + std::to_string(header.indices[i]));
    matrix.links[row * header.indices.size() + i] = link_of_word(columns[column]);
  }
  return row;
}

}  // namespace

std::string to_string(Link link) {
  if (link.kind == LinkKind::nvlink) return std::string(kNvlink) + std::to_string(link.nvlinks);
  for (const auto& [word, kind] : kWords)
    if (kind == link.kind) return std::string(word);
  return {};
}

Link link_of_word(std::string_view word) {
  for (const auto& [known, kind] : kWords)
    if (known == word) return {kind, 0};
  if (word.starts_with(kNvlink))
    if (const auto count = number_of(word.substr(kNvlink.size()), kMostNvlinks);
        count && *count > 0)
      return {LinkKind::nvlink, *count};
  return {};
}

int distance_of(Link link) {
  constexpr int kStep = kMostNvlinks + 1;
  return static_cast<int>(link.kind) * kStep +
         (link.kind == LinkKind::nvlink ? kMostNvlinks - link.nvlinks : 0);
}

Result<LinkMatrix> parse_topo_matrix(std::string_view text) {
  const std::string plain = without_escapes(text);
  std::optional<Header> header;
  LinkMatrix matrix;
  std::vector<bool> seen;
  std::size_t number = 0;
  for (const std::string_view line : split(plain, '\n')) {
    ++number;
    const auto columns = columns_of(line);
    if (columns.empty() || (header && !gpu_index(columns.front()))) continue;
    if (!header) {
      if (std::ranges::none_of(columns, [](auto word) { return gpu_index(word).has_value(); }))
        continue;
      GALLEY_TRY(header, read_header(columns, number));
      matrix.indices = header->indices;
      matrix.links.resize(header->indices.size() * header->indices.size());
      seen.resize(header->indices.size());
      continue;
    }
    GALLEY_TRY(const std::size_t row, read_row(columns, *header, number, matrix));
    if (seen[row])
      return matrix_fault(number, "is a second row of GPU" + std::to_string(matrix.indices[row]));
    seen[row] = true;
  }
  if (!header) return matrix_fault(number, "ends without a column of any GPU");
  if (const auto missing = std::ranges::find(seen, false); missing != seen.end())
    return matrix_fault(
        number,
        "ends without a row of GPU" +
            std::to_string(matrix.indices[static_cast<std::size_t>(missing - seen.begin())]));
  return matrix;
}

}  // namespace galley::cluster
