// Weights in the order in which the products read them. Plain types only: the files of the
// instruction sets include this.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/format_id.h"

namespace galley::tensor {

enum class Activation : std::uint8_t;
struct MatrixSource;

/// Output rows in a panel: one vector of f32, one column block of an AMX tile.
inline constexpr std::size_t kPanelRows = 16;

/// Columns that share one scale of an int8 input; packed columns are padded to a multiple of it.
inline constexpr std::size_t kActivationBlock = 64;

/// A matrix of weights as panels of kPanelRows output rows, one after the other; each panel is one
/// sequential stream over the columns (docs in packed_matrix.cpp). Rows are padded to whole panels
/// and columns to whole blocks with weights that are exactly zero. The memory is the caller's:
/// `data` has packed_bytes() bytes at an address divisible by 64. A view, free to copy.
struct PackedMatrix {
  Format format{};
  Activation activation{};
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t panel_bytes = 0;
  std::byte* data = nullptr;
};

constexpr std::size_t panel_count(std::size_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }

/// Whether there are kernels for these weights with this input: f32 and bf16 inputs go with every
/// format, int8 inputs with i8 and the block formats.
bool can_multiply(Format format, Activation activation);

/// Bytes of one panel, and of a whole matrix; at most 1.03 times the file's for whole panels.
std::size_t packed_panel_bytes(Format format, std::size_t columns);
std::size_t packed_bytes(Format format, std::size_t rows, std::size_t columns);

/// Describes the memory; nothing is read or written.
PackedMatrix packed_matrix(const MatrixSource& source, Activation activation, std::byte* data);

/// Fills panels [panel_begin, panel_end) of `to` from the source. Different panels may be filled by
/// different threads at once.
void pack_panels(const MatrixSource& source, const PackedMatrix& to, std::size_t panel_begin,
                 std::size_t panel_end);

}  // namespace galley::tensor
