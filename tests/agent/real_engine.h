#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "process/child.h"

namespace galley::agent {

/// Podman of this machine with a storage of its own: what the machine's podman knows is neither
/// read nor changed. Its images and containers go with it.
class RealEngine {
 public:
  explicit RealEngine(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    if (!process::run_child({"podman", "--version"})) {
      obstacle_ = "podman is not installed here";
      return;
    }
    const auto containers = folder_ / "containers.conf";
    const auto storage = folder_ / "storage.conf";
    // A sandbox may let nobody raise limits, and crun refuses machines with both kinds of cgroups.
    const bool runc = process::run_child({"runc", "--version"}).has_value();
    std::ofstream(containers)
        << "[containers]\ndefault_ulimits = [\"nofile=1024:4096\", \"nproc=1024:4096\"]\n"
        << "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n"
        << (runc ? "runtime = \"runc\"\n" : "");
    std::ofstream(storage) << "[storage]\ndriver = \"vfs\"\ngraphroot = \""
                           << (folder_ / "root").string() << "\"\nrunroot = \""
                           << (folder_ / "run").string() << "\"\n";
    std::ofstream(program()) << "#!/bin/sh\nexport CONTAINERS_CONF=" << containers.string()
                             << "\nexport CONTAINERS_STORAGE_CONF=" << storage.string()
                             << "\nexec /usr/bin/podman \"$@\"\n";
    ::chmod(program().c_str(), 0755);
    try_out();
  }
  RealEngine(const RealEngine&) = delete;
  RealEngine& operator=(const RealEngine&) = delete;
  ~RealEngine() {
    if (!std::filesystem::exists(program())) return;
    (void)podman({"rm", "--all", "--force"});
    (void)podman({"rmi", "--all", "--force"});
  }

  /// Why containers cannot run on this machine; empty when they can.
  const std::string& obstacle() const { return obstacle_; }
  std::filesystem::path program() const { return folder_ / "podman"; }
  process::ChildOutput podman(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), program().string());
    const auto done = process::run_child(arguments, {.timeout = Millis{60'000}});
    return done ? *done
                : process::ChildOutput{.exit_code = -1, .stderr_bytes = describe(done.error())};
  }
  /// A folder from which an image with the probe is built; `mark` makes its content its own.
  static void write_context(const std::filesystem::path& folder, const std::string& mark,
                            const std::string& more = {}) {
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file(GALLEY_CONTAINER_PROBE, folder / "probe",
                               std::filesystem::copy_options::overwrite_existing);
    std::ofstream(folder / "mark") << mark;
    std::ofstream(folder / "Containerfile") << "FROM scratch\nCOPY probe /probe\nCOPY mark /mark\n"
                                            << more;
  }

 private:
  void try_out() {
    const auto context = folder_ / "context";
    write_context(context, "first");
    const auto built = podman({"build", "--tag", "localhost/probe:1", context.string()});
    if (!built.succeeded()) {
      obstacle_ = "podman cannot build here: " + built.stderr_bytes;
      return;
    }
    const auto ran = podman({"run", "--rm", "--network", "host", "localhost/probe:1", "/probe"});
    if (!ran.succeeded()) obstacle_ = "podman cannot run here: " + ran.stderr_bytes;
  }

  std::filesystem::path folder_;
  std::string obstacle_;
};

}  // namespace galley::agent
