#!/usr/bin/env bash
# Runs each fuzz target of build/fuzz for some seconds, JOBS at once (2), from its seeds and what earlier runs found
# (build/fuzz/corpus). What breaks a reader is kept in build/fuzz/findings, and its file is named.
#   usage: scripts/fuzz.sh SECONDS_EACH [TARGET...]      targets: those of tests/fuzz/fuzz_TARGET.cpp; default: all
set -euo pipefail
cd "$(dirname "$0")/../build/fuzz"
seconds=${1:?usage: scripts/fuzz.sh SECONDS_EACH [TARGET...]}
shift
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  for program in bin/fuzz_*; do targets+=("${program#bin/fuzz_}"); done
fi

declare -A target_of=() # by process
failed=0
trap 'kill "${!target_of[@]}" 2>/dev/null || true' EXIT

start() {
  local target=$1 leaks=1
  mkdir -p "corpus/$target" "findings/$target"
  printf 'fuzz: %s for %s s\n' "$target" "$seconds" >&2
  [[ $target != pack ]] || leaks=0 # libhdf5 loses some bytes of its own for each damaged file that it refuses
  # A file of 64 KiB at most may take 10 s, 1 GiB in all, and 512 MiB at once.
  "bin/fuzz_$target" "corpus/$target" "seeds/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -malloc_limit_mb=512 -max_len=65536 -detect_leaks="$leaks" -artifact_prefix="findings/$target/" >"$target.log" 2>&1 &
  target_of[$!]=$target
}

wait_for_one() {
  local ended code=0 target
  wait -n -p ended "${!target_of[@]}" || code=$?
  target=${target_of[$ended]}
  unset "target_of[$ended]"
  if [[ $code -ne 0 ]]; then
    tail -40 "$target.log" >&2
    failed=1
  fi
  printf 'fuzz: %s: %s\n' "$target" "$(tail -1 "$target.log")" >&2
}

for target in "${targets[@]}"; do
  [[ ${#target_of[@]} -lt ${JOBS:-2} ]] || wait_for_one
  start "$target"
done
while [[ ${#target_of[@]} -gt 0 ]]; do wait_for_one; done
exit "$failed"
