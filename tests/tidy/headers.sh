#!/usr/bin/env bash
# headers.sh ROOT TIDY OUT COMPILER...: each public header compiles alone. Where a .cpp includes its header first, the
# build proves it already; the others are compiled here, each in a file of its own.
set -euo pipefail
root=$1 tidy=$2 out=$3
shift 3
mkdir -p "$out"
flags=(-std=c++20 -O0 -Wall -Wextra -Werror)
for folder in "$root"/src/*/include; do flags+=("-I$folder"); done
"$tidy" headers "$root" | while read -r header; do
  unit=$out/${header//\//_}.cpp
  # Left alone when it is there already, so that a compiler cache knows it again.
  [ -e "$unit" ] || printf '#include "%s"\n' "$header" >"$unit"
  echo "$unit"
done | xargs -P "$(nproc)" -I{} "$@" "${flags[@]}" -c {} -o {}.o
