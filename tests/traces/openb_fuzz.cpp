// Traces of openb: files that people download and edit. What is accepted must be fit to replay.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "traces/openb.h"

namespace {

template <class Rows>
void check(const galley::Result<Rows>& rows) {
  if (!rows) {
    const auto& error = rows.error();
    if (error.message.empty() || !galley::is_valid_utf8(describe(error))) std::abort();
    return;
  }
  if (rows->empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::bench;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(parse_openb_nodes("nodes.csv", bytes));
  const auto tasks = parse_openb_tasks("tasks.csv", bytes);
  check(tasks);
  if (!tasks) return 0;
  for (const auto& task : *tasks)
    if (task.name.empty() || task.gpus < 0 || task.gpus > 64 || task.cpu_milli < 0 ||
        (task.gpus > 0 && (task.gpu_milli < 1 || task.gpu_milli > 1000)) ||
        (task.gpus > 1 && task.gpu_milli != 1000))
      std::abort();
  return 0;
}
