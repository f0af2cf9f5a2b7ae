#!/usr/bin/env bash
# `make same-loss`: bit-identical losses over 20 steps of the demo's model, between BASE (a commit, HEAD~ by default) and the
# working tree: the proof that a change left the arithmetic alone.
set -euo pipefail
cd "$(dirname "$0")/.."
base=$(git rev-parse --short=12 "${BASE:-HEAD~}")
work=$PWD/build/same-loss
mkdir -p "$work"
if [[ ! -d build/demo/data ]]; then build/venv/bin/python scripts/fashion_scenes.py build/demo/data; fi
if [[ ! -d build/demo/packs/train ]]; then
  build/release/bin/catamaran pack coco --images build/demo/data/train --annotations build/demo/data/train.json --out build/demo/packs/train
fi
if [[ ! -x $work/$base/build/release/bin/catamaran ]]; then
  echo "same-loss: building $base beside the working tree (minutes)" >&2
  [[ -d $work/$base ]] || git worktree add --detach "$work/$base" "$base" >/dev/null
  mkdir -p "$work/$base/build"
  ln -sfn "$(readlink build/venv)" "$work/$base/build/venv"
  (cd "$work/$base" && cmake --preset release -DBUILD_TESTING=OFF >/dev/null && ninja -C build/release catamaran >/dev/null)
fi
losses() {
  rm -rf "$work/run"
  "$1" train --config configs/demo/cat.toml --set schedule.max_steps=20 --set comm.threads_per_rank=1 --set data.eval= \
    --set monitoring.enabled=false --run-dir "$work/run" 2>/dev/null
  build/venv/bin/python -c 'import json,sys; [print(repr(json.loads(l)["loss"])) for l in open(sys.argv[1])]' "$work/run/metrics.jsonl"
}
losses "$work/$base/build/release/bin/catamaran" >"$work/before"
losses build/release/bin/catamaran >"$work/after"
if diff "$work/before" "$work/after" >"$work/difference"; then
  echo "same-loss: 20 losses are bit-identical to $base"
else
  echo "same-loss: the losses differ from $base (left: before, right: after):" >&2
  paste "$work/before" "$work/after" >&2
  exit 1
fi
