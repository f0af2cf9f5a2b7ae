"""What torchvision crops, resizes and draws when it is given the same random numbers. usage: dataio_augment.py OUT_DIR

OUT_DIR/augment/cases.json: "random_resized": boxes; "center": squares of pictures (raw RGB beside it); "rand_augment": values of
each operation by magnitude; "cutout": rectangles as PIL draws them.
"""
import io
import json
import math
import pathlib
import random
import sys

import numpy as np
import torch
from PIL import Image, ImageDraw
from torchvision.transforms import v2

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from philox import Stream

AUGMENT = 2  # purpose of the stream


class Number(float):
    def item(self):
        return float(self)


class FakeTorch:
    """As much of torch as RandomResizedCrop uses, its random numbers from a stream."""

    def __init__(self, stream):
        self.stream = stream

    def empty(self, _):
        return self

    def uniform_(self, low, high):
        return Number(float(low) + (float(high) - float(low)) * self.stream.uniform())

    def exp(self, x):
        return Number(math.exp(x))

    def randint(self, low, high, size):
        assert low == 0
        return Number(self.stream.below(high))

    def __getattr__(self, name):
        return getattr(torch, name)


def random_resized():
    from torchvision.transforms.v2 import _geometry
    choose = random.Random(5)
    for index in range(400):
        height, width = choose.choice([(480, 640), (375, 500), (20, 900), (900, 31), (7, 5), (1, 1), (427, 640)])
        area, ratio = choose.choice([([0.08, 1.0], [0.75, 4 / 3]), ([0.7, 1.0], [0.75, 4 / 3]), ([0.9, 1.0], [1.0, 1.0]), ([0.01, 0.02], [0.2, 5.0])])
        seed, epoch = choose.randrange(2**40), choose.randrange(100)
        stream = Stream(seed, AUGMENT, epoch, index)
        stream.below(2)  # the mirror
        crop = v2.RandomResizedCrop(224, scale=area, ratio=ratio)
        crop._log_ratio = [math.log(r) for r in ratio]
        _geometry.torch = FakeTorch(stream)
        params = crop.make_params([Image.new("RGB", (width, height))])
        _geometry.torch = torch
        box = [int(params["left"]), int(params["top"]), int(params["left"] + params["width"]), int(params["top"] + params["height"])]
        yield {"height": height, "width": width, "area": area, "ratio": ratio, "seed": seed, "epoch": epoch, "index": index, "box": box}


def center(out):
    numbers = np.random.default_rng(9)
    for index, (height, width, shorter, size) in enumerate([(90, 120, 64, 56), (120, 90, 64, 64), (75, 75, 60, 48), (61, 200, 40, 33), (300, 211, 256, 224),
                                                            (40, 52, 80, 71), (64, 64, 64, 32), (33, 47, 33, 20)]):
        picture = Image.fromarray(numbers.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=92)
        (out / f"center-{index}.jpg").write_bytes(file.getvalue())
        square = v2.CenterCrop(size)(v2.Resize(shorter)(Image.open(file).convert("RGB")))
        (out / f"center-{index}.rgb").write_bytes(np.asarray(square).tobytes())
        yield {"file": f"center-{index}", "shorter": shorter, "size": size}


def rand_augment():
    for name, (magnitudes, signed) in v2.RandAugment._AUGMENTATION_SPACE.items():
        values = magnitudes(31, 224, 160)
        yield {"op": name, "values": [0.0] * 31 if values is None else [float(v) for v in values], "signed": signed}


def cutout():
    choose = random.Random(3)
    for _ in range(100):
        height, width = choose.choice([(224, 224), (33, 50), (448, 448), (1, 9)])
        share = choose.choice([0.5, 0.3, 0.01, 1.0])
        y, x = choose.randrange(height), choose.randrange(width)
        h, w = int(share * height + 0.5), int(share * width + 0.5)
        corners = [int(np.clip(x - w // 2, 0, width)), int(np.clip(y - h // 2, 0, height)), int(np.clip(x + w // 2, 0, width)), int(np.clip(y + h // 2, 0, height))]
        image = Image.new("L", (width, height))
        ImageDraw.Draw(image).rectangle(corners, fill=255)
        left, top, right, bottom = image.getbbox()
        yield {"share": share, "height": height, "width": width, "x": x, "y": y, "rectangle": [left, top, right, bottom]}


def main():
    out = pathlib.Path(sys.argv[1]) / "augment"
    out.mkdir(parents=True, exist_ok=True)
    cases = {"random_resized": list(random_resized()), "center": list(center(out)), "rand_augment": list(rand_augment()), "cutout": list(cutout())}
    (out / "cases.json").write_text(json.dumps(cases))


main()
