#include <string>
#include <utility>

#include "http/server.h"
#include "stream_core.h"

namespace galley::http {
namespace {

/// A line break inside an id or a name would end the field and forge another.
void append_line(std::string& out, std::string_view field, std::string_view value) {
  out += field;
  for (const char c : value)
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  out += '\n';
}

}  // namespace

/// All copies of a Stream share one of these; when the last goes without finish, the reader must
/// not take the body for complete.
struct Stream::State {
  explicit State(std::shared_ptr<StreamCore> of) : core(std::move(of)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { core->abandon(); }
  std::shared_ptr<StreamCore> core;
};

Stream::Stream(std::shared_ptr<State> state) : state_(std::move(state)) {}

Stream make_stream(std::shared_ptr<StreamCore> core) {
  return Stream(std::make_shared<Stream::State>(std::move(core)));
}

Stream::Push Stream::write(std::string_view bytes) const { return state_->core->write(bytes); }

Stream::Push Stream::event(std::string_view id, std::string_view name,
                           std::string_view data) const {
  std::string text;
  text.reserve(id.size() + name.size() + data.size() + 32);
  if (!id.empty()) append_line(text, "id: ", id);
  if (!name.empty()) append_line(text, "event: ", name);
  for (bool more = true; more;) {  // CR, LF and CRLF all end a line of data
    const auto end = data.find_first_of("\r\n");
    more = end != std::string_view::npos;
    append_line(text, "data: ", data.substr(0, end));
    if (!more) break;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2U : 1U));
  }
  text += '\n';
  return write(text);
}

void Stream::finish() const { state_->core->finish(); }
void Stream::on_close(std::function<void()> callback) const {
  state_->core->on_close(std::move(callback));
}
void Stream::on_drain(std::function<void()> callback) const {
  state_->core->on_drain(std::move(callback));
}
bool Stream::closed() const { return state_->core->closed(); }

}  // namespace galley::http
