#pragma once

#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace galley::http {

/// Bytes that have arrived and were not understood yet. Memory handed out by `space` stays valid
/// until the next `space`, since a read may be writing to it.
class ReadBuffer {
 public:
  std::string_view view() const { return {bytes_.data() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  void consume(std::size_t count) { begin_ += count; }
  void commit(std::size_t count) { end_ += count; }
  void clear() { begin_ = end_; }

  /// Room for more, when fewer than `limit` bytes wait; else nothing. The buffer becomes `limit`
  /// bytes when it must grow or was larger and is empty.
  std::span<char> space(std::size_t limit) {
    if (empty()) {
      begin_ = end_ = 0;
      if (bytes_.size() > limit) bytes_ = {};
    } else if (begin_ > 0) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ >= limit) return {};
    if (bytes_.size() < limit && end_ + limit / 4 >= bytes_.size()) bytes_.resize(limit);
    return std::span(bytes_).subspan(end_);
  }

 private:
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace galley::http
