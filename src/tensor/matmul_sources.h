// One type for each format of weights: how groups of unsigned bytes, scales and offsets come out of
// a packed panel (panel_layout.h). Written over a `V` of sixteen lanes (lanes_*.h); in an unnamed
// namespace, so that each instruction set gets its own.
#pragma once

#include "panel_layout.h"

namespace galley::tensor {
namespace {

using std::size_t;
using std::uint8_t;

// What differs between the formats once they are unpacked.

struct ThirtyTwo {
  static constexpr size_t kSubBlocks = 2;  // in a unit: one for each scale
  static constexpr bool kOffsets = false;
};
struct ThirtyTwoWithOffsets {
  static constexpr size_t kSubBlocks = 2;
  static constexpr bool kOffsets = true;
};
struct Sixteen {
  static constexpr size_t kSubBlocks = 4;
  static constexpr bool kOffsets = false;
};

/// A sub-block of a panel: number `j` of those in the piece at `base`, a unit or a super-block.
struct SubBlock {
  const uint8_t* base;
  size_t j;
};

template <size_t kPieceBytes, size_t kPieceUnits, class OfKind>
struct Pieces {
  using Kind = OfKind;
  static constexpr size_t kUnits = kPieceUnits;
  static constexpr size_t kBytes = kPieceBytes;
  static SubBlock at(const uint8_t* panel, size_t unit, size_t s) {
    return {panel + unit / kPieceUnits * kPieceBytes, unit % kPieceUnits * Kind::kSubBlocks + s};
  }
};

/// Two groups, the second for the columns that follow.
template <class V>
struct TwoGroups {
  typename V::Bytes first, second;
};

template <class V>
TwoGroups<V> nibbles(const uint8_t* from) {
  const auto pairs = V::load_bytes(from);
  const auto mask = V::all_bytes(0x0f);
  return {V::and_bytes(pairs, mask),
          V::and_bytes(V::as_bytes(V::shift_right(V::as_ints(pairs), 4)), mask)};
}

/// Groups 2 * i and 2 * i + 1 of those that follow a plane with kBits more bits for each.
template <class V, int kBits>
TwoGroups<V> with_plane(const uint8_t* plane, size_t i) {
  const auto low = nibbles<V>(plane + kPlane + i * kGroupBytes);
  const auto bits = V::as_ints(V::load_bytes(plane));
  const auto mask = V::all_bytes((1 << kBits) - 1);
  const auto high = [&](size_t g) {
    const auto own =
        V::and_bytes(V::as_bytes(V::shift_right(bits, kBits * static_cast<int>(g))), mask);
    return V::as_bytes(V::shift_left(V::as_ints(own), 4));
  };
  return {V::or_bytes(low.first, high(2 * i)), V::or_bytes(low.second, high(2 * i + 1))};
}

template <class V>
TwoGroups<V> plus(TwoGroups<V> groups, int n) {
  const auto more = V::all_bytes(static_cast<uint8_t>(n));
  return {V::add_bytes(groups.first, more), V::add_bytes(groups.second, more)};
}

template <class V>
struct Q8_0Source : Pieces<kQ8Unit, 1, ThirtyTwo> {
  static auto scale(SubBlock at) { return V::load_f16(at.base + 32 * at.j); }
  static TwoGroups<V> groups(SubBlock at, size_t i) {
    const uint8_t* from = at.base + 64 + at.j * kUnitBytes / 2 + 2 * i * kGroupBytes;
    return {V::load_bytes(from), V::load_bytes(from + kGroupBytes)};
  }
};

template <class V>
struct Q4_0Source : Pieces<kQ40Unit, 1, ThirtyTwo> {
  static auto scale(SubBlock at) { return V::load_f16(at.base + 32 * at.j); }
  static TwoGroups<V> groups(SubBlock at, size_t i) {
    return plus<V>(nibbles<V>(at.base + 64 + at.j * kUnitNibbles / 2 + i * kGroupBytes),
                   kZeroPoint - 8);
  }
};

template <class V>
struct Q4_1Source : Pieces<kQ41Unit, 1, ThirtyTwoWithOffsets> {
  static auto scale(SubBlock at) { return V::load_f16(at.base + 32 * at.j); }
  static auto offset(SubBlock at) { return V::load_f16(at.base + 64 + 32 * at.j); }
  static TwoGroups<V> groups(SubBlock at, size_t i) {
    return nibbles<V>(at.base + 128 + at.j * kUnitNibbles / 2 + i * kGroupBytes);
  }
};

template <class V>
struct Q5_0Source : Pieces<kQ50Unit, 1, ThirtyTwo> {
  static auto scale(SubBlock at) { return V::load_f16(at.base + 32 * at.j); }
  static TwoGroups<V> groups(SubBlock at, size_t i) {
    return plus<V>(with_plane<V, 1>(at.base + 64 + kFive * at.j, i), kZeroPoint - 16);
  }
};

/// Scales d * s and offsets -(dmin * m); both products are exact.
template <class V, size_t kPieceBytes>
struct KScales : Pieces<kPieceBytes, kSuperUnits, ThirtyTwoWithOffsets> {
  static auto scale(SubBlock at) {
    return V::multiply(V::load_f16(at.base), V::load_u8(at.base + kQ4KScales + 16 * at.j));
  }
  static auto offset(SubBlock at) {
    return V::multiply(V::multiply(V::load_f16(at.base + 32), V::all(-1)),
                       V::load_u8(at.base + kQ4KMins + 16 * at.j));
  }
};

template <class V>
struct Q4_KSource : KScales<V, kQ4KSuper> {
  static TwoGroups<V> groups(SubBlock at, size_t i) {
    return nibbles<V>(at.base + kQ4KHead + at.j * kUnitNibbles / 2 + i * kGroupBytes);
  }
};

template <class V>
struct Q5_KSource : KScales<V, kQ5KSuper> {
  static TwoGroups<V> groups(SubBlock at, size_t i) {
    return with_plane<V, 1>(at.base + kQ4KHead + kFive * at.j, i);
  }
};

template <class V>
struct Q6_KSource : Pieces<kQ6KSuper, kSuperUnits, Sixteen> {
  static auto scale(SubBlock at) {
    return V::multiply(V::load_f16(at.base), V::load_i8(at.base + kQ6KScales + 16 * at.j));
  }
  static TwoGroups<V> groups(SubBlock at, size_t i) {
    return plus<V>(with_plane<V, 2>(at.base + kQ6KHead + kSix * at.j, i), kZeroPoint - 32);
  }
};

/// visit(source) with the type of a block format.
template <class V, class Visit>
auto with_source(Format format, Visit visit) {
  switch (format) {
    case Format::q8_0:
      return visit(Q8_0Source<V>{});
    case Format::q4_0:
      return visit(Q4_0Source<V>{});
    case Format::q4_1:
      return visit(Q4_1Source<V>{});
    case Format::q5_0:
      return visit(Q5_0Source<V>{});
    case Format::q4_k:
      return visit(Q4_KSource<V>{});
    case Format::q5_k:
      return visit(Q5_KSource<V>{});
    default:
      return visit(Q6_KSource<V>{});
  }
}

}  // namespace
}  // namespace galley::tensor
