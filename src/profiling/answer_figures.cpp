#include "answer_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace galley::profiling {

const Cell* Figures::cell(std::size_t row, std::string_view column) const {
  const auto found = std::ranges::find(experiment_.columns, column, &Column::name);
  if (found == experiment_.columns.end()) return nullptr;
  const auto at = static_cast<std::size_t>(found - experiment_.columns.begin());
  return at < experiment_.rows[row].size() ? &experiment_.rows[row][at] : nullptr;
}

std::optional<double> Figures::number(std::size_t row, std::string_view column) const {
  const Cell* found = cell(row, column);
  if (found == nullptr) return std::nullopt;
  const double* value = std::get_if<double>(found);
  return value != nullptr && std::isfinite(*value) ? std::optional(*value) : std::nullopt;
}

std::string Figures::text(std::size_t row, std::string_view column) const {
  const Cell* found = cell(row, column);
  if (found == nullptr) return {};
  if (const auto* word = std::get_if<std::string>(found)) return *word;
  if (const auto* value = std::get_if<double>(found)) return fmt::format("{:g}", *value);
  return {};
}

std::vector<std::string> Figures::distinct(std::string_view column) const {
  std::vector<std::string> words;
  for (std::size_t row = 0; row < rows(); ++row) {
    auto word = text(row, column);
    if (!word.empty() && std::ranges::find(words, word) == words.end())
      words.push_back(std::move(word));
  }
  return words;
}

std::vector<std::vector<double>> complete_columns(const Figures& figures,
                                                  const std::vector<std::string_view>& names) {
  std::vector<std::vector<double>> columns(names.size());
  std::vector<double> values(names.size());
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    bool complete = !figures.refused(row);
    for (std::size_t i = 0; complete && i < names.size(); ++i) {
      const auto value = figures.number(row, names[i]);
      complete = value.has_value();
      values[i] = value.value_or(0);
    }
    for (std::size_t i = 0; complete && i < names.size(); ++i) columns[i].push_back(values[i]);
  }
  return columns;
}

Repetitions by_repetition(const Figures& figures, std::string_view key_column, std::string_view key,
                          std::string_view value_column) {
  std::map<double, std::vector<double>> values;
  double next = 0;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    if (figures.refused(row) || figures.text(row, key_column) != key) continue;
    const double repetition = figures.number(row, "repetition").value_or(next);
    ++next;
    const auto value = figures.number(row, value_column);
    if (value && *value > 0) values[repetition].push_back(*value);
  }
  Repetitions means;
  for (const auto& [repetition, all] : values) {
    double sum = 0;
    for (const double value : all) sum += value;
    means[repetition] = sum / static_cast<double>(all.size());
  }
  return means;
}

std::vector<double> paired_ratios(const Repetitions& a, const Repetitions& b) {
  std::vector<double> ratios;
  for (const auto& [repetition, value] : a)
    if (const auto other = b.find(repetition); other != b.end())
      ratios.push_back(value / other->second);
  return ratios;
}

double typical(const Repetitions& values) {
  if (values.empty()) return 0;
  double sum = 0;
  for (const auto& [repetition, value] : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

}  // namespace galley::profiling
