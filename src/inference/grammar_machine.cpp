#include "grammar_machine.h"

#include <algorithm>
#include <unordered_map>

#include "grammar_nfa.h"
#include "inference/constraint.h"

namespace galley::inference {
namespace {

/// Members of all state sets together: bounds time and memory of the construction.
constexpr std::size_t kMaxMembers = 8'000'000;

using StateSet = std::vector<std::uint32_t>;

struct HashSet {
  std::size_t operator()(const StateSet& set) const {
    std::uint64_t hash = set.size();
    for (const std::uint32_t state : set) hash = (hash ^ state) * 0x9E3779B97F4A7C15U;
    return static_cast<std::size_t>(hash ^ hash >> 32);
  }
};

/// Rules made deterministic by the subset construction.
class Subsets {
 public:
  explicit Subsets(const Nfa& nfa)
      : nfa_(nfa), of_state_(nfa.edges_of.size(), kNowhere), seen_(nfa.edges_of.size()) {}

  Result<Machine> run() {
    classify();
    for (const Nfa::Rule& rule : nfa_.rules) {
      of_set_.clear();
      of_closed_.clear();
      StateSet start{rule.start};
      starts_.push_back(position_of(start));
      for (std::size_t i = starts_.back(); i < machine_.positions.size(); ++i) {
        expand(rule, static_cast<std::uint32_t>(i));
        if (machine_.positions.size() > Constraint::kMaxPositions || members_ > kMaxMembers)
          return Error{Errc::too_large,
                       "the grammar needs more than " + std::to_string(Constraint::kMaxPositions) +
                           " states; shorten its repetitions or its alternatives",
                       "grammar"};
      }
    }
    for (Machine::Call& call : machine_.calls) call.start = starts_[call.start];
    machine_.start = starts_[0];
    return std::move(machine_);
  }
  const std::vector<std::uint32_t>& starts() const { return starts_; }

 private:
  void classify() {
    std::array<bool, 257> border{};
    for (const Nfa::Edge& edge : nfa_.edges)
      if (edge.kind == Nfa::Edge::Kind::byte) border[edge.first] = border[edge.last + 1U] = true;
    std::uint8_t current = 0;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      if (byte > 0 && border[byte]) ++current;
      machine_.byte_class[byte] = current;
    }
    machine_.class_count = current + 1U;
  }

  template <class Visit>
  void each_edge(std::uint32_t state, Nfa::Edge::Kind kind, Visit&& visit) const {
    for (std::uint32_t e = nfa_.edges_of[state]; e != kNowhere; e = nfa_.edges[e].next)
      if (nfa_.edges[e].kind == kind) visit(nfa_.edges[e]);
  }

  /// The position that stands for these states and what empty moves reach from them.
  std::uint32_t position_of(StateSet& targets) {
    std::ranges::sort(targets);
    const auto repeated = std::ranges::unique(targets);
    targets.erase(repeated.begin(), repeated.end());
    // Most targets are one state, and need no hashing.
    std::uint32_t& known = targets.size() == 1
                               ? of_state_[targets[0]]
                               : of_set_.try_emplace(targets, kNowhere).first->second;
    if (known != kNowhere) return known;
    StateSet closed = close(targets);
    // Different targets may close to the same set: it is one position.
    const auto [same, is_new] =
        of_closed_.try_emplace(closed, static_cast<std::uint32_t>(machine_.positions.size()));
    known = same->second;
    if (!is_new) return known;
    members_ += closed.size();
    machine_.positions.emplace_back();
    states_.push_back(std::move(closed));
    return known;
  }

  StateSet close(const StateSet& targets) {
    ++stamp_;
    StateSet closed;
    const auto visit = [&](std::uint32_t state) {
      if (seen_[state] == stamp_) return;
      seen_[state] = stamp_;
      closed.push_back(state);
    };
    for (const std::uint32_t state : targets) visit(state);
    for (std::size_t i = 0; i < closed.size(); ++i)
      each_edge(closed[i], Nfa::Edge::Kind::empty, [&](const Nfa::Edge& edge) { visit(edge.to); });
    std::ranges::sort(closed);
    return closed;
  }

  void expand(const Nfa::Rule& rule, std::uint32_t position) {
    const StateSet states = states_[position];
    targets_.resize(machine_.class_count);
    for (StateSet& target : targets_) target.clear();
    std::vector<std::pair<std::uint32_t, std::uint32_t>> called;
    bool ends = false;
    for (const std::uint32_t state : states) {
      ends = ends || state == rule.end;
      each_edge(state, Nfa::Edge::Kind::byte, [&](const Nfa::Edge& edge) {
        for (std::uint32_t c = machine_.byte_class[edge.first]; c <= machine_.byte_class[edge.last];
             ++c)
          targets_[c].push_back(edge.to);
      });
      each_edge(state, Nfa::Edge::Kind::call,
                [&](const Nfa::Edge& edge) { called.emplace_back(edge.rule, edge.to); });
    }
    std::uint32_t to = kNowhere;
    for (std::uint32_t c = 0; c < machine_.class_count; ++c) {
      const bool as_before = c > 0 && targets_[c] == targets_[c - 1];
      if (!as_before) to = targets_[c].empty() ? kNowhere : position_of(targets_[c]);
      machine_.edges.push_back(to);
    }
    const auto first_call = static_cast<std::uint32_t>(machine_.calls.size());
    std::ranges::sort(called);
    for (std::size_t i = 0; i < called.size();) {
      StateSet next;
      const std::uint32_t callee = called[i].first;
      for (; i < called.size() && called[i].first == callee; ++i) next.push_back(called[i].second);
      machine_.calls.push_back({callee, position_of(next)});
    }
    Machine::Position& made = machine_.positions[position];
    made.calls_begin = first_call;
    made.calls_end = static_cast<std::uint32_t>(machine_.calls.size());
    made.ends = ends;
  }

  const Nfa& nfa_;
  Machine machine_;
  std::vector<StateSet> states_;       // by position
  std::vector<std::uint32_t> starts_;  // by rule
  // Positions of this rule by their states before closing and after. A state is of one rule alone.
  std::vector<std::uint32_t> of_state_;
  std::unordered_map<StateSet, std::uint32_t, HashSet> of_set_, of_closed_;
  std::vector<StateSet> targets_;  // by byte class
  std::vector<std::uint32_t> seen_;
  std::uint32_t stamp_ = 0;
  std::size_t members_ = 0;
};

/// Who comes before whom, for spreading a property from the ends of rules towards their starts.
class Backwards {
 public:
  explicit Backwards(const Machine& machine) : machine_(machine) {
    const std::size_t count = machine.positions.size();
    readers_.resize(count);
    callers_.resize(count);
    returns_.resize(count);
    for (std::uint32_t p = 0; p < count; ++p) {
      std::uint32_t before = kNowhere;
      for (std::uint32_t c = 0; c < machine.class_count; ++c) {
        const std::uint32_t to = machine.edges[std::size_t{p} * machine.class_count + c];
        if (to != kNowhere && to != before) readers_[before = to].push_back(p);
      }
      for (const Machine::Call& call : machine.calls_of(machine.positions[p])) {
        callers_[call.start].push_back({p, call.next});
        returns_[call.next].push_back({p, call.start});
      }
    }
  }

  /// Positions that reach the end of their rule, by any edges or by calls alone.
  std::vector<bool> reach_end(bool by_reading) const {
    std::vector<bool> reaches(machine_.positions.size());
    std::vector<std::uint32_t> work;
    const auto found = [&](std::uint32_t p) {
      if (reaches[p]) return;
      reaches[p] = true;
      work.push_back(p);
    };
    for (std::uint32_t p = 0; p < machine_.positions.size(); ++p)
      if (machine_.positions[p].ends) found(p);
    while (!work.empty()) {
      const std::uint32_t p = work.back();
      work.pop_back();
      if (by_reading)
        for (const std::uint32_t reader : readers_[p]) found(reader);
      for (const auto& [caller, next] : callers_[p])
        if (reaches[next]) found(caller);
      for (const auto& [caller, start] : returns_[p])
        if (reaches[start]) found(caller);
    }
    return reaches;
  }

 private:
  struct Pair {
    std::uint32_t caller, other;
  };
  const Machine& machine_;
  std::vector<std::vector<std::uint32_t>> readers_;
  std::vector<std::vector<Pair>> callers_, returns_;
};

/// The start of a rule that calls itself before anything was read, or kNowhere.
std::uint32_t left_recursive(const Machine& machine, const std::vector<std::uint32_t>& starts,
                             const std::vector<bool>& reaches_end_empty) {
  enum class Mark : std::uint8_t { fresh, open, closed };
  std::vector<Mark> marks(machine.positions.size());
  // An edge leads to the start of a rule that may be called first, or on behind a call that may
  // read nothing; only a cycle through a start is one of rules, and every cycle has a start in it.
  const auto edges = [&](std::uint32_t p) {
    std::vector<std::uint32_t> to;
    for (const Machine::Call& call : machine.calls_of(machine.positions[p]))
      to.push_back(call.start);
    return to;
  };
  const auto positions_before_reading = [&](std::uint32_t start) {
    std::vector<std::uint32_t> all{start};
    for (std::size_t i = 0; i < all.size(); ++i)
      for (const Machine::Call& call : machine.calls_of(machine.positions[all[i]]))
        if (reaches_end_empty[call.start] && std::ranges::find(all, call.next) == all.end())
          all.push_back(call.next);
    return all;
  };
  struct Visit {
    std::uint32_t start;
    std::vector<std::uint32_t> callees;
  };
  for (const std::uint32_t root : starts) {
    std::vector<Visit> path;
    const auto open = [&](std::uint32_t start) {
      marks[start] = Mark::open;
      Visit visit{start, {}};
      for (const std::uint32_t p : positions_before_reading(start))
        for (const std::uint32_t callee : edges(p)) visit.callees.push_back(callee);
      path.push_back(std::move(visit));
    };
    if (marks[root] == Mark::fresh) open(root);
    while (!path.empty()) {
      if (path.back().callees.empty()) {
        marks[path.back().start] = Mark::closed;
        path.pop_back();
        continue;
      }
      const std::uint32_t callee = path.back().callees.back();
      path.back().callees.pop_back();
      if (marks[callee] == Mark::open) return callee;
      if (marks[callee] == Mark::fresh) open(callee);
    }
  }
  return kNowhere;
}

/// Takes away what leads nowhere, and notes what walking wants to know of each position.
void prune(Machine& machine, const std::vector<bool>& useful) {
  std::vector<Machine::Call> calls;
  for (std::uint32_t p = 0; p < machine.positions.size(); ++p) {
    Machine::Position& position = machine.positions[p];
    for (std::uint32_t c = 0; c < machine.class_count; ++c) {
      std::uint32_t& to = machine.edges[std::size_t{p} * machine.class_count + c];
      if (to != kNowhere && !useful[to]) to = kNowhere;
      position.reads = position.reads || to != kNowhere;
    }
    const auto begin = static_cast<std::uint32_t>(calls.size());
    for (const Machine::Call& call : machine.calls_of(position))
      if (useful[call.start] && useful[call.next]) calls.push_back(call);
    position.calls_begin = begin;
    position.calls_end = static_cast<std::uint32_t>(calls.size());
    const bool calls_none = position.calls_begin == position.calls_end;
    position.plain = position.reads && !position.ends && calls_none;
    position.only_ends = position.ends && !position.reads && calls_none;
  }
  machine.calls = std::move(calls);
}

}  // namespace

Result<Machine> compile_machine(const Grammar& grammar) {
  GALLEY_TRY(const Nfa nfa, build_nfa(grammar));
  Subsets subsets(nfa);
  GALLEY_TRY(Machine machine, subsets.run());
  const Backwards backwards(machine);
  const std::uint32_t recursive =
      left_recursive(machine, subsets.starts(), backwards.reach_end(false));
  if (recursive != kNowhere) {
    const auto rule = std::ranges::find(subsets.starts(), recursive) - subsets.starts().begin();
    return Error{Errc::invalid_argument,
                 "the grammar's rule '" +
                     grammar.name(nfa.rules[static_cast<std::size_t>(rule)].rule) +
                     "' is left-recursive: it begins with itself",
                 "grammar",
                 {},
                 "write it as a repetition, or with the recursion at the end"};
  }
  const std::vector<bool> useful = backwards.reach_end(true);
  if (!useful[machine.start])
    return Error{Errc::invalid_argument,
                 "no text satisfies the grammar: its rule '" + grammar.name(grammar.root) +
                     "' can never end",
                 "grammar"};
  prune(machine, useful);
  return machine;
}

}  // namespace galley::inference
