#!/usr/bin/env bash
# `make lint`: the rules that matter, one line per finding, exit 1 when there is any.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
findings=0
found() { printf '%s\n' "$*"; findings=$((findings + 1)); }
each() { while IFS= read -r line; do [[ -n $line ]] && found "$1: $line"; done; }

mapfile -t sources < <(git ls-files '*.h' '*.cpp')
mapfile -t headers < <(git ls-files '*.h')

# Format, with one pinned version.
if command -v clang-format-14 >/dev/null; then
  each 'not formatted (make format)' < <(for f in "${sources[@]}"; do clang-format-14 --dry-run -Werror "$f" >/dev/null 2>&1 || echo "$f"; done)
else
  found 'clang-format 14 is missing: scripts/setup.sh lint'
fi

# Arrows between folders: what each may include.
declare -A sees=(
  [support]='support' [comm]='comm support' [dataio]='dataio support' [model]='model support' [evaluation]='evaluation support'
  [monitoring]='monitoring evaluation support' [drawing]='drawing support'
  [trainer]='trainer model dataio comm evaluation monitoring drawing support'
  [launch]='launch trainer model dataio comm evaluation monitoring support')
for folder in "${!sees[@]}"; do
  allowed=${sees[$folder]// /|}
  each "folder arrow" < <(grep -nE '#include "[a-z]+/' "$folder"/*.h "$folder"/*.cpp 2>/dev/null | grep -vE "#include \"($allowed)/")
done
each 'include upwards' < <(grep -nE '#include "\.\./' "${sources[@]}")
each 'torch outside model/ and trainer/' < <(grep -nE '#include <(torch|ATen|c10)/' support/* comm/* dataio/* evaluation/* monitoring/* drawing/* launch/* 2>/dev/null)

# Shape of files.
each 'more than 400 lines' < <(wc -l "${sources[@]}" | awk '$1 > 400 && $2 != "total" {print $2 ": " $1}')
each 'header without an opening comment' < <(for h in "${headers[@]}"; do head -1 "$h" | grep -q '^//' || echo "$h"; done)
each 'prints or exits below launch/' < <(grep -nE 'std::cout|std::printf|std::puts|[^_a-z]exit\(|std::abort' support/*.cpp comm/*.cpp dataio/*.cpp model/*.cpp evaluation/*.cpp monitoring/*.cpp drawing/*.cpp trainer/*.cpp | grep -vE '_exit\(')
each 'unfinished by its own words' < <(grep -nE '\b(TODO|FIXME|XXX)\b' "${sources[@]}")

# Scripts and pages.
mapfile -t scripts < <(git ls-files '*.sh' '*.sbatch' .ci/run)
each shellcheck < <(shellcheck -f gcc "${scripts[@]}" 2>&1)
mapfile -t python < <(git ls-files '*.py')
each python < <(python3 - "${python[@]}" <<'PY' 2>&1
import ast, sys
for name in sys.argv[1:]:
    try:
        ast.parse(open(name).read(), name)
    except SyntaxError as problem:
        print(problem)
PY
)
# shellcheck disable=SC2016
each 'a page names a path that is not there' < <(grep -oE '`(docs|scripts|configs|tests|bench|trainer|model|monitoring|support|cmake|slurm)/[A-Za-z0-9_./-]+`' README.md CONTRIBUTING.md docs/architecture.md |
  sed -E 's/`//g' | sort -u | while IFS=: read -r page path; do [[ -e $path ]] || echo "$page: $path"; done)
each 'a page names a make target that is not there' < <(grep -ohE 'make [a-z-]+' README.md CONTRIBUTING.md | sort -u | while read -r _ target; do
  grep -qE "^$target:" Makefile || [[ $target == -* ]] || echo "make $target"; done)

# Each header compiles alone.
if [[ -f build/release/build.ninja ]]; then
  cmake --preset release -DCMAKE_VERIFY_INTERFACE_HEADER_SETS=ON >/dev/null
  for folder in support comm dataio evaluation monitoring drawing; do
    each 'header does not compile alone' < <(ninja -C build/release "${folder}_verify_interface_header_sets" 2>&1 | grep -E 'error:')
  done
fi
printf '%d finding(s)\n' "$findings"
[[ $findings -eq 0 ]]
