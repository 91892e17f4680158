#include <algorithm>
#include <cmath>
#include <limits>

#include "base/log.h"
#include "chunk_rows.h"
#include "telemetry_impl.h"

namespace galley::telemetry {
namespace {

constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

/// Puts windows of any length into the steps of a query. Those come in the order of time.
class Fold {
 public:
  explicit Fold(const Query& query)
      : from_(to_ms(query.from)), to_(to_ms(query.to)), step_(query.step.count()) {}

  void add(const std::string& subject, std::int64_t at_ms, const Spread& spread) {
    if (at_ms < from_ || at_ms >= to_) return;
    auto found = steps_.find(subject);
    if (found == steps_.end()) {
      if (steps_.size() == kMostSeries) return;
      found = steps_.emplace(subject, std::map<std::int64_t, Step>()).first;
    }
    Step& step = found->second[(at_ms - from_) / step_];
    const bool first = step.count == 0;
    step.point.min = first ? spread.min : std::min(step.point.min, spread.min);
    step.point.max = first ? spread.max : std::max(step.point.max, spread.max);
    step.point.last = spread.last;
    step.total += static_cast<double>(spread.mean);
    ++step.count;
  }

  std::vector<Series> take() const {
    std::vector<Series> all;
    for (const auto& [subject, steps] : steps_) {
      Series series{subject, {}};
      for (const auto& [index, step] : steps) {
        Point point = step.point;
        point.at_ms = from_ + index * step_;
        point.mean = static_cast<float>(step.total / static_cast<double>(step.count));
        series.points.push_back(point);
      }
      all.push_back(std::move(series));
    }
    return all;
  }

 private:
  struct Step {
    Point point;
    double total = 0;
    std::int64_t count = 0;
  };
  std::int64_t from_;
  std::int64_t to_;
  std::int64_t step_;
  std::map<std::string, std::map<std::int64_t, Step>> steps_;
};

Error wrong(std::string field, std::string message, std::string expected) {
  return Error{Errc::invalid_argument, std::move(message), std::move(field), std::move(expected)};
}

Status check(const Query& query) {
  if (query.to <= query.from)
    return wrong("from", to_rfc3339(query.from) + " is not before " + to_rfc3339(query.to),
                 "a time before `to`");
  if (query.step < kPeriod)
    return wrong("step", "found " + std::to_string(query.step.count()) + " ms", "5 s or more");
  const std::int64_t points = (query.to - query.from) / query.step;
  if (points > kMostPoints) {
    const auto least = (query.to - query.from) / kMostPoints + Millis{1};
    return wrong("step", "that would be " + std::to_string(points) + " points",
                 "at most " + std::to_string(kMostPoints) + " points: a step of " +
                     std::to_string((least.count() + 999) / 1000) + " s or more");
  }
  return ok();
}

/// A stretch of time and the level that answers for it.
struct Piece {
  int level = 0;
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
};

/// What to read, so that no time is read twice: the finest level that there is, or the coarsest
/// that the step allows. `recent_ms`: from then on the rows in memory answer.
std::vector<Piece> plan(const Query& query, const LevelBounds& bounds, std::int64_t recent_ms) {
  const std::int64_t from = to_ms(query.from);
  const std::int64_t to = std::min(to_ms(query.to), recent_ms);
  const auto first = [&](std::size_t level) {
    return bounds[level] ? bounds[level]->first_ms : kForEver;
  };
  const auto end = [&](std::size_t level) {
    return bounds[level] ? bounds[level]->last_ms + 1 : 0;
  };
  const bool hours = query.step.count() >= kLevels[2].window_ms;
  const bool minutes = query.step.count() >= kLevels[1].window_ms;
  std::vector<Piece> pieces;
  if (hours) {
    pieces = {{2, from, end(2)},
              {1, end(2), std::max(end(2), end(1))},
              {0, std::max(end(2), end(1)), to}};
  } else {
    const std::int64_t middle = std::max(first(1), std::int64_t{0});
    const std::int64_t fine = minutes ? std::max(end(1), std::int64_t{0}) : first(0);
    pieces = {{2, from, std::min(middle, fine)}, {1, middle, fine}, {0, fine, to}};
  }
  for (Piece& piece : pieces) {
    piece.from_ms = std::max(piece.from_ms, from);
    piece.to_ms = std::min(piece.to_ms, to);
  }
  std::erase_if(pieces, [](const Piece& piece) { return piece.from_ms >= piece.to_ms; });
  return pieces;
}

void read_piece(const Query& query, const Piece& piece, const std::vector<std::string>& chunks,
                Fold& fold) {
  const std::string group = group_name(query.metric.kind, query.subject);
  const Wanted wanted{group, query.subject.empty(),
                      gauges(query.metric.kind)[query.metric.field].field};
  const std::size_t prefix = group_name(query.metric.kind, "").size();
  for (const std::string& bytes : chunks) {
    const auto reader = tracking::TableReader::open(bytes);
    if (!reader) {
      log::warn("telemetry", "a stored chunk is left out",
                {{"node", query.node.str()}, {"reason", describe(reader.error())}});
      continue;
    }
    read_field(*reader, wanted,
               [&](std::string_view name, std::int64_t at_ms, const Spread& spread) {
                 if (at_ms >= piece.from_ms && at_ms < piece.to_ms)
                   fold.add(std::string(name.substr(prefix)), at_ms, spread);
               });
  }
}

}  // namespace

Result<std::vector<telemetry::Series>> Telemetry::query(const Query& query) const {
  GALLEY_TRY_STATUS(check(query));
  // What is in memory is copied first: a row that is stored in between is then read from there.
  struct Recent {
    std::string subject;
    std::int64_t at_ms;
    float value;
  };
  std::vector<Recent> recent;
  std::int64_t recent_ms = kForEver;
  if (const auto entry = impl_->find(query.node.str())) {
    const std::lock_guard lock(entry->mutex);
    if (!entry->window.empty()) recent_ms = entry->window.oldest_ms();
    entry->window.visit(query.metric, query.subject,
                        [&](const std::string& subject, std::int64_t at_ms, float value) {
                          recent.push_back({subject, at_ms, value});
                        });
  }
  Fold fold(query);
  if (to_ms(query.from) < recent_ms)
    GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(const auto bounds, read_bounds(transaction, query.node.str()));
      for (const Piece& piece : plan(query, bounds, recent_ms)) {
        GALLEY_TRY(const auto chunks, read_chunks(transaction, query.node.str(), piece.level,
                                                  piece.from_ms, piece.to_ms));
        read_piece(query, piece, chunks, fold);
      }
      return ok();
    }));
  for (const Recent& row : recent)
    fold.add(row.subject, row.at_ms, {row.value, row.value, row.value, row.value});
  return fold.take();
}

Result<NodeId> Telemetry::find_node(std::string_view id_or_name) const {
  for (const auto& [id, entry] : impl_->all()) {
    if (id.empty()) continue;
    const std::lock_guard lock(entry->mutex);
    if (id == id_or_name || entry->name == id_or_name) return NodeId::trusted(id);
  }
  std::optional<NodeId> found;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row,
               transaction.query_one("select id from nodes where id = :1 or name = :1",
                                     {std::string(id_or_name)}));
    if (row) found = NodeId::trusted(row->text(0));
    return ok();
  }));
  if (found) return *std::move(found);
  return Error{Errc::not_found, "there is no node '" + std::string(id_or_name.substr(0, 80)) + "'",
               "node", "a node's name or id", "`galley nodes` lists them"};
}

Result<std::vector<std::pair<NodeId, AttemptId>>> Telemetry::places_of(const JobId& job) const {
  std::vector<std::pair<NodeId, AttemptId>> places;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows,
               transaction.query("select m.node_id, t.id from attempts t"
                                 " join attempt_members m on m.attempt_id = t.id"
                                 " where t.job_id = :1 order by t.number desc, m.member_rank",
                                 {job.str()}));
    for (const store::Row& row : rows)
      places.emplace_back(NodeId::trusted(row.text(0)), AttemptId::trusted(row.text(1)));
    return ok();
  }));
  return places;
}

Result<UsageReport> Telemetry::usage(WallTime from, WallTime to, GroupBy by) const {
  if (to <= from)
    return wrong("from", to_rfc3339(from) + " is not before " + to_rfc3339(to),
                 "a time before `to`");
  UsageReport report;
  GALLEY_TRY_STATUS(impl_->database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(report, read_usage(transaction, from, to, impl_->clock.wall(), by));
    return ok();
  }));
  return report;
}

}  // namespace galley::telemetry
