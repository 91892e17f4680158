#include "inference/constraint.h"

#include <algorithm>

#include "constraint_walk.h"

namespace galley::inference {
namespace {

/// Masks that one constraint keeps; further ones are made each time that they are needed.
constexpr std::size_t kMaxMaskBytes = 16 << 20;
/// A mask of fewer than one token in so many is kept as a list.
constexpr std::size_t kListRatio = 32;

/// One for the masks of positions and one for answers: the first is needed inside of the second.
struct Walks {
  ConstraintWalk position;
  ConstraintWalk answer;
};

Walks& walks() {
  thread_local Walks kept;
  return kept;
}

std::unique_ptr<PositionMask> make_mask(const Constraint::Impl& constraint,
                                        std::uint32_t position) {
  auto made = std::make_unique<PositionMask>();
  ConstraintWalk& walk = walks().position;
  walk.reset(constraint.machine, {});
  // As it stands: what else the position leads to has masks of its own.
  const ConstraintWalk::Top top{position, ConstraintWalk::kBottom};
  const ConstraintWalk::Set start = walk.open(std::span(&top, 1));
  const TokenTrie::Impl& trie = constraint.trie->impl();
  walk.walk(trie, 0, static_cast<std::uint32_t>(trie.nodes.size()), start, &made->escapes,
            [&](text::TokenId token) { made->few.push_back(token); });
  const std::size_t vocabulary = constraint.trie->vocabulary();
  if (made->few.size() * kListRatio > vocabulary) {
    made->many.reset(vocabulary);
    for (const text::TokenId token : made->few) made->many.set(token);
    made->few.clear();
  }
  made->few.shrink_to_fit();
  return made;
}

/// The mask of a position; in `spare` where it is not kept. Adds what it took to `work`.
const PositionMask& mask_of(const Constraint::Impl& constraint, std::uint32_t position,
                            std::unique_ptr<const PositionMask>& spare, std::size_t& work) {
  {
    const std::lock_guard lock(constraint.masks_mutex);
    if (constraint.masks[position] != nullptr) return *constraint.masks[position];
  }
  spare = make_mask(constraint, position);
  work += walks().position.work();
  if (walks().position.work() > ConstraintWalk::kMaxWork) return *spare;
  const std::lock_guard lock(constraint.masks_mutex);
  if (constraint.masks[position] == nullptr &&
      constraint.mask_bytes + spare->bytes() <= kMaxMaskBytes) {
    constraint.mask_bytes += spare->bytes();
    constraint.masks[position] = std::move(spare);
  }
  // Another thread may have been first: its mask is as good.
  return constraint.masks[position] != nullptr ? *constraint.masks[position] : *spare;
}

}  // namespace

Constraint::Constraint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Constraint::~Constraint() = default;

Result<std::shared_ptr<const Constraint>> Constraint::of(const Grammar& grammar,
                                                         std::shared_ptr<const TokenTrie> trie) {
  auto impl = std::make_unique<Impl>();
  GALLEY_TRY(impl->machine, compile_machine(grammar));
  ConstraintWalk& walk = walks().answer;
  walk.reset(impl->machine, {});
  const ConstraintWalk::Top top{impl->machine.start, ConstraintWalk::kBottom};
  walk.close(std::span(&top, 1));
  if (walk.work() > ConstraintWalk::kMaxWork)
    return Error{Errc::invalid_argument,
                 "the grammar can begin in more than " + std::to_string(ConstraintWalk::kMaxTops) +
                     " ways at once",
                 "grammar",
                 {},
                 "join rules that begin with the same text"};
  impl->trie = std::move(trie);
  impl->masks.resize(impl->machine.positions.size());
  return std::shared_ptr<const Constraint>(new Constraint(std::move(impl)));
}

namespace {

Status check_size(std::string_view what, std::string_view text) {
  if (text.size() <= Constraint::kMaxGrammarBytes) return ok();
  return Error{Errc::too_large,
               std::string(what) + " of " + std::to_string(text.size()) + " bytes is too long",
               std::string(what),
               "at most " + std::to_string(Constraint::kMaxGrammarBytes) + " bytes"};
}

}  // namespace

Result<std::shared_ptr<const Constraint>> Constraint::from_gbnf(
    std::string_view grammar, std::shared_ptr<const TokenTrie> trie) {
  GALLEY_TRY_STATUS(check_size("grammar", grammar));
  GALLEY_TRY(const Grammar parsed, parse_gbnf(grammar));
  return of(parsed, std::move(trie));
}

Result<std::shared_ptr<const Constraint>> Constraint::from_json_schema(
    std::string_view schema, std::shared_ptr<const TokenTrie> trie) {
  GALLEY_TRY_STATUS(check_size("json_schema", schema));
  GALLEY_TRY(const Grammar parsed, grammar_of_schema(schema));
  auto made = of(parsed, std::move(trie));
  if (made) return made;
  Error error = std::move(made).error();
  error.message = "JSON Schema: " + error.message;
  error.field = "json_schema";
  return error;
}

Result<std::shared_ptr<const Constraint>> Constraint::any_json_object(
    std::shared_ptr<const TokenTrie> trie) {
  return of(grammar_of_json_object(), std::move(trie));
}

ConstraintState::ConstraintState(std::shared_ptr<const Constraint> constraint)
    : constraint_(std::move(constraint)) {
  const Machine& machine = constraint_->impl().machine;
  ConstraintWalk& walk = walks().answer;
  walk.reset(machine, {});
  const ConstraintWalk::Top top{machine.start, ConstraintWalk::kBottom};
  place_ = walk.place(walk.close(std::span(&top, 1)));
}

void ConstraintState::allowed(TokenMask& mask) const {
  const Constraint::Impl& constraint = constraint_->impl();
  const TokenTrie::Impl& trie = constraint.trie->impl();
  mask.reset(constraint.trie->vocabulary());
  if (ended_) return;
  if (place_.complete)
    for (const text::TokenId token : trie.ends) mask.set(token);

  ConstraintWalk& walk = walks().answer;
  const ConstraintWalk::Set base = walk.reset(constraint.machine, place_.frames);
  std::unique_ptr<const PositionMask> spare;
  std::size_t work = 0;
  for (const ConstraintWalk::Top& top : place_.tops) {
    const PositionMask& own = mask_of(constraint, top.position, spare, work);
    if (work + walk.work() > ConstraintWalk::kMaxWork) return mask.reset(mask.vocabulary());
    if (own.many.vocabulary() > 0) mask.add(own.many);
    for (const text::TokenId token : own.few) mask.set(token);
    if (own.escapes.empty() || top.frame == ConstraintWalk::kBottom) continue;
    const auto& frame = place_.frames[top.frame];
    const ConstraintWalk::Top back{frame.position, frame.parent};
    const ConstraintWalk::Set outside = walk.close(std::span(&back, 1));
    for (const std::uint32_t node : own.escapes)
      walk.walk(trie, node + 1, trie.nodes[node].past, outside, nullptr,
                [&](text::TokenId token) { mask.set(token); });
    walk.back_to(base);
  }
}

bool ConstraintState::accept(text::TokenId token) {
  const Constraint::Impl& constraint = constraint_->impl();
  const TokenTrie::Impl& trie = constraint.trie->impl();
  if (ended_ || token < 0 || static_cast<std::size_t>(token) >= constraint.trie->vocabulary())
    return false;
  if (std::ranges::binary_search(trie.ends, token)) {
    ended_ = place_.complete;
    return ended_;
  }
  const auto bytes = trie.bytes_of(token);
  if (bytes.empty()) return false;
  ConstraintWalk& walk = walks().answer;
  walk.reset(constraint.machine, place_.frames);
  ConstraintWalk::Set set = walk.open(place_.tops);
  for (const std::uint8_t byte : bytes) {
    set = walk.step(set, byte);
    if (set.empty() && !set.ended) return false;
  }
  if (walk.work() > ConstraintWalk::kMaxWork) return false;
  place_ = walk.place(set);
  return true;
}

}  // namespace galley::inference
