#include "answer_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

namespace galley::openai {
namespace {

constexpr std::int64_t kMaxLogBytes = std::int64_t{8} << 30;
constexpr int kOk = 200;

struct Record {
  std::size_t index = 0;
  int status = 0;
  std::string_view line;
};

std::optional<Record> parse_record(std::string_view text) {
  Record record;
  const char* const end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, record.index);
  if (index.ec != std::errc{} || index.ptr == end || *index.ptr != ' ') return std::nullopt;
  const auto status = std::from_chars(index.ptr + 1, end, record.status);
  if (status.ec != std::errc{} || status.ptr == end || *status.ptr != ' ') return std::nullopt;
  record.line = std::string_view(status.ptr + 1, static_cast<std::size_t>(end - status.ptr - 1));
  return record;
}

/// Calls `each` for every whole record and answers how many bytes they take.
template <class Each>
Result<std::size_t> for_each_record(std::string_view text, std::size_t lines, Each&& each) {
  std::size_t at = 0;
  for (;;) {
    const auto end = text.find('\n', at);
    if (end == std::string_view::npos) return at;
    const auto record = parse_record(text.substr(at, end - at));
    if (!record || record->index >= lines)
      return Error{Errc::corrupt, "the log of answers is damaged at byte " + std::to_string(at)};
    each(*record);
    at = end + 1;
  }
}

}  // namespace

Result<AnswerLog> AnswerLog::open(const std::filesystem::path& path, std::size_t lines) {
  AnswerLog log(path, lines);
  GALLEY_TRY_STATUS(log.read());
  return log;
}

Status AnswerLog::read() {
  fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd_) return system_error("cannot open " + path_.string(), errno);
  GALLEY_TRY(const std::string text, read_file(path_, kMaxLogBytes));
  GALLEY_TRY(const std::size_t whole,
             for_each_record(text, answered_.size(), [&](const Record& record) {
               if (!answered_[record.index]) count(record.index, record.status);
             }));
  if (whole < text.size() && ::ftruncate(fd_.get(), static_cast<off_t>(whole)) != 0)
    return system_error("cannot cut " + path_.string(), errno);
  return sync_folder(path_.parent_path());
}

void AnswerLog::count(std::size_t index, int status) {
  answered_[index] = true;
  ++(status == kOk ? completed_ : failed_);
}

Status AnswerLog::append(std::size_t index, int status, std::string_view line) {
  std::string record = std::to_string(index) + ' ' + std::to_string(status) + ' ';
  record += line;
  record += '\n';
  GALLEY_TRY_STATUS(write_all(fd_.get(), record));
  count(index, status);
  return ok();
}

Status AnswerLog::sync() {
  if (::fdatasync(fd_.get()) != 0) return system_error("cannot write " + path_.string(), errno);
  return ok();
}

Result<AnswerLog::Files> AnswerLog::sorted() const {
  GALLEY_TRY(const std::string text, read_file(path_, kMaxLogBytes));
  std::vector<Record> records(answered_.size());
  GALLEY_TRY_STATUS(for_each_record(text, records.size(), [&](const Record& record) {
    if (records[record.index].status == 0) records[record.index] = record;
  }));
  Files files;
  for (const Record& record : records) {
    if (record.status == 0) continue;
    std::string& out = record.status == kOk ? files.output : files.errors;
    out += record.line;
    out += '\n';
  }
  return files;
}

}  // namespace galley::openai
