#!/usr/bin/env bash
# usage: check.sh COMPILER SOURCE "include;dirs": SOURCE must compile, and must not with -DMUST_NOT_COMPILE.
set -euo pipefail
compiler=$1 source=$2
flags=(-std=c++20 -fsyntax-only)
while read -r -d ';' folder; do flags+=(-I "$folder"); done <<<"$3;"
"$compiler" "${flags[@]}" "$source"
if "$compiler" "${flags[@]}" -DMUST_NOT_COMPILE "$source" 2>/dev/null; then
  echo "$source compiled although it must not" >&2
  exit 1
fi
