#include "name_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.h"

namespace galley::serving {
namespace {

constexpr std::string_view kDefaultChannel = "prod";
/// Comparing names costs about a microsecond each, and a stranger may ask for wrong ones all day.
constexpr std::size_t kMaxCompared = 1000;
constexpr std::size_t kMaxNameBytes = 160;
constexpr std::size_t kMaxListed = 5;

auto key_of(const Channel& channel) {
  const Placement& p = channel.placed.placement;
  return std::tuple<std::string_view, std::string_view>(p.model, p.channel);
}

}  // namespace

NameTable::NameTable(std::vector<Channel> channels) : channels_(std::move(channels)) {
  std::ranges::sort(channels_, {}, key_of);
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const Placement& p = channels_[i].placed.placement;
    by_name_.emplace(p.model + ":" + p.channel, i);
    if (p.channel == kDefaultChannel) by_name_.emplace(p.model, i);
    // Of several channels with one snapshot the first stands for it, and counts what it answers.
    if (channels_[i].snapshot) by_name_.emplace(p.snapshot_ref, i);
  }
}

const Channel* NameTable::find_channel(std::string_view model, std::string_view channel) const {
  const auto found = std::ranges::lower_bound(channels_, std::tuple(model, channel), {}, key_of);
  return found != channels_.end() && key_of(*found) == std::tuple(model, channel) ? &*found
                                                                                  : nullptr;
}

std::shared_ptr<const LoadedSnapshot> NameTable::find_snapshot(std::string_view id) const {
  const auto found = std::ranges::find_if(channels_, [&](const Channel& channel) {
    return channel.snapshot && channel.snapshot->id == id;
  });
  return found == channels_.end() ? nullptr : found->snapshot;
}

Result<const Channel*> NameTable::resolve(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return unknown(name);
  const Channel& channel = channels_[found->second];
  if (channel.snapshot) return &channel;
  return Error{Errc::unavailable, fmt::format("model '{}' is placed here but cannot answer: {}",
                                              name, channel.fault.message)};
}

Error NameTable::unknown(std::string_view name) const {
  Error error{Errc::not_found,
              fmt::format("no model '{}' is loaded on this machine",
                          to_valid_utf8(name.substr(0, kMaxNameBytes))),
              "model"};
  if (by_name_.empty()) {
    error.hint = "no model is deployed; point a channel at a snapshot first";
    return error;
  }
  std::vector<std::string> names;
  for (const auto& entry : by_name_) {
    if (names.size() == kMaxCompared) break;
    names.push_back(entry.first);
  }
  // Hash order differs between builds; people and tests should see one answer.
  std::ranges::sort(names);
  const std::string close = name.size() > kMaxNameBytes ? std::string() : nearest(name, names);
  if (!close.empty()) {
    error.hint = fmt::format("did you mean {}?", close);
    return error;
  }
  // The channels of a model whose name is right, else the first few names.
  const std::string model(name.substr(0, name.find_first_of(":@")));
  std::string listed;
  std::size_t count = 0;
  for (const bool same_model : {true, false}) {
    for (const auto& candidate : names) {
      if (same_model && !candidate.starts_with(model + ":")) continue;
      if (count++ == kMaxListed) break;
      listed += (listed.empty() ? "" : ", ") + candidate;
    }
    if (count > 0) break;
  }
  error.hint = "loaded are " + listed + (count > kMaxListed ? ", ..." : "");
  return error;
}

}  // namespace galley::serving
