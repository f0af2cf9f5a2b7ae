#!/usr/bin/env bash
# `make lint`: the rules that matter, one line per finding, exit 1 when there is any. About 12 minutes the first time on two cores,
# most of it clang-tidy and headers; what did not change is not compiled again.
#   BASE=COMMIT   files of model/ and trainer/ that differ from COMMIT go through clang-tidy (HEAD~): LibTorch's headers cost it more
#                 than a minute a file. BASE=all: every file of them.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
findings=0
found() { printf '%s\n' "$*"; findings=$((findings + 1)); }
each() { while IFS= read -r line; do [[ -n $line ]] && found "$1: $line"; done; }
say() { printf 'lint: %s\n' "$*" >&2; }

folders=(support comm dataio evaluation monitoring drawing model trainer launch)
jobs=${JOBS:-$(nproc)}
mapfile -t sources < <(git ls-files '*.h' '*.cpp')
mapfile -t headers < <(git ls-files '*.h')
for program in clang-format-14 clang-tidy-14 shellcheck cmake ninja; do
  command -v "$program" >/dev/null || found "$program is missing: scripts/setup.sh base test lint"
done
[[ -e build/venv ]] || found 'build/venv is missing: scripts/setup.sh base test lint'

# Format, with one pinned version.
each 'not formatted (make format)' < <(for f in "${sources[@]}"; do clang-format-14 --dry-run -Werror "$f" >/dev/null 2>&1 || echo "$f"; done)

# Arrows between folders: what each may include.
declare -A sees=(
  [support]='support' [comm]='comm support' [dataio]='dataio support' [model]='model support' [evaluation]='evaluation support'
  [monitoring]='monitoring evaluation drawing support' [drawing]='drawing support'
  [trainer]='trainer model dataio comm evaluation monitoring drawing support'
  [launch]='launch trainer model dataio drawing comm evaluation monitoring support')
for folder in "${folders[@]}"; do
  allowed=${sees[$folder]// /|}
  each "folder arrow" < <(grep -nE '#include "[a-z]+/' "$folder"/*.h "$folder"/*.cpp 2>/dev/null | grep -vE "#include \"($allowed)/")
done
each 'include upwards' < <(grep -nE '#include "\.\./' "${sources[@]}")
each 'torch outside model/ and trainer/' < <(grep -nE '#include <(torch|ATen|c10)/' support/* comm/* dataio/* evaluation/* monitoring/* drawing/* launch/* 2>/dev/null)

# Shape of files.
each 'more than 400 lines' < <(wc -l "${sources[@]}" | awk '$1 > 400 && $2 != "total" {print $2 ": " $1}')
each 'header without an opening comment' < <(for h in "${headers[@]}"; do head -1 "$h" | grep -q '^//' || echo "$h"; done)
each 'prints or exits below launch/' < <(grep -nE 'std::cout|std::printf|std::puts|[^_a-z]exit\(|std::abort' support/*.cpp comm/*.cpp dataio/*.cpp model/*.cpp evaluation/*.cpp monitoring/*.cpp drawing/*.cpp trainer/*.cpp | grep -vE '_exit\(')
# What a run writes down of itself has nothing of the environment, where secrets are: few files read it, a variable at a time.
each 'reads the environment' < <(grep -nE 'getenv|\benviron\b' "${sources[@]}" | grep -vE '^[a-z]+/[a-z_.]+:[0-9]+: *//' | grep -vE '^(bench|tests|comm/launcher|comm/mpi_session|support/environment|support/memory_state|support/terminal|launch/(command_train|program_output|scratch_folder|version))')
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
each 'a page names a path that is not there' < <(python3 scripts/page_paths.py CONTRIBUTING.md docs/architecture.md docs/tutorial.md README.md 2>&1)
each 'the table of faults is old' < <(python3 scripts/fault_table.py --check 2>&1)
each 'a page names a make target that is not there' < <(grep -ohE '(`|^    |\| )make [a-z-]+' README.md CONTRIBUTING.md | sed -E 's/^[^m]*//' | sort -u | while read -r _ target; do
  grep -qE "^$target:" Makefile || [[ $target == -* ]] || echo "make $target"; done)

# Each header compiles alone, and clang-tidy reads what the compiler reads: without precompiled headers, which would lend a file what
# it forgot to include.
mkdir -p build
if ! cmake --preset lint >build/cmake-lint.log 2>&1; then
  found "cmake --preset lint failed: build/cmake-lint.log"
else
  say 'every header alone'
  ninja -C build/lint -k 0 -j "$jobs" all_verify_interface_header_sets >build/lint-headers.log 2>&1
  code=$?
  [[ $code -eq 0 ]] || found "header does not compile alone: ninja ended with code $code (build/lint-headers.log)"
  each 'header does not compile alone' < <(grep -E '(error|fatal error):' build/lint-headers.log)
  for folder in "${folders[@]}"; do
    ninja -C build/lint -t query "${folder}_verify_interface_header_sets" >/dev/null 2>&1 || found "headers of $folder/ are not checked: no target in build/lint"
  done

  base=${BASE:-HEAD~}
  tidy=()
  for folder in support comm dataio evaluation monitoring drawing launch; do tidy+=("$folder"/*.cpp); done
  if [[ $base == all ]]; then
    tidy+=(model/*.cpp trainer/*.cpp)
  elif ! git rev-parse -q --verify "$base^{commit}" >/dev/null; then
    found "clang-tidy: $base is no commit here: give BASE=COMMIT or BASE=all"
  else
    mapfile -t changed < <(git diff --name-only "$base" -- model trainer | sed 's/\.h$/.cpp/' | sort -u)
    for file in "${changed[@]}"; do [[ -f $file ]] && tidy+=("$file"); done
    say "clang-tidy: of model/ and trainer/ only what differs from $base (BASE=all: everything)"
  fi
  say "clang-tidy: ${#tidy[@]} files"
  # GCC's own warning options are not clang's business, and its warnings are findings only where .clang-tidy asks for them.
  printf '%s\0' "${tidy[@]}" | xargs -0 -n 1 -P "$jobs" clang-tidy-14 -p build/lint --quiet --extra-arg=-Wno-unknown-warning-option \
    --extra-arg=-Wno-error >build/lint-tidy.log 2>&1
  code=$?
  each clang-tidy < <(grep -E '(error|warning):' build/lint-tidy.log | sort -u)
  if [[ $code -ne 0 ]] && ! grep -qE '(error|warning):' build/lint-tidy.log; then found "clang-tidy ended with code $code (build/lint-tidy.log)"; fi
fi
printf '%d finding(s)\n' "$findings"
[[ $findings -eq 0 ]]
