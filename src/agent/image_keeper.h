#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "container_engine.h"
#include "image_index.h"
#include "protocol/records.h"

namespace galley::agent {

/// An image to be made from a folder.
struct ImageBuild {
  std::filesystem::path context;
  std::string file;          // inside the context; empty: Containerfile or Dockerfile
  std::string requirements;  // instead of a file
  std::string base;          // below the requirements
  Millis limit{std::chrono::minutes(30)};
};

/// What waits for an image hears, on other threads. `done` is the last call.
struct ImageListener {
  std::function<void(std::string stage)> stage;          // for people: "pulling image X"
  std::function<void(std::string_view output)> output;   // of the engine, as it comes
  std::function<void(Result<Engine>, ImageFault)> done;  // the image is here, or why not and whose
                                                         // fault that is
};

/// How often the engine is asked whether it is still there, and how long it may think.
struct EnginePace {
  Millis answer{10'000};       // an info, or a look at an image
  Millis pull{7'200'000};      // as long as a large image takes over a slow line
  Millis look_again{300'000};  // while all is well
  Millis retry{30'000};        // while it does not answer
};

/// The container engine of this machine: notices when it comes and goes, and brings images here,
/// each once however many attempts wait for it. An engine that hangs is killed when its time is up
/// and counts as away until it answers again.
///
/// Thread-safe. One thread that looks at the engine and kWorkers that pull and build. Destroying it
/// kills what they have under way.
class ImageKeeper {
 public:
  using Ticket = std::uint64_t;
  static constexpr int kWorkers = 3;

  /// `wanted`: as find_engine takes it. Waits for the engine's first answer, at most 3 s. Errors:
  /// those of find_engine and of making the cache folder.
  static Result<std::unique_ptr<ImageKeeper>> start(const std::string& wanted,
                                                    std::filesystem::path cache_folder,
                                                    EnginePace pace = {});
  ~ImageKeeper();

  /// Absent while none answers.
  std::optional<protocol::EngineRecord> engine() const;
  /// What an operator should know; empty if nothing.
  std::string fault() const;
  /// The images that jobs have used and that are here.
  std::vector<protocol::ContentRecord> contents() const;
  const std::filesystem::path& images_folder() const { return cache_folder_; }

  /// Brings the image here, by building it where `build` says how.
  Ticket want(const std::string& image, std::optional<ImageBuild> build, ImageListener listener);
  /// The listener hears nothing after this. Work that nobody waits for is killed.
  void leave(Ticket ticket);

 private:
  struct Work;
  struct Outcome {
    Result<Engine> engine;
    ImageFault fault = ImageFault::user;
  };

  ImageKeeper(std::optional<EngineProgram> program, std::string wanted,
              std::filesystem::path cache_folder, EnginePace pace, ImageIndex index);
  void watch_engine();
  void look();
  void blame(const Error& error);
  void doubt(const Error& error);
  void work();
  Outcome bring(Work& work);
  Outcome fetch(Work& work, const Engine& engine);
  Result<std::filesystem::path> build_file(const Work& work) const;
  Result<std::optional<std::int64_t>> size_of(const Engine& engine, const std::string& image) const;
  void tell_stage(Work& work, const std::string& stage);
  void tell_output(Work& work, std::string_view output);
  void finish(const std::shared_ptr<Work>& work, const Outcome& outcome);

  std::optional<EngineProgram> program_;  // of the looking thread, after the start
  const std::string wanted_;
  const std::filesystem::path cache_folder_;
  const EnginePace pace_;
  UniqueFd stop_;  // an event descriptor, readable at the end

  mutable std::mutex mutex_;  // guards what follows; held while a listener hears output
  std::condition_variable changed_;
  bool stopping_ = false;
  bool looked_ = false;
  bool look_now_ = false;
  std::optional<Engine> engine_;
  std::string fault_;
  ImageIndex index_;
  std::map<std::string, std::shared_ptr<Work>> works_;  // by image
  std::deque<std::shared_ptr<Work>> waiting_;
  Ticket last_ticket_ = 0;

  std::vector<std::thread> threads_;
};

}  // namespace galley::agent
