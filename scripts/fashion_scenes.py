#!/usr/bin/env python3
"""Makes the demo's data set: multi-label scenes of garments as ordinary JPEG files with COCO annotations.

usage: fashion_scenes.py OUT [--train 8000] [--test 1000] [--seed 1] [--csv]

Each scene is 64 x 64 px: one to three garments of 22 to 32 px from Fashion-MNIST (Debian package dataset-fashion-mnist),
tinted, in jittered cells of a 2 x 2 grid on a darkened random texture. OUT/train, OUT/test, OUT/train.json, OUT/test.json
appear complete or not at all; a scene depends on the seed and its number only. With --csv the labels are OUT/train.csv and OUT/test.csv
instead, as `catamaran pack manifest` reads them (docs/tutorial.md).
"""
import argparse
import gzip
import json
import multiprocessing
import os
import pathlib
import shutil
import sys

import numpy as np
from PIL import Image

SOURCE = pathlib.Path("/usr/share/datasets/fashion-mnist")
LABELS = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
SIZE = 64
CELL = SIZE // 2


def find_source():
    for folder in (SOURCE, pathlib.Path("/usr/share/dataset-fashion-mnist"), pathlib.Path("/usr/share/fashion-mnist")):
        if folder.is_dir():
            return folder
    found = list(pathlib.Path("/usr/share").glob("**/train-images-idx3-ubyte*"))
    if not found:
        sys.exit("fashion_scenes: Fashion-MNIST is missing; install the Debian package dataset-fashion-mnist")
    return found[0].parent


def read_idx(folder, name):
    path = next(folder.glob(name + "*"))
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        data = file.read()
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(dims)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def texture(random):
    """Smooth random colours, darkened so that garments stand out."""
    coarse = random.integers(0, 256, (int(random.integers(2, 9)),) * 2 + (3,), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((SIZE, SIZE), Image.BICUBIC), np.float32)
    noise = random.normal(0, 12, (SIZE, SIZE, 1)).astype(np.float32)
    return np.clip((smooth + noise) * random.uniform(0.15, 0.4), 0, 255)


def scene(random, images, labels):
    canvas = texture(random)
    boxes = []
    cells = random.permutation(4)[:random.integers(1, 4)]
    for cell in cells:
        which = int(random.integers(len(images)))
        side = int(random.integers(22, 33))
        garment = np.asarray(Image.fromarray(images[which]).resize((side, side), Image.BILINEAR), np.float32) / 255
        tint = random.uniform(0.45, 1.0, 3).astype(np.float32) * 255
        slack = CELL - side
        left = CELL * int(cell % 2) + int(random.integers(slack + 1))
        top = CELL * int(cell // 2) + int(random.integers(slack + 1))
        alpha = np.clip(garment * 3, 0, 1)[..., None]
        part = canvas[top:top + side, left:left + side]
        canvas[top:top + side, left:left + side] = part * (1 - alpha) + garment[..., None] * tint * alpha
        boxes.append((int(labels[which]), left, top, side))
    return Image.fromarray(canvas.astype(np.uint8)), boxes


def make_part(task):
    folder, split, seed, begin, end = task
    source = find_source()
    images = read_idx(source, f"{split}-images-idx3-ubyte")
    labels = read_idx(source, f"{split}-labels-idx1-ubyte")
    found = []
    for number in range(begin, end):
        random = np.random.default_rng([seed, split == "train", number])
        picture, boxes = scene(random, images, labels)
        picture.save(folder / f"{number:06d}.jpg", quality=90)
        found.append((number, boxes))
    return found


def coco_of(scenes):
    coco = {"info": {"description": "Catamaran demo scenes"}, "images": [], "annotations": [],
            "categories": [{"id": i + 1, "name": label} for i, label in enumerate(LABELS)]}
    for number, boxes in scenes:
        coco["images"].append({"id": number + 1, "file_name": f"{number:06d}.jpg", "width": SIZE, "height": SIZE})
        for label, left, top, side in boxes:
            coco["annotations"].append({"id": len(coco["annotations"]) + 1, "image_id": number + 1, "category_id": label + 1,
                                        "bbox": [left, top, side, side], "area": side * side, "iscrowd": 0})
    return json.dumps(coco)


def csv_of(scenes):
    lines = [f"{number:06d}.jpg,{';'.join(sorted({LABELS[label] for label, *_ in boxes}))}" for number, boxes in scenes]
    return "\n".join(["path,labels", *lines]) + "\n"


def make_split(out, name, split, count, seed, csv, workers):
    folder = out / name
    folder.mkdir(parents=True)
    step = 250
    tasks = [(folder, split, seed, begin, min(count, begin + step)) for begin in range(0, count, step)]
    scenes = []
    for part in workers.imap(make_part, tasks):
        scenes += part
        if sys.stderr.isatty():
            print(f"\r{name}: {len(scenes)}/{count} scenes", end="\n" if len(scenes) == count else "", file=sys.stderr, flush=True)
    if not sys.stderr.isatty():
        print(f"{name}: {count} scenes", file=sys.stderr)
    if csv:
        (out / f"{name}.csv").write_text(csv_of(scenes))
    else:
        (out / f"{name}.json").write_text(coco_of(scenes))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--train", type=int, default=8000)
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--csv", action="store_true", help="labels as CSV, not as COCO annotations")
    options = parser.parse_args()
    if options.out.exists():
        sys.exit(f"fashion_scenes: {options.out} exists already; delete it first")
    temporary = options.out.with_name(f".{options.out.name}.tmp.{os.getpid()}")
    temporary.mkdir(parents=True)
    try:
        with multiprocessing.Pool() as workers:
            make_split(temporary, "train", "train", options.train, options.seed, options.csv, workers)
            make_split(temporary, "test", "t10k", options.test, options.seed, options.csv, workers)
        temporary.rename(options.out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


if __name__ == "__main__":
    main()
