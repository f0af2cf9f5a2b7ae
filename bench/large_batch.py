#!/usr/bin/env python3
"""How well the demo's small CAT trains at large batch: SGD, LARS and LAMB at global batches of 32 to 2048, by the usual scaling rules.

usage: large_batch.py [--batches 32 128 512 2048] [--optimizers sgd lars lamb] [--seeds 1 2 3] [--epochs 4]

Every run sees the same pictures as often, from nothing, with 2 ranks; batches above 64 are accumulated from parts of 32 pictures, so batch
norm's statistics are those of 32 pictures everywhere (Goyal et al. 2017). The learning rate is tuned at 32 and scaled to the batch: linearly
with SGD and LARS, with its root for LAMB (You et al. 2020); a quarter of the pictures warm it up, then a cosine. The average of the
weights is off. Prints mAP on the 1,000 test scenes, writes build/large-batch/results.{json,md} and results.svg. Broken off and started
again it goes on: runs that are done are kept. Exit codes: 0 done; else that of the program that failed.
"""
import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys

from common import BINARY, ROOT

WORK = ROOT / "build/large-batch"
IMAGES = 8000
BASE_BATCH = 32
RULES = {  # scaling rule, settings; the rates were tuned at a batch of 32
    "sgd": ("linear", ["optimizer.learning_rate=0.3", "optimizer.momentum=0.9", "optimizer.nesterov=true", "optimizer.weight_decay=1e-4", "clip.max_norm=0.5"]),
    "lars": ("linear", ["optimizer.learning_rate=0.1", "optimizer.momentum=0.9", "optimizer.trust_coefficient=0.01", "optimizer.weight_decay=1e-4", "clip.max_norm=0.5"]),
    "lamb": ("sqrt", ["optimizer.learning_rate=4e-3", "optimizer.epsilon=1e-6", "optimizer.weight_decay=1e-2", "clip.max_norm=0.5"]),
}
COLOURS = {"sgd": "#0072b2", "lars": "#d55e00", "lamb": "#009e73"}


def run(*words):
    code = subprocess.run([str(word) for word in words], cwd=ROOT).returncode
    if code != 0:
        sys.exit(code)


def packs():
    if not (WORK / "data/test.json").exists():
        run(sys.executable, "scripts/fashion_scenes.py", WORK / "data")
    for split in ("train", "test"):
        if not (WORK / "packs" / split).exists():
            run(BINARY, "pack", "coco", "--images", WORK / "data" / split, "--annotations", WORK / f"data/{split}.json", "--out", WORK / "packs" / split)


def train(optimizer, batch, seed, epochs):
    """mAP in percent of a run, which is made if it is not there."""
    folder = WORK / f"{optimizer}-b{batch}-seed{seed}-epochs{epochs}"
    result = folder.with_suffix(".json")
    if not result.exists():
        rule, settings = RULES[optimizer]
        shutil.rmtree(folder, ignore_errors=True)
        settings = [*settings, f"optimizer.name={optimizer}", f"optimizer.scaling={rule}", f"optimizer.base_batch={BASE_BATCH}", f"batch.global={batch}",
                    f"batch.per_device={min(32, batch // 2)}", f"run.seed={seed}", "schedule.name=cosine", f"schedule.epochs={epochs}",
                    f"schedule.warmup_images={epochs * IMAGES // 4}", f"data.train={WORK}/packs/train", f"data.eval={WORK}/packs/test",
                    "evaluate.every_epochs=0", "checkpoint.every_epochs=0", "monitoring.enabled=false"]
        run(BINARY, "train", "--config", "configs/demo/cat.toml", *[part for setting in settings for part in ("--set", setting)], "--run-dir", folder, "--ranks", 2)
        found = json.loads(max((folder / "eval").glob("*.json")).read_text())
        result.write_text(json.dumps({"optimizer": optimizer, "batch": batch, "seed": seed, "epochs": epochs, "map": 100 * found["map"]}) + "\n")
        shutil.rmtree(folder)
    return json.loads(result.read_text())


def by_cell(results):
    cells = {}
    for result in results:
        cells.setdefault((result["optimizer"], result["batch"]), []).append(result["map"])
    return cells


def table(results):
    cells = by_cell(results)
    batches = sorted({batch for _, batch in cells})
    lines = ["| optimizer | rule | " + " | ".join(f"batch {batch}" for batch in batches) + " |", "|---" * (2 + len(batches)) + "|"]
    for optimizer in dict.fromkeys(name for name, _ in cells):
        shown = []
        for batch in batches:
            maps = cells.get((optimizer, batch), [])
            spread = f" ± {statistics.stdev(maps):.1f}" if len(maps) > 1 else ""
            shown.append(f"{statistics.mean(maps):.1f}{spread}" if maps else "")
        lines.append(f"| {optimizer} | {RULES[optimizer][0]} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def plot(results):
    """Mean and range over seeds against the batch, as SVG."""
    cells = by_cell(results)
    batches = sorted({batch for _, batch in cells})
    left, right, top, bottom = 60, 560, 34, 320
    low, high = math.log2(batches[0]), max(math.log2(batches[-1]), math.log2(batches[0]) + 1)

    def x(batch):
        return left + (math.log2(batch) - low) / (high - low) * (right - left)

    def y(value):
        return bottom - value / 100 * (bottom - top)

    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="660" height="370" font-family="sans-serif" font-size="13">', '<rect width="660" height="370" fill="white"/>']
    for value in range(0, 101, 20):
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/><text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>')
    for batch in batches:
        parts.append(f'<text x="{x(batch):.1f}" y="{bottom + 20}" text-anchor="middle">{batch}</text>')
    parts.append(f'<text x="{(left + right) / 2}" y="{bottom + 42}" text-anchor="middle">global batch</text><text x="14" y="{top - 18}">mAP, %</text>')
    for number, optimizer in enumerate(dict.fromkeys(name for name, _ in cells)):
        colour = COLOURS[optimizer]
        mine = [(batch, cells[optimizer, batch]) for batch in batches if (optimizer, batch) in cells]
        points = " ".join(f"{x(batch):.1f},{y(statistics.mean(maps)):.1f}" for batch, maps in mine)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for batch, maps in mine:
            parts.append(f'<line x1="{x(batch):.1f}" x2="{x(batch):.1f}" y1="{y(min(maps)):.1f}" y2="{y(max(maps)):.1f}" stroke="{colour}"/>'
                         f'<circle cx="{x(batch):.1f}" cy="{y(statistics.mean(maps)):.1f}" r="3.5" fill="{colour}"/>')
        parts.append(f'<line x1="{right + 15}" x2="{right + 35}" y1="{top + 20 * number + 10}" y2="{top + 20 * number + 10}" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{right + 41}" y="{top + 20 * number + 14}">{optimizer}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 128, 512, 2048])
    parser.add_argument("--optimizers", nargs="+", default=list(RULES), choices=list(RULES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=4)
    given = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    packs()
    results = []
    for seed in given.seeds:
        for batch in given.batches:
            for optimizer in given.optimizers:
                results.append(train(optimizer, batch, seed, given.epochs))
                (WORK / "results.json").write_text(json.dumps(results, indent=2) + "\n")
                (WORK / "results.md").write_text(table(results))
                (WORK / "results.svg").write_text(plot(results))
        print(table(results), flush=True)


if __name__ == "__main__":
    main()
