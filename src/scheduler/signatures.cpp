#include <algorithm>
#include <bit>
#include <cmath>
#include <tuple>

#include "state.h"

namespace galley::scheduler {
namespace {

/// Kinds that the mix holds: rarer ones say little about what comes next.
constexpr std::size_t kMostSignatureKinds = 128;

}  // namespace

bool Signatures::Key::operator<(const Key& other) const {
  const auto as_tuple = [](const Key& key) {
    const protocol::Resources& r = key.resources;
    return std::tuple(r.gpus, r.nodes, r.cpus, r.memory.count, r.gpu_milli.value_or(0),
                      r.gpu_memory.value_or(protocol::Bytes{}).count, r.gpu_type.value_or(""),
                      key.runtime_bucket, key.container);
  };
  return std::tuple(as_tuple(*this), uneven_gpus) < std::tuple(as_tuple(other), other.uneven_gpus);
}

Signatures::Key Signatures::key_of(const QueuedJob& job) {
  Key key{job.resources, job.uneven_gpus, 1 << 20, job.container};
  // Half powers of two: jobs of one kind run about as long as each other.
  if (job.runtime) {
    const double seconds = std::max(1.0, static_cast<double>(job.runtime->long_one.count()) / 1e3);
    key.runtime_bucket = static_cast<int>(std::ceil(2 * std::log2(seconds)));
  }
  return key;
}

Signature Signatures::add(const QueuedJob& job) {
  const auto [found, fresh] = ids_.emplace(key_of(job), Signature{});
  if (!fresh) {
    ++kinds_[static_cast<std::size_t>(found->second)]->count;
    return found->second;
  }
  if (unused_.empty()) {
    found->second = static_cast<Signature>(kinds_.size());
    kinds_.emplace_back();
  } else {
    found->second = unused_.back();
    unused_.pop_back();
  }
  Kind& kind = kinds_[static_cast<std::size_t>(found->second)].emplace();
  kind.example = job;
  kind.example.id = {};
  kind.count = 1;
  kind.key = found->first;
  return found->second;
}

void Signatures::remove(Signature signature) {
  auto& kind = kinds_[static_cast<std::size_t>(signature)];
  if (--kind->count > 0) return;
  ids_.erase(kind->key);
  kind.reset();
  unused_.push_back(signature);
}

const std::vector<Request>& Signatures::members(Signature signature, const Fleet& fleet) {
  Kind& kind = *kinds_[static_cast<std::size_t>(signature)];
  if (kind.members.empty()) kind.members = fleet.members(kind.example);
  return kind.members;
}

void Signatures::forget_members() {
  for (auto& kind : kinds_)
    if (kind) kind->members.clear();
}

std::vector<std::pair<Signature, int>> Signatures::mix() const {
  std::vector<std::pair<Signature, int>> mix;  // in the order of keys: numbers depend on the past
  for (const auto& [key, signature] : ids_) {
    const auto count = kinds_[static_cast<std::size_t>(signature)]->count;
    mix.emplace_back(signature,
                     static_cast<int>(std::bit_width(static_cast<std::uint64_t>(count))));
  }
  std::ranges::stable_sort(mix, [](const auto& a, const auto& b) { return a.second > b.second; });
  if (mix.size() > kMostSignatureKinds) mix.resize(kMostSignatureKinds);
  return mix;
}

}  // namespace galley::scheduler
