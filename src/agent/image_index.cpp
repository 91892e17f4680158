#include "image_index.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

namespace galley::agent {

using protocol::ContentRecord;

namespace {
constexpr std::int64_t kMostBytes = std::int64_t{4} << 20;
}

ImageIndex ImageIndex::open(std::filesystem::path file) {
  ImageIndex index;
  index.file_ = std::move(file);
  const auto text = read_file(index.file_, kMostBytes);
  const auto json = text ? parse_json(*text) : Result<Json>(text.error());
  if (!json || !json->is_array()) return index;
  for (const Json& item : *json) {
    auto record = protocol::parse_struct<ContentRecord>(item, protocol::Unknown::ignore);
    if (record && index.records_.size() < kMost) index.records_.push_back(*std::move(record));
  }
  return index;
}

void ImageIndex::put(ContentRecord record) {
  const auto known = std::ranges::find(records_, record.name, &ContentRecord::name);
  if (known != records_.end()) {
    if (!record.fetched) record.fetched = known->fetched;
    if (!record.built) record.built = known->built;
    records_.erase(known);
  }
  if (records_.size() >= kMost) records_.erase(records_.begin());
  records_.push_back(std::move(record));
  save();
}

void ImageIndex::remove(const std::string& name) {
  if (std::erase_if(records_, [&](const ContentRecord& one) { return one.name == name; }) > 0)
    save();
}

void ImageIndex::save() const {
  Json list = Json::array();
  for (const ContentRecord& record : records_) list.push_back(protocol::print_struct(record));
  if (auto saved = write_file_atomic(file_, dump_json(list), Durability::memory); !saved)
    log::warn("agent", "cannot note which images are here", {{"error", describe(saved.error())}});
}

}  // namespace galley::agent
