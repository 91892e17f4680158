#include "constraint_walk.h"

#include <algorithm>
#include <utility>

namespace galley::inference {
namespace {

std::size_t bucket_of(const ConstraintWalk::Frame& frame) {
  const std::uint64_t both = std::uint64_t{frame.position} << 32 | frame.parent;
  return static_cast<std::size_t>(both * 0x9E3779B97F4A7C15U >> 56);
}

}  // namespace

ConstraintWalk::Set ConstraintWalk::reset(const Machine& machine, std::span<const Frame> frames) {
  machine_ = &machine;
  frames_.clear();
  depths_.clear();
  chains_.clear();
  tops_.clear();
  work_ = 0;
  buckets_.fill(kNowhere);
  frames_.push_back({kNowhere, kNowhere});
  depths_.push_back(0);
  chains_.push_back(kNowhere);
  for (std::size_t i = 1; i < frames.size(); ++i) frame_of(frames[i]);
  return {0, 0, frames_.size(), false};
}

std::uint32_t ConstraintWalk::frame_of(Frame frame) {
  const std::size_t bucket = bucket_of(frame);
  for (std::uint32_t i = buckets_[bucket]; i != kNowhere; i = chains_[i])
    if (frames_[i].position == frame.position && frames_[i].parent == frame.parent) return i;
  const std::uint32_t depth = depths_[frame.parent] + 1;
  if (depth > kMaxFrameDepth) return kNowhere;
  const auto made = static_cast<std::uint32_t>(frames_.size());
  frames_.push_back(frame);
  depths_.push_back(depth);
  chains_.push_back(std::exchange(buckets_[bucket], made));
  return made;
}

void ConstraintWalk::drop_frames(std::size_t count) {
  while (frames_.size() > count) {
    buckets_[bucket_of(frames_.back())] = chains_.back();
    frames_.pop_back();
    depths_.pop_back();
    chains_.pop_back();
  }
}

void ConstraintWalk::add(std::size_t begin, Top top) {
  if (tops_.size() - begin >= kMaxTops) {
    work_ = kMaxWork + 1;
    return;
  }
  work_ += 1 + (tops_.size() - begin) / 8;
  if (std::find(tops_.begin() + static_cast<std::ptrdiff_t>(begin), tops_.end(), top) ==
      tops_.end())
    tops_.push_back(top);
}

ConstraintWalk::Set ConstraintWalk::open(std::span<const Top> tops) {
  const std::size_t begin = tops_.size();
  tops_.insert(tops_.end(), tops.begin(), tops.end());
  return {begin, tops_.size(), frames_.size(), false};
}

ConstraintWalk::Set ConstraintWalk::close(std::span<const Top> tops) {
  const std::size_t begin = tops_.size();
  for (const Top& top : tops) add(begin, top);
  return close_from(begin);
}

ConstraintWalk::Set ConstraintWalk::step_all(const Set& from, std::uint8_t byte) {
  const std::size_t begin = tops_.size();
  bool plain = true;
  for (std::size_t i = from.begin; i < from.end; ++i) {
    const std::uint32_t to = machine_->next(tops_[i].position, byte);
    if (to == kNowhere) continue;
    plain = plain && machine_->positions[to].plain;
    add(begin, {to, tops_[i].frame});
  }
  if (plain) return {begin, tops_.size(), frames_.size(), false};
  return close_from(begin);
}

ConstraintWalk::Set ConstraintWalk::close_from(std::size_t begin) {
  bool ended = false;
  for (std::size_t i = begin; i < tops_.size(); ++i) {
    const Top top = tops_[i];
    const Machine::Position& position = machine_->positions[top.position];
    if (position.ends) {
      if (top.frame == kBottom)
        ended = true;
      else
        add(begin, {frames_[top.frame].position, frames_[top.frame].parent});
    }
    for (const Machine::Call& call : machine_->calls_of(position)) {
      // A call at a rule's end goes on in the caller's frame: such recursion takes no space.
      const bool last = machine_->positions[call.next].only_ends;
      const std::uint32_t frame = last ? top.frame : frame_of({call.next, top.frame});
      if (frame != kNowhere) add(begin, {call.start, frame});
    }
  }
  const auto first = tops_.begin() + static_cast<std::ptrdiff_t>(begin);
  tops_.erase(
      std::remove_if(first, tops_.end(),
                     [this](const Top& top) { return !machine_->positions[top.position].reads; }),
      tops_.end());
  return {begin, tops_.size(), frames_.size(), ended};
}

GrammarPlace ConstraintWalk::place(const Set& set) const {
  GrammarPlace place;
  place.complete = set.ended;
  place.tops.assign(tops_.begin() + static_cast<std::ptrdiff_t>(set.begin),
                    tops_.begin() + static_cast<std::ptrdiff_t>(set.end));
  // A frame is younger than its parent, so ascending order puts parents first.
  std::vector<std::uint32_t> needed;
  for (const Top& top : place.tops)
    for (std::uint32_t f = top.frame; f != kBottom; f = frames_[f].parent) {
      const auto at = std::ranges::lower_bound(needed, f);
      if (at != needed.end() && *at == f) break;
      needed.insert(at, f);
    }
  const auto index_of = [&](std::uint32_t f) {
    if (f == kBottom) return kBottom;
    return static_cast<std::uint32_t>(std::ranges::lower_bound(needed, f) - needed.begin() + 1);
  };
  place.frames.push_back({kNowhere, kNowhere});
  for (const std::uint32_t f : needed)
    place.frames.push_back({frames_[f].position, index_of(frames_[f].parent)});
  for (Top& top : place.tops) top.frame = index_of(top.frame);
  return place;
}

}  // namespace galley::inference
