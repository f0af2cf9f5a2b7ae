#!/usr/bin/env bash
# `make demo-real`: the same on real photographs: VOC and COCO (small sets, as a check of the importers) and Corel5k (5,000
# photographs, 260 labels) as a training job. The data are read from CATAMARAN_TEST_DATA, by default ../shared/data.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${CATAMARAN_TEST_DATA:-../shared/data}
demo=build/demo-real
catamaran=build/release/bin/catamaran
step() { printf '\n== %s\n' "$*"; }
if [[ ! -d $data/corel5k ]]; then
  printf 'demo-real: no photographs in %s; set CATAMARAN_TEST_DATA to a folder with voc-mini, coco-mini and corel5k\n' "$data" >&2
  exit 2
fi

step "Packing"
pack() { [[ -d $demo/packs/$1 ]] || $catamaran pack "${@:2}" --out "$demo/packs/$1"; }
for split in trainval test; do pack "voc-$split" voc --root "$data/voc-mini/VOCdevkit/VOC2007" --split $split; done
for split in train2017 val2017; do
  pack "coco-$split" coco --images "$data/coco-mini/images/$split" --annotations "$data/coco-mini/annotations/instances_$split.json"
done
for split in train test; do
  pack "corel5k-$split" manifest --images "$data/corel5k" --manifest "$data/corel5k/$split.jsonl" --classes "$data/corel5k/classes.txt"
done
step "Checking"
$catamaran check --decode "$demo"/packs/voc-trainval "$demo"/packs/voc-test
$catamaran check --decode "$demo"/packs/coco-train2017 "$demo"/packs/coco-val2017
$catamaran check --decode "$demo"/packs/corel5k-train "$demo"/packs/corel5k-test

number=1
while [[ -e $demo/run-$number/finished ]]; do number=$((number + 1)); done
run=$demo/run-$number
step "Training on Corel5k with 2 ranks"
$catamaran train --config configs/corel5k.toml --run-dir "$run" --ranks 2
touch "$run/finished"
step "Evaluating, explaining, reporting"
$catamaran eval --checkpoint "$run" --data "$demo/packs/corel5k-test"
mapfile -t pictures < <(build/venv/bin/python -c 'import json,sys
for line in open(sys.argv[1] + "/test.jsonl").readlines()[:4]: print(sys.argv[1] + "/" + json.loads(line)["image"])' "$data/corel5k")
$catamaran explain --checkpoint "$run" "${pictures[@]}" --out "$run/explain"
$catamaran report "$run" --out "$demo/report.html"
printf '\nThe report is %s/report.html, the run is %s\n' "$demo" "$run"
