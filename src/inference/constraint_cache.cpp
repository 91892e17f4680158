#include <list>
#include <map>
#include <mutex>
#include <utility>

#include "inference/constraint.h"

namespace galley::inference {

struct ConstraintCache::Impl {
  enum class Notation : std::uint8_t { gbnf, json_schema, json_object };
  using Key = std::pair<Notation, std::string>;
  using Entry = std::pair<Key, std::shared_ptr<const Constraint>>;

  std::shared_ptr<const TokenTrie> trie;
  std::size_t capacity;
  std::mutex entries_mutex;  // guards entries and place_of
  std::list<Entry> entries;  // the last used first
  std::map<Key, std::list<Entry>::iterator> place_of;

  std::shared_ptr<const Constraint> find(const Key& key) {
    const std::lock_guard lock(entries_mutex);
    const auto found = place_of.find(key);
    if (found == place_of.end()) return nullptr;
    entries.splice(entries.begin(), entries, found->second);
    return found->second->second;
  }

  Result<std::shared_ptr<const Constraint>> compile(const Key& key) const {
    switch (key.first) {
      case Notation::gbnf:
        return Constraint::from_gbnf(key.second, trie);
      case Notation::json_schema:
        return Constraint::from_json_schema(key.second, trie);
      default:
        return Constraint::any_json_object(trie);
    }
  }

  Result<std::shared_ptr<const Constraint>> get(Key key) {
    if (auto known = find(key)) return known;
    // Without the lock: two threads may compile the same text, which costs only their time.
    GALLEY_TRY(auto made, compile(key));
    const std::lock_guard lock(entries_mutex);
    if (place_of.contains(key)) return made;
    entries.emplace_front(key, made);
    place_of.emplace(std::move(key), entries.begin());
    if (entries.size() > capacity) {
      place_of.erase(entries.back().first);
      entries.pop_back();
    }
    return made;
  }
};

ConstraintCache::ConstraintCache(std::shared_ptr<const TokenTrie> trie, std::size_t capacity)
    : impl_(std::make_unique<Impl>()) {
  impl_->trie = std::move(trie);
  impl_->capacity = capacity;
}

ConstraintCache::~ConstraintCache() = default;

Result<std::shared_ptr<const Constraint>> ConstraintCache::gbnf(std::string_view grammar) {
  return impl_->get({Impl::Notation::gbnf, std::string(grammar)});
}

Result<std::shared_ptr<const Constraint>> ConstraintCache::json_schema(std::string_view schema) {
  return impl_->get({Impl::Notation::json_schema, std::string(schema)});
}

Result<std::shared_ptr<const Constraint>> ConstraintCache::json_object() {
  return impl_->get({Impl::Notation::json_object, {}});
}

}  // namespace galley::inference
