#include "agent/agent.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <thread>

#include "agent/runner.h"
#include "attempt_run.h"
#include "base/file.h"
#include "base/log.h"
#include "blobs/materialize.h"
#include "data_set_cache.h"
#include "event_loop.h"
#include "gpu_monitor.h"
#include "image_keeper.h"
#include "node_watch.h"
#include "slow_worker.h"

namespace galley::agent {

/// Destroyed from the bottom up: the loop's thread first, then attempts and the slow thread, whose
/// last answers go to a closed mailbox.
struct Agent::Impl {
  Impl(Options the_options, ControllerLink& the_link, blobs::BlobStore& the_blobs,
       const Clock& the_clock)
      : options(std::move(the_options)), link(the_link), blobs(the_blobs), clock(the_clock) {}
  ~Impl() {
    if (!thread.joinable()) return;
    loop->mailbox()->close();
    thread.join();
  }

  void run();
  void begin(Assigned assigned);
  void forget(const AttemptId& attempt);
  void with(EventLoop::Token token, const std::function<void(AttemptRun&)>& step);
  AttemptRun* find(const AttemptId& attempt);
  void remove_folder(const AttemptId& attempt);
  std::filesystem::path folder_of(const AttemptId& attempt) const {
    return options.data_folder / "attempts" / attempt.str();
  }
  Instant next_time() const;
  void on_times(Instant now);
  void send_heartbeat();
  void add_contents(protocol::NodeRecord& record) const;

  const Options options;
  ControllerLink& link;
  blobs::BlobStore& blobs;
  const Clock& clock;
  std::unique_ptr<GpuMonitor> monitor;  // used by the thread of the next one
  std::unique_ptr<NodeWatch> node;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<DataSetCache> data_sets;
  std::unique_ptr<ImageKeeper> images;
  std::unique_ptr<SlowWorker> slow;
  std::unique_ptr<RunFacts> facts;
  std::unique_ptr<SlowWorker> looks;

  // Of the loop's thread.
  std::map<EventLoop::Token, std::unique_ptr<AttemptRun>> runs;
  EventLoop::Token last_token = 0;
  Instant heartbeat_at{};

  std::thread thread;
};

void Agent::Impl::run() {
  for (;;) {
    auto events = loop->wait(next_time());
    if (events.closed) return;
    for (const auto& task : events.tasks) task();
    for (const auto token : events.written) with(token, &AttemptRun::on_progress_written);
    for (const auto token : events.ended) with(token, &AttemptRun::on_ended);
    on_times(std::chrono::steady_clock::now());
  }
}

Instant Agent::Impl::next_time() const {
  Instant next = heartbeat_at;
  for (const auto& [token, run] : runs)
    if (const auto at = run->wake_at()) next = std::min(next, *at);
  return next;
}

void Agent::Impl::on_times(Instant now) {
  std::vector<EventLoop::Token> due;
  for (const auto& [token, run] : runs)
    if (const auto at = run->wake_at(); at && *at <= now) due.push_back(token);
  for (const auto token : due) with(token, &AttemptRun::on_time);
  if (now < heartbeat_at) return;
  heartbeat_at = now + options.heartbeat_interval;
  send_heartbeat();
}

/// As many as a heartbeat may list; what is left out is only not known to be here.
constexpr std::size_t kMostContents = 10'000;

/// What the machine holds beside its parts.
void Agent::Impl::add_contents(protocol::NodeRecord& record) const {
  if (options.runner != nullptr) return;
  record.engine = images->engine();
  if (auto fault = images->fault(); !fault.empty()) record.notes.push_back(std::move(fault));
  record.contents = data_sets->contents();
  std::ranges::copy(images->contents(), std::back_inserter(*record.contents));
  if (record.contents->size() > kMostContents) record.contents->resize(kMostContents);
}

void Agent::Impl::send_heartbeat() {
  auto record = node->sample();
  add_contents(record);
  if (options.runner != nullptr) options.runner->offer(record);
  for (const auto& [token, run] : runs)
    if (!run->fault().empty()) record.notes.push_back(run->fault());
  link.heartbeat(std::move(record));
}

/// Takes the attempt one step on, and lets it go when that was the last.
void Agent::Impl::with(EventLoop::Token token, const std::function<void(AttemptRun&)>& step) {
  const auto found = runs.find(token);
  if (found == runs.end()) return;
  step(*found->second);
  if (!found->second->is_over()) return;
  const AttemptId attempt = found->second->id();
  const bool forgotten = found->second->forget_when_over;
  runs.erase(found);
  if (forgotten) remove_folder(attempt);
}

AttemptRun* Agent::Impl::find(const AttemptId& attempt) {
  const auto found =
      std::ranges::find_if(runs, [&](const auto& entry) { return entry.second->id() == attempt; });
  return found != runs.end() ? found->second.get() : nullptr;
}

void Agent::Impl::begin(Assigned assigned) {
  // Whoever asks again has come back, and hears what is still to be told.
  for (const auto& [token, run] : runs)
    if (run->id() == assigned.assignment.attempt_id) return with(token, &AttemptRun::nudge);
  const auto token = ++last_token;
  // Called from other threads: they may only touch the mailbox, which drops what comes too late.
  AttemptRun::Later later = [this, token, mailbox = loop->mailbox()](auto step) {
    mailbox->post([this, token, step = std::move(step)] { with(token, step); });
  };
  const AttemptWorld world{options, link,       blobs,   clock,  *loop,
                           *slow,   *data_sets, *images, *facts, *looks};
  runs[token] = std::make_unique<AttemptRun>(world, std::move(assigned), token, std::move(later));
  with(token, &AttemptRun::begin);
}

void Agent::Impl::forget(const AttemptId& attempt) {
  if (AttemptRun* run = find(attempt))
    run->forget_when_over = true;
  else
    remove_folder(attempt);
}

void Agent::Impl::remove_folder(const AttemptId& attempt) {
  slow->run([folder = folder_of(attempt)] {
    if (auto removed = blobs::remove_tree(folder); !removed)
      log::warn("agent", "cannot remove an attempt's folder",
                {{"error", describe(removed.error())}});
  });
}

Result<std::unique_ptr<Agent>> Agent::start(Options options, ControllerLink& link,
                                            blobs::BlobStore& blobs, const Clock& clock) {
  std::error_code error;
  options.data_folder = std::filesystem::absolute(options.data_folder, error);
  GALLEY_TRY_STATUS(make_folders(options.data_folder / "attempts"));
  auto impl = std::make_unique<Impl>(std::move(options), link, blobs, clock);
  const bool here = impl->options.runner == nullptr;
  const auto cache = impl->options.data_folder / "cache";
  GALLEY_TRY(impl->data_sets,
             DataSetCache::open(cache / "datasets", impl->options.dataset_cache_bytes));
  GALLEY_TRY(impl->images,
             ImageKeeper::start(here ? impl->options.container_engine : "none", cache / "images"));
  if (here) {
    GALLEY_TRY(impl->monitor, GpuMonitor::open({.node = impl->options.node_id,
                                                .data_folder = impl->options.data_folder,
                                                .smi_program = impl->options.smi_program,
                                                .kernel_log = impl->options.kernel_log,
                                                .self_tests = {.program = impl->options.self_test}},
                                               clock));
  }
  std::function<cluster::GpuReport()> look;
  if (here)
    look = [i = impl.get()] {
      auto taken = i->monitor->take();
      i->link.samples(std::move(taken.sample));
      return std::move(taken.inventory);
    };
  GALLEY_TRY(impl->node, NodeWatch::start({.id = impl->options.node_id,
                                           .name = impl->options.node_name,
                                           .data_folder = impl->options.data_folder,
                                           .gpu_probe = {.program = impl->options.smi_program},
                                           .gpu_interval = impl->options.sample_interval,
                                           .look = look,
                                           .topology = impl->options.topology,
                                           .shareable_gpus = impl->options.shareable_gpus}));
  GALLEY_TRY(impl->loop, EventLoop::open());
  impl->slow = std::make_unique<SlowWorker>();
  impl->facts = std::make_unique<RunFacts>(impl->options.smi_program);
  impl->looks = std::make_unique<SlowWorker>();
  // Jobs come first.
  impl->looks->run([] { (void)::nice(10); });
  impl->thread = std::thread([i = impl.get()] { i->run(); });
  return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Agent::~Agent() = default;

void Agent::assign(Assigned assigned) {
  impl_->loop->mailbox()->post([impl = impl_.get(), assigned = std::move(assigned)]() mutable {
    impl->begin(std::move(assigned));
  });
}

void Agent::cancel(const AttemptId& attempt) {
  impl_->loop->mailbox()->post([impl = impl_.get(), attempt] {
    for (const auto& [token, run] : impl->runs)
      if (run->id() == attempt) return impl->with(token, &AttemptRun::cancel);
  });
}

void Agent::forget(const AttemptId& attempt) {
  impl_->loop->mailbox()->post([impl = impl_.get(), attempt] { impl->forget(attempt); });
}

void Agent::self_test(const protocol::SelfTestRequest& request) {
  if (impl_->monitor) impl_->monitor->ask_self_test(request);
}

protocol::NodeRecord Agent::node() const {
  auto record = impl_->node->node();
  impl_->add_contents(record);
  if (impl_->options.runner != nullptr) impl_->options.runner->offer(record);
  return record;
}

std::filesystem::path Agent::attempt_folder(const AttemptId& attempt) const {
  return impl_->folder_of(attempt);
}

}  // namespace galley::agent
