#!/usr/bin/env bash
# Runs each fuzz target of build/fuzz for some seconds, one after the other, from its seeds and what earlier runs found
# (build/fuzz/corpus). What breaks a reader is kept in build/fuzz/findings, and its file is named.
#   usage: scripts/fuzz.sh SECONDS_EACH [TARGET...]      targets: coco, jpeg, manifest, pack; default: all
set -euo pipefail
cd "$(dirname "$0")/../build/fuzz"
seconds=${1:?usage: scripts/fuzz.sh SECONDS_EACH [TARGET...]}
shift
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  for program in bin/fuzz_*; do targets+=("${program#bin/fuzz_}"); done
fi

failed=0
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "findings/$target"
  printf 'fuzz: %s for %s s\n' "$target" "$seconds" >&2
  # A file of 64 KiB at most may take 10 s, 1 GiB in all, and 512 MiB at once.
  leaks=1
  [[ $target != pack ]] || leaks=0 # libhdf5 loses some bytes of its own for each damaged file that it refuses
  if ! "bin/fuzz_$target" "corpus/$target" "seeds/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
    -malloc_limit_mb=512 -max_len=65536 -detect_leaks="$leaks" -artifact_prefix="findings/$target/" >"$target.log" 2>&1; then
    tail -40 "$target.log" >&2
    failed=1
  fi
  tail -1 "$target.log" >&2
done
exit "$failed"
