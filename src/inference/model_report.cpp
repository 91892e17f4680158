#include "inference/model_report.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

#include "model_share.h"

namespace galley::inference {
namespace {

constexpr std::size_t kProbeRows = 16;

std::uint64_t parameters_of(const StoredTensor& tensor) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::uint64_t{1},
                         std::multiplies<>());
}

/// "blk.3.attn_q.weight" is an "attn_q".
std::string operation_of(std::string_view name) {
  if (name.starts_with("blk.")) name = name.substr(name.find('.', 4) + 1);
  return std::string(name.substr(0, name.rfind('.')));
}

Result<std::string> kernel_of(const StoredTensor& stored, bool table, tensor::Device& device) {
  const tensor::MatrixSource source{.format = stored.format,
                                    .bytes = stored.bytes,
                                    .row_stride = tensor::row_bytes(stored.format, stored.shape[1]),
                                    .scales = stored.scales,
                                    .rows = std::min(kProbeRows, stored.shape[0]),
                                    .columns = stored.shape[1]};
  GALLEY_TRY(const auto packed,
             table ? device.pack_table(source)
                   : device.pack(source, activation_for(stored.format, tensor::Activation::int8)));
  return packed->kernel();
}

}  // namespace

std::vector<FormatUse> formats_of(const ModelFile& file) {
  std::map<tensor::Format, FormatUse> uses;
  for (const auto& [name, stored] : file.tensors()) {
    FormatUse& use =
        uses.try_emplace(stored.format, FormatUse{.format = stored.format}).first->second;
    ++use.tensor_count;
    use.parameters += parameters_of(stored);
    use.size_bytes += stored.size_bytes;
  }
  std::vector<FormatUse> sorted;
  for (const auto& [format, use] : uses) sorted.push_back(use);
  std::ranges::stable_sort(sorted, std::ranges::greater(), &FormatUse::size_bytes);
  return sorted;
}

Result<std::vector<PlannedKernel>> kernels_of(const ModelFile& file, tensor::Device& device) {
  const bool tied = file.find("output.weight") == nullptr;
  std::vector<PlannedKernel> kernels;
  for (const auto& [name, stored] : file.tensors()) {
    if (stored.shape.size() != 2) continue;
    const std::string operation = operation_of(name);
    const auto known = std::ranges::find_if(kernels, [&](const PlannedKernel& kernel) {
      return kernel.operation == operation && kernel.format == stored.format;
    });
    if (known != kernels.end()) {
      ++known->tensor_count;
      continue;
    }
    // An embedding that is no output matrix too is only looked up in.
    const bool table = operation == "position_embd" || (operation == "token_embd" && !tied);
    GALLEY_TRY(std::string kernel, kernel_of(stored, table, device));
    kernels.push_back({operation, stored.format, 1, std::move(kernel)});
  }
  std::ranges::stable_sort(kernels, {}, &PlannedKernel::operation);
  return kernels;
}

}  // namespace galley::inference
