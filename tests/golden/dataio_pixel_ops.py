"""What torchvision makes of pictures with each operation of RandAugment and ColorJitter. usage: dataio_pixel_ops.py OUT_DIR

OUT_DIR/pixel_ops/cases.json: [{"op", "value", "height", "width", "before", "after"}], files of raw RGB beside it.
"""
import json
import pathlib
import sys

import numpy as np
from PIL import Image
from torchvision.transforms import InterpolationMode, v2

random = np.random.default_rng(20260101)


def pictures():
    yield "noise", random.integers(0, 256, (37, 53, 3), dtype=np.uint8)
    coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    yield "smooth", np.asarray(Image.fromarray(coarse).resize((96, 96), Image.BICUBIC))
    yield "dark", (np.asarray(Image.fromarray(coarse).resize((64, 48), Image.BICUBIC)) // 5 + 20).astype(np.uint8)
    yield "flat", np.full((16, 16, 3), 77, np.uint8)
    yield "two", np.where(random.random((20, 31, 1)) < 0.5, np.uint8([[[3, 200, 9]]]), np.uint8([[[250, 17, 90]]])).astype(np.uint8)
    yield "large", np.asarray(Image.fromarray(random.integers(0, 256, (9, 9, 3), dtype=np.uint8)).resize((224, 224), Image.BILINEAR))


def cases(width, height):
    space = v2.RandAugment._AUGMENTATION_SPACE
    for name, (magnitudes, signed) in space.items():
        values = magnitudes(31, height, width)
        if values is None:
            yield name, 0.0
            continue
        for at in (0, 3, 9, 16, 30):
            value = float(values[at])
            yield name, value
            if signed:
                yield name, -value
    for value in (-0.5, -0.31, -0.1, 0.0, 0.05, 0.25, 0.5):
        yield "Hue", value


def apply(image, name, value):
    if name == "Hue":
        return v2.functional.adjust_hue(image, value)
    return v2.RandAugment()._apply_image_or_video_transform(image, name, value, interpolation=InterpolationMode.NEAREST, fill={})


def main():
    out = pathlib.Path(sys.argv[1]) / "pixel_ops"
    out.mkdir(parents=True, exist_ok=True)
    listed = []
    for picture, pixels in pictures():
        height, width, _ = pixels.shape
        (out / f"{picture}.rgb").write_bytes(pixels.tobytes())
        for number, (name, value) in enumerate(cases(width, height)):
            after = f"{picture}-{number}-{name}.rgb"
            (out / after).write_bytes(np.asarray(apply(Image.fromarray(pixels), name, value)).tobytes())
            listed.append({"op": name, "value": value, "height": height, "width": width, "before": f"{picture}.rgb", "after": after})
    (out / "cases.json").write_text(json.dumps(listed))


main()
