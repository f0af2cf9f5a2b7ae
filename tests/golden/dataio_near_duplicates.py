"""pHash of pictures by PIL, numpy and scipy, as imagehash defines it. usage: dataio_near_duplicates.py OUT_DIR

OUT_DIR/near/cases.json: [{"file", "hash"}], raw 32 x 32 RGB beside it; the first four are versions of one picture.
"""
import io
import json
import pathlib
import sys

import numpy as np
from PIL import Image
from scipy.fft import dct

SIDE = 32


def perceptual_hash(rgb):
    gray = np.asarray(Image.fromarray(rgb).convert("L")).astype(np.float64)
    low = dct(dct(gray, axis=0), axis=1)[:8, :8]
    low[np.abs(low) < 1e-6] = 0
    bits = (low > np.median(low)).ravel()
    return sum(1 << i for i, bit in enumerate(bits) if bit)


def versions(image):
    yield image
    file = io.BytesIO()
    image.save(file, "JPEG", quality=50)
    yield Image.open(file)
    yield image.resize((image.width // 2, image.height // 2), Image.BICUBIC)
    yield image.transpose(Image.FLIP_LEFT_RIGHT)


def pictures():
    random = np.random.default_rng(4)
    for _ in range(12):
        coarse = random.integers(0, 256, (9, 9, 3), dtype=np.uint8)
        yield Image.fromarray(coarse).resize((300, 220), Image.BICUBIC)


def main():
    out = pathlib.Path(sys.argv[1]) / "near"
    out.mkdir(parents=True, exist_ok=True)
    squares = []
    for number, image in enumerate(pictures()):
        for version in versions(image) if number == 0 else [image]:
            squares.append(np.asarray(version.convert("RGB").resize((SIDE, SIDE), Image.BILINEAR)))
    squares.append(np.full((SIDE, SIDE, 3), 130, np.uint8))
    cases = []
    for number, square in enumerate(squares):
        (out / f"{number}.rgb").write_bytes(square.tobytes())
        cases.append({"file": f"{number}.rgb", "hash": f"{perceptual_hash(square):016x}"})
    (out / "cases.json").write_text(json.dumps(cases))


main()
