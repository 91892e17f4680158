#include <fmt/format.h>

#include <map>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_sets.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

/// A cell: requests at once, and the prompt tokens of each.
struct Place {
  double batch = 0, prompt = 0;

  double tokens() const { return batch * prompt; }
  std::string text() const {
    return fmt::format("{} × {} tokens", plot::short_number(batch), plot::short_number(prompt));
  }
};

/// Of one memory budget: the largest cell that fits and the smallest that does not.
struct Bounds {
  Place fits, too_much;
  double needed_bytes = 0;
};

struct MapCount {
  std::size_t cells = 0, clean = 0, refused = 0, measured = 0;
  std::map<double, Bounds> budgets;
};

MapCount count_cells(const Figures& figures) {
  MapCount count;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto budget = figures.number(row, "budget_bytes"), batch = figures.number(row, "batch"),
               prompt = figures.number(row, "prompt_tokens"),
               needed = figures.number(row, "needed_bytes");
    if (!budget || !batch || !prompt) continue;
    ++count.cells;
    const bool has_latency = figures.number(row, "latency_ms").has_value();
    const bool has_reason = figures.refused(row);
    count.measured += has_latency;
    // A refusal that does not say what was needed leaves its reader helpless: it is not clean.
    count.clean += has_latency != has_reason && (has_latency || needed);
    const bool over = needed && *needed > *budget;
    count.refused += has_reason && over;
    Bounds& bounds = count.budgets[*budget];
    const Place place{*batch, *prompt};
    if (over && (bounds.needed_bytes == 0 || place.tokens() < bounds.too_much.tokens())) {
      bounds.too_much = place;
      bounds.needed_bytes = *needed;
    }
    if (!over && (has_latency || has_reason) && place.tokens() > bounds.fits.tokens())
      bounds.fits = place;
  }
  return count;
}

std::string bounds_text(const std::map<double, Bounds>& budgets) {
  std::string text;
  for (const auto& [budget, bounds] : budgets) {
    text += fmt::format(
        "{}{}: {}", text.empty() ? "" : " ", in_unit(budget, Unit::bytes),
        bounds.fits.tokens() > 0 ? bounds.fits.text() + " fit" : std::string("nothing fits"));
    text += bounds.needed_bytes > 0 ? fmt::format(", {} would need {}.", bounds.too_much.text(),
                                                  in_unit(bounds.needed_bytes, Unit::bytes))
                                    : std::string(", nothing that was tried is too much.");
  }
  return text;
}

}  // namespace

void answer_budget(const Experiment& experiment, Answers& out) {
  const MapCount count = count_cells(Figures(experiment));
  const Question every{
      .experiment = experiment.id,
      .id = "clean",
      .question = "Does every cell hold a latency or say why not, and what it needs?",
      .measure = "the share of such cells",
      .unit = Unit::share,
      .rule = {.bound = 1},
      .if_yes = "every cell holds a latency or says why not, and what it needs",
      .if_no = "some cells hold neither a latency nor a reason with what they need"};
  const Question ends{.experiment = experiment.id,
                      .id = "memory-ends",
                      .question = "Does memory end within the map?",
                      .measure = "the share of cells that need more than their budget",
                      .unit = Unit::share,
                      .rule = {.bound = 1e-9},
                      .if_yes = "memory ends within the map",
                      .if_no = "memory suffices for the whole map",
                      .rule_words = "yes where any cell does"};
  if (count.cells == 0) {
    out.push_back(unanswered(every, "no cell was tried"));
    out.push_back(unanswered(ends, "no cell was tried"));
    return;
  }
  const auto exactly = [&count](std::size_t part) {
    const double share = static_cast<double>(part) / static_cast<double>(count.cells);
    return Interval{share, share, share};
  };
  out.push_back(
      answered(every, exactly(count.clean),
               fmt::format("{} cells, {} of them measured.", count.cells, count.measured)));
  const std::string facts = bounds_text(count.budgets);
  // The end of memory could stand in a cell that says nothing.
  out.push_back(count.clean < count.cells && count.refused == 0
                    ? unanswered(ends, "some cells say nothing", facts)
                    : answered(ends, exactly(count.refused), facts));
}

}  // namespace galley::profiling
