#include "placements_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "protocol/field_table.h"

namespace galley::serving {

/// One entry of the file.
struct PlacementRow {
  std::string model;
  std::string channel;
  std::string snapshot_id;
  std::string snapshot_ref;
  std::string manifest_sha256;
  std::int64_t generation = 0;
  std::optional<std::string> previous_snapshot_id{};
};

struct PlacementRows {
  std::vector<PlacementRow> placements;
};

}  // namespace galley::serving

namespace galley::protocol {

template <>
struct Fields<serving::PlacementRow> {
  using S = serving::PlacementRow;
  static constexpr std::string_view kind = "placement";
  static constexpr std::tuple table{
      Field<S, std::string>{"model", &S::model, "Name of the model.", true},
      Field<S, std::string>{"channel", &S::channel, "Name of the channel.", true},
      Field<S, std::string>{"snapshot_id", &S::snapshot_id, "What the channel shows.", true},
      Field<S, std::string>{"snapshot_ref", &S::snapshot_ref, "Its name@version.", true},
      Field<S, std::string>{"manifest_sha256", &S::manifest_sha256, "Its manifest's blob.", true},
      Field<S, std::int64_t>{"generation", &S::generation, "Grows with every change.", true},
      Field<S, std::optional<std::string>>{"previous_snapshot_id", &S::previous_snapshot_id,
                                           "What the channel showed before."}};
};

template <>
struct Fields<serving::PlacementRows> {
  using S = serving::PlacementRows;
  static constexpr std::string_view kind = "placements";
  static constexpr std::tuple table{Field<S, std::vector<serving::PlacementRow>>{
      "placements", &S::placements, "The channels that this machine serves.", true}};
};

}  // namespace galley::protocol

namespace galley::serving {
namespace {

/// Ten times the 10,000 channels that one machine may be asked to serve, at 400 bytes each.
constexpr std::int64_t kMaxFileBytes = 40 << 20;
constexpr std::size_t kMaxPlacedNameBytes = 63;
constexpr std::size_t kMaxIdBytes = 128;

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_name(std::string_view name, std::size_t max_bytes) {
  return !name.empty() && name.size() <= max_bytes && is_plain(name.front()) &&
         std::ranges::all_of(
             name, [](char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_reference(std::string_view text, std::string_view model) {
  if (text.size() <= model.size() + 1 || !text.starts_with(model) || text[model.size()] != '@')
    return false;
  const std::string_view version = text.substr(model.size() + 1);
  std::int64_t number = 0;
  const auto end = version.data() + version.size();
  return version.front() != '0' && version.front() != '-' &&
         std::from_chars(version.data(), end, number) == std::from_chars_result{end, std::errc{}};
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Error refused(std::string_view field, std::string_view value, std::string expected) {
  return Error{Errc::invalid_argument,
               fmt::format("'{}' is not a {} of a placement", value.substr(0, 80), field),
               std::string(field), std::move(expected)};
}

Error as_corrupt(Error error) {
  error.code = Errc::corrupt;
  return error;
}

}  // namespace

Status check_placement(const Placement& p) {
  constexpr auto kName =
      "1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit";
  if (!is_name(p.model, kMaxPlacedNameBytes)) return refused("model", p.model, kName);
  if (!is_name(p.channel, kMaxPlacedNameBytes)) return refused("channel", p.channel, kName);
  if (!is_name(p.snapshot_id, kMaxIdBytes))
    return refused("snapshot_id", p.snapshot_id, "the id of a snapshot");
  if (!is_reference(p.snapshot_ref, p.model))
    return refused("snapshot_ref", p.snapshot_ref, p.model + "@ and a version");
  if (!is_digest(p.manifest_sha256))
    return refused("manifest_sha256", p.manifest_sha256, "64 hexadecimal characters");
  if (p.generation < 0)
    return refused("generation", std::to_string(p.generation), "a number from 0");
  return ok();
}

Result<std::vector<PlacedChannel>> parse_placements(std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return as_corrupt(json.error());
  auto rows = protocol::parse_struct<PlacementRows>(*json);
  if (!rows) return as_corrupt(std::move(rows).error());

  std::vector<PlacedChannel> channels;
  std::set<std::pair<std::string, std::string>> seen;
  for (std::size_t i = 0; i < rows->placements.size(); ++i) {
    PlacementRow& row = rows->placements[i];
    const std::string where = fmt::format("placements[{}]", i);
    PlacedChannel channel{.placement = {row.model, row.channel, row.snapshot_id, row.snapshot_ref,
                                        row.manifest_sha256, row.generation},
                          .previous_snapshot_id = row.previous_snapshot_id.value_or("")};
    auto checked = check_placement(channel.placement);
    if (checked && row.previous_snapshot_id && !is_name(*row.previous_snapshot_id, kMaxIdBytes))
      checked = refused("previous_snapshot_id", *row.previous_snapshot_id, "the id of a snapshot");
    if (!checked) {
      Error error = as_corrupt(std::move(checked).error());
      error.field = where + "." + error.field;
      return error;
    }
    if (!seen.emplace(row.model, row.channel).second)
      return Error{Errc::corrupt, fmt::format("{}:{} is placed twice", row.model, row.channel),
                   where};
    channels.push_back(std::move(channel));
  }
  return channels;
}

std::string print_placements(const std::vector<PlacedChannel>& channels) {
  PlacementRows rows;
  for (const auto& [p, previous] : channels)
    rows.placements.push_back({p.model, p.channel, p.snapshot_id, p.snapshot_ref, p.manifest_sha256,
                               p.generation,
                               previous.empty() ? std::nullopt : std::optional(previous)});
  return dump_json(protocol::print_struct(rows), 2) + "\n";
}

Result<std::vector<PlacedChannel>> read_placements(const std::filesystem::path& file) {
  const auto text = read_file(file, kMaxFileBytes);
  if (!text && text.error().code == Errc::not_found) return std::vector<PlacedChannel>{};
  if (!text) return text.error();
  auto channels = parse_placements(*text);
  if (channels) return channels;
  Error error = std::move(channels).error();
  error.message = "cannot read " + file.string() + ": " + error.message;
  error.hint =
      "move the file away to start with no models; those of the controller's channels are placed "
      "again";
  return error;
}

Status write_placements(const std::filesystem::path& file,
                        const std::vector<PlacedChannel>& channels) {
  return write_file_atomic(file, print_placements(channels), Durability::disk);
}

}  // namespace galley::serving
