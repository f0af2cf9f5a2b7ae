"""What the benchmarks share: pictures, packs, quiet runs of catamaran, the command line, the file of results."""
import argparse
import json
import os
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = pathlib.Path(os.environ.get("CATAMARAN_BIN", ROOT / "build/release/bin/catamaran"))


def make_pictures(folder, size, images):
    """Random smooth pictures of the input's size: 0000.jpg, 0001.jpg, ..."""
    import numpy as np
    from PIL import Image
    random = np.random.default_rng(1)
    folder.mkdir()
    for i in range(images):
        coarse = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((size, size), Image.BICUBIC).save(folder / f"{i:04d}.jpg", quality=90)


def make_pack(pictures, labels, out):
    """labels: of picture 0, 1, ...; each class must occur."""
    manifest = out.with_suffix(".jsonl")
    manifest.write_text("".join(json.dumps({"image": f"{i:04d}.jpg", "labels": names}) + "\n" for i, names in enumerate(labels)))
    subprocess.run([BINARY, "pack", "manifest", "--images", pictures, "--manifest", manifest, "--out", out], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return out


def train_command(settings, run):
    config = run.parent / "empty.toml"
    config.touch()
    return [str(BINARY), "train", "--config", str(config), *[part for setting in settings for part in ("--set", setting)], "--run-dir", str(run)]


def arguments(page, cases):
    parser = argparse.ArgumentParser(description=page, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", action="append", choices=cases)
    parser.add_argument("--peer", type=json.loads, help=argparse.SUPPRESS)
    return parser.parse_args()


def write_results(name, results):
    out = ROOT / "build/bench"
    out.mkdir(parents=True, exist_ok=True)
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "system": platform.platform()}
    (out / name).write_text(json.dumps({"machine": machine, "cases": results}, indent=2) + "\n")
