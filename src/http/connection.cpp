#include "connection.h"

#include <utility>

#include "stream_core.h"

namespace galley::http {
namespace {

constexpr std::size_t kHeadReadBytes = 8 << 10;   // what an idle connection holds
constexpr std::size_t kBodyReadBytes = 64 << 10;  // fewer system calls while a body arrives
/// Answers to pipelined requests are gathered up to this before they are written.
constexpr std::size_t kGatherBytes = 64 << 10;
/// A peer that goes on sending what was refused is listened to for so long and so much: long enough
/// to see the answer, too little to be worth abusing.
constexpr std::uint64_t kLingerBytes = 64 << 20;
constexpr std::chrono::seconds kLingerTime{2};

}  // namespace

Connection::Connection(Site& site, std::unique_ptr<Transport> transport, Peer peer)
    : site_(site),
      transport_(std::move(transport)),
      peer_(std::move(peer)),
      parser_(site.limits.header_bytes) {}

void Connection::start() {
  now_ = std::chrono::steady_clock::now();
  timer_ = Timer::first;
  deadline_ = now_ + site_.limits.header_timeout;
  if (transport_->open(shared_from_this())) on_open(true);
}

void Connection::on_open(bool usable) {
  if (stage_ == Stage::closed) return;
  if (!usable) return close();
  next_request();
  timer_ = Timer::first;  // the clock of the first request runs since the connection was accepted
  settle();
}

void Connection::on_read(std::size_t bytes, ReadEnd end) {
  reading_ = false;
  if (stage_ == Stage::closed) return;
  if (end == ReadEnd::broken) return close();
  now_ = std::chrono::steady_clock::now();
  in_.commit(bytes);
  peer_done_ |= end == ReadEnd::closed;
  if (timer_ == Timer::body) timer_ = Timer::none;  // it counts from the last byte
  if (stage_ == Stage::lingering) {
    in_.clear();
    if (peer_done_ || bytes > linger_bytes_) return close();
    linger_bytes_ -= bytes;
    return settle();
  }
  // A half-closed peer may still wait for a plain answer; one that follows a stream has hung up.
  if (peer_done_ && stage_ == Stage::streaming) return close();
  if (peer_done_ && stage_ == Stage::waiting) current_->hang_up();
  advance();
}

void Connection::on_written(std::size_t bytes, bool broken) {
  writing_ = false;
  if (stage_ == Stage::closed) return;
  if (broken) return close();
  now_ = std::chrono::steady_clock::now();
  sent_ += bytes;
  if (timer_ == Timer::write) timer_ = Timer::none;  // it counts from the last progress
  flush();
  advance();
}

/// Goes as far as it can without waiting: parse, answer, write.
void Connection::advance() {
  while (stage_ != Stage::closed && !writing_) {
    if (stage_ == Stage::waiting && answer_ready_) {
      answer_ready_ = false;
      if (current_->stream)
        start_stream();
      else
        after_answer(send_answer(std::move(current_->response)));
      continue;
    }
    if (stage_ == Stage::streaming && pump_stream()) continue;
    const bool room = out_.size() < kGatherBytes && large_body().empty();
    if ((stage_ == Stage::receiving || stage_ == Stage::swallowing) && room && parse_some())
      continue;
    if (has_output() && stage_ != Stage::closed) {
      flush();
      continue;
    }
    if (stage_ == Stage::ending) begin_linger();
    break;
  }
  settle();
}

bool Connection::parse_some() {
  std::size_t consumed = 0;
  const auto event = parser_.feed(in_.view(), consumed);
  in_.consume(consumed);
  switch (event) {
    case RequestParser::Event::header:
      judge_head();
      return true;
    case RequestParser::Event::complete:
      body_next_ = false;
      if (stage_ == Stage::swallowing)
        next_request();
      else
        dispatch();
      return true;
    case RequestParser::Event::failed:
      if (stage_ == Stage::swallowing)
        stage_ = Stage::ending;  // it has its answer
      else
        refuse(parser_.failure().status, parser_.failure().error);
      return true;
    case RequestParser::Event::need_more:
      break;
  }
  if (peer_done_) {
    stage_ = Stage::ending;
    return true;
  }
  // The parser wants one whole line (of a chunk or a trailer) that is longer than all we hold.
  if (in_.size() >= site_.limits.header_bytes + kHeadReadBytes) {
    refuse(431, {Errc::too_large, "a line of the chunked body is too long"});
    return true;
  }
  return false;
}

void Connection::flush() {
  while (has_output()) {
    const bool in_head = sent_ < out_.size();
    const auto first = std::string_view(out_).substr(in_head ? sent_ : out_.size());
    const auto second = large_body().substr(in_head ? 0 : sent_ - out_.size());
    if (first.empty() && second.empty()) {
      sent_ = 0;
      out_.clear();
      if (out_.capacity() > 2 * kGatherBytes) out_ = {};
      body_ = {};
      shared_body_.reset();
      return;
    }
    const std::size_t taken = transport_->write_now(first, second);
    if (taken == 0) {
      writing_ = true;
      transport_->start_write(shared_from_this(), first, second);
      return;
    }
    sent_ += taken;
  }
}

void Connection::settle() {
  if (stage_ == Stage::closed) return;
  read_more();
  set_timer();
}

void Connection::read_more() {
  if (reading_ || peer_done_ || stage_ == Stage::opening) return;
  std::size_t limit = kHeadReadBytes;
  if (body_next_ || stage_ == Stage::lingering)
    limit = kBodyReadBytes;
  else if (in_.size() >= kHeadReadBytes / 2)
    limit = site_.limits.header_bytes + kHeadReadBytes;
  const auto space = in_.space(limit);
  if (space.empty()) return;  // a handler is busy and the peer has sent enough ahead
  reading_ = true;
  transport_->start_read(shared_from_this(), space.data(), space.size());
}

Connection::Timer Connection::timer_for_stage() const {
  if (writing_) return Timer::write;
  switch (stage_) {
    case Stage::receiving:
    case Stage::swallowing:
      if (body_next_) return Timer::body;
      if (parser_.in_message() || !in_.empty()) return Timer::header;
      return timer_ == Timer::first ? Timer::first : Timer::idle;
    case Stage::opening:
      return Timer::first;
    case Stage::lingering:
      return Timer::linger;
    default:
      return Timer::none;
  }
}

void Connection::set_timer() {
  const Timer wanted = timer_for_stage();
  // A first request's bytes do not push its deadline back: the header timer is the same clock.
  const bool goes_on = timer_ == Timer::first && wanted == Timer::header;
  if (wanted == timer_ || goes_on) {
    timer_ = wanted;
    return;
  }
  timer_ = wanted;
  const auto& limits = site_.limits;
  switch (timer_) {
    case Timer::none:
      break;
    case Timer::first:
    case Timer::header:
      deadline_ = now_ + limits.header_timeout;
      break;
    case Timer::idle:
      deadline_ = now_ + limits.idle_timeout;
      break;
    case Timer::body:
      deadline_ = now_ + limits.body_timeout;
      break;
    case Timer::write:
      deadline_ = now_ + limits.write_timeout;
      break;
    case Timer::linger:
      deadline_ = now_ + kLingerTime;
      break;
  }
}

void Connection::check_deadline(Instant now) {
  if (stage_ == Stage::closed || timer_ == Timer::none || now < deadline_) return;
  now_ = now;
  const bool can_answer = stage_ == Stage::receiving && !writing_;
  if (can_answer && timer_ == Timer::header)
    refuse(408, {Errc::timeout, "the request's header did not arrive within " +
                                    std::to_string(site_.limits.header_timeout.count()) + " ms"});
  else if (can_answer && timer_ == Timer::body)
    refuse(408, {Errc::timeout, "no byte of the request's body arrived for " +
                                    std::to_string(site_.limits.body_timeout.count()) + " ms"});
  else
    return close();
  advance();
}

void Connection::begin_drain() {
  const bool idle = stage_ == Stage::receiving && !parser_.in_message() && in_.empty() &&
                    !has_output() && !writing_;
  if (idle || stage_ == Stage::opening) return close();
  if (stage_ == Stage::streaming) current_->stream->reader_gone();
}

void Connection::begin_linger() {
  if (peer_done_) return close();
  stage_ = Stage::lingering;
  linger_bytes_ = kLingerBytes;
  in_.clear();
  transport_->end_sending(shared_from_this());
  site_.on_quiet(*this);
}

void Connection::close() {
  if (stage_ == Stage::closed) return;
  const bool has_stream = stage_ == Stage::streaming || (stage_ == Stage::waiting && answer_ready_);
  if (stage_ == Stage::streaming) --site_.streams;
  const bool unanswered = stage_ == Stage::waiting && !answer_ready_;
  stage_ = Stage::closed;
  const auto self = shared_from_this();  // on_quiet lets go of us
  transport_->close();
  if (has_stream && current_->stream) current_->stream->reader_gone();
  if (unanswered) current_->hang_up();
  site_.on_quiet(*this);
}

void Connection::next_request() {
  current_ = std::make_shared<Transaction>();
  current_->hub = site_.hub;
  current_->connection = weak_from_this();
  current_->stream_buffer_bytes = site_.limits.stream_buffer_bytes;
  parser_.start(current_->request);
  body_next_ = false;
  timer_ = Timer::none;
  stage_ = Stage::receiving;
}

}  // namespace galley::http
