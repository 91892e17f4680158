#!/usr/bin/env bash
# previous_program.sh SOURCE BUILD: builds the program that an installation would be upgraded from,
# once for each commit, in BUILD/drill, and prints the folder of its executables. It is that of
# the newest commit of this branch whose sources differ from those in the work tree. Ends with 77
# where there is none to go back to: no git, or no commit that knows of several controllers.
set -euo pipefail
source=$(realpath "$1") build=$(realpath "$2")

skip() {
  printf '%s\n' "$1" >&2
  exit 77
}

git -C "$source" rev-parse --git-dir >/dev/null 2>&1 || skip "the sources are not in a git work tree"
commit=
for candidate in $(git -C "$source" rev-list --first-parent --max-count=50 HEAD); do
  git -C "$source" diff --quiet "$candidate" -- src apps || { commit=$candidate; break; }
done
[ -n "$commit" ] || skip "no commit differs from these sources"
git -C "$source" cat-file -e "$commit:apps/galley/election.cpp" 2>/dev/null ||
  skip "commit $commit does not know of several controllers"

tree=$build/drill/$commit
if [ ! -e "$tree/built" ]; then
  rm -rf "$tree"
  mkdir -p "$tree"
  git -C "$source" archive "$commit" | tar -x -C "$tree"
  # What npm has installed for the page, where both want the same.
  if [ -e "$source/web/node_modules/.installed" ] && cmp -s "$source/web/package.json" "$tree/web/package.json" &&
    cmp -s "$source/web/package-lock.json" "$tree/web/package-lock.json"; then
    ln -s "$(realpath "$source/web/node_modules")" "$tree/web/node_modules"
  fi
  # In the same place below its sources and with the same options as ours, so that ccache finds
  # what was compiled when that commit was the newest.
  old=$tree/$(realpath --relative-to "$source" "$build")
  setting() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
  export CCACHE_BASEDIR=$tree CCACHE_NOHASHDIR=1
  cmake -S "$tree" -B "$old" -G Ninja -DCMAKE_BUILD_TYPE="$(setting CMAKE_BUILD_TYPE)" \
    -DCMAKE_CXX_FLAGS="$(setting CMAKE_CXX_FLAGS)" -DGALLEY_WERROR="$(setting GALLEY_WERROR)" \
    -DGALLEY_TESTS=OFF >&2
  cmake --build "$old" --target galley galley-job >&2
  ln -s "$old/bin" "$tree/programs"
  touch "$tree/built"
fi
printf '%s\n' "$tree/programs"
