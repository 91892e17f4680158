#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/model_host.h"

namespace galley::serving {

/// One channel as this machine remembers it.
struct PlacedChannel {
  Placement placement;
  std::string previous_snapshot_id{};  // its folder is kept for a rollback; empty if there is none
};

/// Whether names, id, reference and digest have the form that the registry gives them; the id
/// becomes a folder's name. Errors: invalid_argument, naming the field.
Status check_placement(const Placement& placement);

/// Strict: unknown fields, wrong types and two entries for one channel are refused.
/// Errors: corrupt, naming the field.
Result<std::vector<PlacedChannel>> parse_placements(std::string_view text);
std::string print_placements(const std::vector<PlacedChannel>& channels);

/// No file: no placements. Errors: corrupt (the file is left as it is), forbidden.
Result<std::vector<PlacedChannel>> read_placements(const std::filesystem::path& file);
/// In one step, and durable when it returns. Errors: exhausted, forbidden; the old file stays.
Status write_placements(const std::filesystem::path& file,
                        const std::vector<PlacedChannel>& channels);

}  // namespace galley::serving
