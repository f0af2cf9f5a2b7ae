#!/usr/bin/env bash
# usage: demo.sh [FOLDER]
# `make demo`: generated scenes -> packs -> a small CAT on two MPI ranks -> evaluation, pictures, report. Everything goes to
# FOLDER (build/demo); a run that was interrupted goes on from its newest checkpoint, a finished one is kept and a new one is made.
set -euo pipefail
cd "$(dirname "$0")/.."
demo=${1:-build/demo}
catamaran=build/release/bin/catamaran
started=$SECONDS
step() { printf '\n== %s\n' "$*"; }

if [[ ! -d $demo/data ]]; then
  step "Making 9,000 scenes of garments (about 20 s)"
  build/venv/bin/python scripts/fashion_scenes.py "$demo/data"
fi
for split in train test; do
  [[ -d $demo/packs/$split ]] || $catamaran pack coco --images "$demo/data/$split" --annotations "$demo/data/$split.json" \
    --name "garment scenes" --out "$demo/packs/$split"
done
step "Checking the packs"
$catamaran check "$demo/packs/train" "$demo/packs/test"

number=1
while [[ -e $demo/run-$number/finished ]]; do number=$((number + 1)); done
run=$demo/run-$number
step "Training a small CAT on 2 ranks (2 to 4 minutes on 2 cores)"
training=$SECONDS
$catamaran train --config configs/demo/cat.toml --set data.train="$demo/packs/train" --set data.eval="$demo/packs/test" \
  --run-dir "$run" --ranks 2
training=$((SECONDS - training))
touch "$run/finished"

step "Evaluating"
$catamaran eval --checkpoint "$run" --data "$demo/packs/test" --protocol all --per-class --out "$run/eval-all.json" --scores "$run/scores.h5"
step "Explaining the three pictures it does best on, and the three worst"
$catamaran explain --checkpoint "$run" --data "$demo/packs/test" --best 3 --worst 3 --scores "$run/scores.h5" --out "$run/explain"
step "Writing the report"
$catamaran report "$run" --out "$demo/report.html"

map=$(build/venv/bin/python -c 'import json,sys; print("%.1f" % (100 * json.load(open(sys.argv[1]))[0]["map"]))' "$run/eval-all.json")
cat <<END

Done in $((SECONDS - started)) s, of which training $training s: mAP $map on 1,000 test scenes.
  report       $demo/report.html   (open it in a browser)
  run          $run   (metrics.jsonl, eval/, checkpoints/, manifest.json)
  pictures     $run/explain/*.sheet.png   (where the model looks, six scenes)
  metrics      $(cat "$run/metrics-address.txt") while it trained (Prometheus)
  try next     $catamaran predict --checkpoint $run $demo/data/test/*07.jpg   (labels of ten test scenes)
END
