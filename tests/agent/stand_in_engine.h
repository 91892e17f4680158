#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace galley::agent {

/// A script that answers as podman does, without containers: what it "runs" are programs of this
/// machine. Images are files; each call is a line of `calls`.
///
/// Files beside it change what it does: `hang` (no answer to info), `garbage`, `away` (no service).
/// An image whose name begins with missing is not there, with refused needs a login, with slow is
/// pulled once something is written into the fifo `gate`, with far has no registry; a build file
/// with the word broken fails.
class StandInEngine {
 public:
  explicit StandInEngine(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_ / "images");
    std::ofstream(program()) << kScript;
    ::chmod(program().c_str(), 0755);
  }
  std::filesystem::path program() const { return folder_ / "podman"; }
  std::filesystem::path operator/(const char* name) const { return folder_ / name; }
  std::string calls() const { return read_file(folder_ / "calls", 1 << 20).value_or(""); }
  int count(const std::string& words) const {
    const std::string all = calls();
    int found = 0;
    for (std::size_t at = all.find(words); at != std::string::npos; at = all.find(words, at + 1))
      ++found;
    return found;
  }
  void set(const char* name) const { std::ofstream(folder_ / name) << "\n"; }
  void clear(const char* name) const { std::filesystem::remove(folder_ / name); }

 private:
  static constexpr const char* kScript = R"sh(#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
file_of() { echo "$here/images/$(echo "$1" | tr '/:' '__')"; }
case "$1" in
  info)
    if [ -e "$here/hang" ]; then exec sleep 1000; fi
    if [ -e "$here/garbage" ]; then echo '{"host": 3'; exit 0; fi
    if [ -e "$here/away" ]; then echo 'Cannot connect to podman.sock' >&2; exit 125; fi
    echo '{"host":{"cgroupVersion":"v2","security":{"rootless":false}},"version":{"Version":"4.3.1"}}' ;;
  image)
    cat "$(file_of "$5")" 2> /dev/null || { echo 'Error: no such image' >&2; exit 125; } ;;
  pull)
    echo "Trying to pull $2..." >&2
    case "$2" in
      missing*) echo 'Error: reading manifest: manifest unknown' >&2; exit 125 ;;
      refused*) echo 'Error: unauthorized: authentication required' >&2; exit 125 ;;
      far*) echo 'Error: dial tcp 192.0.2.1:443: connect: connection refused' >&2; exit 125 ;;
      slow*) read x < "$here/gate" ;;
    esac
    echo 1000 > "$(file_of "$2")" ;;
  build)
    while [ "$1" != --tag ]; do shift; done
    tag=$2
    while [ "$1" != --file ]; do shift; done
    echo "STEP 1: $(head -n 1 "$2")"
    if grep -q broken "$2"; then echo 'Error: building at STEP 2: exit status 7' >&2; exit 7; fi
    if grep -q endless "$2"; then exec sleep 1000; fi
    ls "$3"
    echo 2000 > "$(file_of "$tag")" ;;
  run)
    while [ "$1" != --entrypoint ]; do
      if [ "$1" = --workdir ]; then cd "$2" || exit 125; fi
      if [ "$1" = --env-file ]; then cat "$2" > "$here/env-file"; fi
      shift
    done
    program=$2
    image=$3
    shift 3
    case "$image" in
      engineless*) echo 'Error: OCI runtime error: cgroups are not there' >&2; exit 125 ;;
    esac
    exec "$program" "$@" ;;
esac
)sh";
  std::filesystem::path folder_;
};

}  // namespace galley::agent
