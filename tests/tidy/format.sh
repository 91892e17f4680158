#!/usr/bin/env bash
# format.sh ROOT: every source file is laid out as .clang-format says. ./dev format repairs it.
set -euo pipefail
cd "$1"
command -v clang-format-16 >/dev/null || { echo "clang-format-16 is not installed"; exit 77; }
files=()
while read -r file; do
  if [ -e "$file" ]; then files+=("$file"); fi
done < <(git ls-files -co --exclude-standard -- {src,apps,tests,bench}/{'*.h','*.cpp'})
[ ${#files[@]} -gt 0 ] || { echo "no git checkout: nothing to look at"; exit 77; }
if ! faults=$(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 24 clang-format-16 --dry-run -Werror 2>&1); then
  sed -n 's/: error: code should be clang-formatted.*/: layout differs: run .\/dev format/p' <<<"$faults"
  exit 1
fi
echo "${#files[@]} files"
