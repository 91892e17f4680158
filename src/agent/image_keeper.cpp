#include "image_keeper.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "process/child.h"
#include "protocol/job_spec.h"

namespace galley::agent {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

namespace {

/// What is kept of an engine's output, to say why it failed; all of it goes into the job's log.
constexpr std::int64_t kKeptOutputBytes = 64 * 1024;
constexpr Millis kFirstLook{3'000};

UniqueFd event_descriptor() { return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
void raise(const UniqueFd& event) { (void)::eventfd_write(event.get(), 1); }

std::string search_path() {
  // The agent's process never changes its environment once threads run.
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  return path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
}

Millis since(Steady::time_point start) {
  return std::chrono::duration_cast<Millis>(Steady::now() - start);
}

}  // namespace

/// One image that is being brought here, and those that wait for it.
struct ImageKeeper::Work {
  std::string image;
  std::optional<ImageBuild> build;
  std::map<Ticket, ImageListener> listeners;
  std::string stage;
  UniqueFd cancel = event_descriptor();
};

Result<std::unique_ptr<ImageKeeper>> ImageKeeper::start(const std::string& wanted,
                                                        fs::path cache_folder, EnginePace pace) {
  GALLEY_TRY(auto program, find_engine(wanted, search_path()));
  GALLEY_TRY_STATUS(make_folders(cache_folder));
  auto index = ImageIndex::open(cache_folder / "index.json");
  std::unique_ptr<ImageKeeper> keeper(
      new ImageKeeper(std::move(program), wanted, std::move(cache_folder), pace, std::move(index)));
  if (wanted == "none") return keeper;
  keeper->threads_.emplace_back([raw = keeper.get()] { raw->watch_engine(); });
  for (int i = 0; i < kWorkers; ++i)
    keeper->threads_.emplace_back([raw = keeper.get()] { raw->work(); });
  std::unique_lock lock(keeper->mutex_);
  keeper->changed_.wait_for(lock, kFirstLook, [&] { return keeper->looked_; });
  return keeper;
}

ImageKeeper::ImageKeeper(std::optional<EngineProgram> program, std::string wanted,
                         fs::path cache_folder, EnginePace pace, ImageIndex index)
    : program_(std::move(program)),
      wanted_(std::move(wanted)),
      cache_folder_(std::move(cache_folder)),
      pace_(pace),
      stop_(event_descriptor()),
      index_(std::move(index)) {}

ImageKeeper::~ImageKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [image, work] : works_) {
      work->listeners.clear();
      raise(work->cancel);
    }
  }
  raise(stop_);
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::optional<protocol::EngineRecord> ImageKeeper::engine() const {
  const std::lock_guard lock(mutex_);
  if (!engine_) return std::nullopt;
  return record_of(*engine_);
}

std::string ImageKeeper::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

std::vector<protocol::ContentRecord> ImageKeeper::contents() const {
  const std::lock_guard lock(mutex_);
  return index_.all();
}

void ImageKeeper::watch_engine() {
  for (;;) {
    look();
    std::unique_lock lock(mutex_);
    looked_ = true;
    changed_.notify_all();
    const auto pause = engine_ || !program_ ? pace_.look_again : pace_.retry;
    changed_.wait_for(lock, pause, [&] { return stopping_ || look_now_; });
    if (stopping_) return;
    look_now_ = false;
  }
}

void ImageKeeper::look() {
  // One that is installed while we run is found, too.
  if (!program_)
    if (auto found = find_engine(wanted_, search_path()); found) program_ = *std::move(found);
  if (!program_) return;
  const auto answer = process::run_child(info_command(*program_),
                                         {.timeout = pace_.answer, .cancel_fd = stop_.get()});
  auto engine =
      !answer ? Result<Engine>(answer.error())
      : answer->succeeded()
          ? parse_info(*program_, answer->stdout_bytes)
          : Result<Engine>(Error{Errc::unavailable, explain_pull({}, answer->stderr_bytes).reason});
  if (!engine) return blame(engine.error());
  const std::lock_guard lock(mutex_);
  engine_ = *std::move(engine);
  fault_.clear();
}

void ImageKeeper::blame(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  engine_.reset();
  const std::string why = "its container engine does not answer: " + describe(error);
  if (why != fault_) log::warn("agent", why);
  fault_ = why;
}

/// Something else went wrong with it: it is looked at again now.
void ImageKeeper::doubt(const Error& error) {
  blame(error);
  const std::lock_guard lock(mutex_);
  look_now_ = true;
  changed_.notify_all();
}

ImageKeeper::Ticket ImageKeeper::want(const std::string& image, std::optional<ImageBuild> build,
                                      ImageListener listener) {
  const std::lock_guard lock(mutex_);
  const Ticket ticket = ++last_ticket_;
  const auto [found, fresh] = works_.try_emplace(image);
  if (fresh) {
    found->second = std::make_shared<Work>();
    found->second->image = image;
    found->second->build = std::move(build);
    waiting_.push_back(found->second);
    changed_.notify_all();
  } else if (!found->second->stage.empty()) {
    listener.stage(found->second->stage + ", which another job waits for, too");
  }
  found->second->listeners.emplace(ticket, std::move(listener));
  return ticket;
}

void ImageKeeper::leave(Ticket ticket) {
  const std::lock_guard lock(mutex_);
  for (const auto& [image, work] : works_) {
    if (work->listeners.erase(ticket) == 0) continue;
    if (!work->listeners.empty()) return;
    raise(work->cancel);
    // Whoever wants it from now on begins anew.
    std::erase(waiting_, work);
    works_.erase(image);
    return;
  }
}

void ImageKeeper::work() {
  for (;;) {
    std::shared_ptr<Work> work;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    finish(work, bring(*work));
  }
}

void ImageKeeper::tell_stage(Work& work, const std::string& stage) {
  const std::lock_guard lock(mutex_);
  work.stage = stage;
  for (const auto& [ticket, listener] : work.listeners) listener.stage(stage);
}

void ImageKeeper::tell_output(Work& work, std::string_view output) {
  const std::lock_guard lock(mutex_);
  for (const auto& [ticket, listener] : work.listeners) listener.output(output);
}

void ImageKeeper::finish(const std::shared_ptr<Work>& work, const Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  const auto known = works_.find(work->image);
  if (known != works_.end() && known->second == work) works_.erase(known);
  for (const auto& [ticket, listener] : work->listeners)
    listener.done(outcome.engine, outcome.fault);
  work->listeners.clear();
}

/// The size of the image, or nothing where it is not here.
Result<std::optional<std::int64_t>> ImageKeeper::size_of(const Engine& engine,
                                                         const std::string& image) const {
  GALLEY_TRY(const auto answer,
             process::run_child(size_command(engine, image, cache_folder_),
                                {.timeout = pace_.answer, .cancel_fd = stop_.get()}));
  std::int64_t size = 0;
  const auto text = trim(answer.stdout_bytes);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (answer.succeeded() && error == std::errc{} && end == text.data() + text.size())
    return std::optional(size);
  const auto why = explain_pull(image, answer.stderr_bytes);
  if (why.fault == ImageFault::node) return Error{Errc::unavailable, why.reason};
  return std::optional<std::int64_t>{};
}

ImageKeeper::Outcome ImageKeeper::bring(Work& work) {
  const std::string name = protocol::image_content(work.image);
  std::optional<Engine> engine;
  {
    const std::lock_guard lock(mutex_);
    engine = engine_;
    if (!engine)
      return {
          Error{Errc::unavailable, fault_.empty() ? "this node has no container engine" : fault_},
          ImageFault::node};
  }
  auto there = size_of(*engine, work.image);
  if (!there) {
    doubt(there.error());
    return {there.error(), ImageFault::node};
  }
  const bool missing = !there->has_value();
  std::optional<Millis> took;
  if (missing) {
    {
      const std::lock_guard lock(mutex_);
      index_.remove(name);
    }
    const auto start = Steady::now();
    if (auto outcome = fetch(work, *engine); !outcome.engine) return outcome;
    took = since(start);
    there = size_of(*engine, work.image);
    if (!there || !*there)
      return {Error{Errc::unavailable, "container engine failed: it has brought image '" +
                                           work.image + "' and does not have it"},
              ImageFault::node};
  }
  const std::lock_guard lock(mutex_);
  protocol::ContentRecord record{.name = name, .bytes = there->value()};
  if (took) (work.build ? record.built : record.fetched) = took;
  index_.put(std::move(record));
  return {*engine, ImageFault::user};
}

ImageKeeper::Outcome ImageKeeper::fetch(Work& work, const Engine& engine) {
  const bool builds = work.build.has_value();
  tell_stage(work, (builds ? "building image " : "pulling image ") + work.image);
  std::vector<std::string> command;
  fs::path file;
  if (builds) {
    auto made = build_file(work);
    if (!made) return {made.error(), ImageFault::user};
    file = *std::move(made);
    command = build_command(engine, work.image, file, work.build->context);
  } else {
    command = pull_command(engine, work.image, cache_folder_);
  }
  const Millis limit = builds ? work.build->limit : pace_.pull;
  std::string last;
  const auto done = process::run_child(
      command, {.timeout = limit,
                .max_output_bytes = kKeptOutputBytes,
                .cancel_fd = work.cancel.get(),
                .on_output = [&](std::string_view output) { tell_output(work, output); }});
  std::error_code ignored;
  if (builds && !work.build->requirements.empty()) fs::remove(file, ignored);
  if (done && done->succeeded()) return {engine, ImageFault::user};
  if (!done && done.error().code == Errc::timeout) {
    if (builds)
      return {Error{Errc::timeout, "build failed: it took longer than its max_runtime of " +
                                       format_duration(limit)},
              ImageFault::user};
    doubt(done.error());
    return {done.error(), ImageFault::node};
  }
  if (!done) return {done.error(), ImageFault::node};
  const std::string output = done->stdout_bytes + "\n" + done->stderr_bytes;
  if (!builds) {
    const auto why = explain_pull(work.image, output);
    return {Error{Errc::not_found, why.reason}, why.fault};
  }
  const auto why = explain_pull(work.image, done->stderr_bytes);
  // A build fails in its own steps; of what it prints only the engine's own troubles are the
  // node's.
  const bool nodes = why.fault == ImageFault::node && !why.reason.starts_with("registry");
  return {Error{Errc::invalid_argument, nodes ? why.reason
                                              : "build failed with code " +
                                                    std::to_string(done->exit_code) +
                                                    "; its output is in the job's log"},
          nodes ? ImageFault::node : ImageFault::user};
}

/// Where the build file lies: in the context, or made here for a list of packages.
Result<fs::path> ImageKeeper::build_file(const Work& work) const {
  const ImageBuild& build = *work.build;
  std::error_code error;
  const auto is_there = [&](const std::string& name) {
    return fs::is_regular_file(build.context / name, error);
  };
  const auto lacks = [](const std::string& name, const char* field) {
    return Error{Errc::invalid_argument, "build failed: the context has no file '" + name + "'",
                 field};
  };
  if (!build.requirements.empty()) {
    if (!is_there(build.requirements)) return lacks(build.requirements, "build.requirements");
    const auto file = cache_folder_ / ("build-" + sha256_hex(work.image).substr(0, 32));
    GALLEY_TRY_STATUS(write_file_atomic(
        file, requirements_build_file(build.base, build.requirements), Durability::memory));
    return file;
  }
  if (!build.file.empty()) {
    if (!is_there(build.file)) return lacks(build.file, "build.file");
    return build.context / build.file;
  }
  for (const char* name : {"Containerfile", "Dockerfile"})
    if (is_there(name)) return build.context / name;
  return lacks("Containerfile", "build.file");
}

}  // namespace galley::agent
