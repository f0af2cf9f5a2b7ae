"""Golden values of decode and resize, from PIL.

python dataio_image.py OUT_DIR writes OUT_DIR/image/: JPEG files, cases.json and, for each case, the bytes that
Image.open(f).convert("RGB").resize((S, S), BILINEAR, box) gives. Photographs come from CATAMARAN_TEST_DATA where they are.
"""
import io
import json
import os
import pathlib
import random
import sys
import warnings

import numpy
from PIL import Image, ImageOps

BASE_SIZES = [(1, 1), (1, 40), (37, 1), (2, 3), (7, 5), (16, 16), (17, 31), (64, 48), (99, 101), (160, 120), (90, 200), (61, 97), (333, 250)]
PHOTOGRAPHS = {
    "voc-mini/VOCdevkit/VOC2007/JPEGImages": 6,
    "coco-mini/images/train2017": 5,
    "coco-mini/images/val2017": 2,
    "corel5k/images": 4,
}


def picture(rng, width, height):
    """Smooth waves with noise and hard edges: every frequency that a JPEG keeps."""
    y, x = numpy.mgrid[0:height, 0:width]
    channels = []
    for _ in range(3):
        fx, fy, phase = rng.uniform(0.01, 0.6), rng.uniform(0.01, 0.6), rng.uniform(0, 6)
        wave = 127 + 110 * numpy.sin(fx * x + fy * y + phase)
        wave[(x // rng.randint(3, 40) + y // rng.randint(3, 40)) % 5 == 0] = rng.randint(0, 255)
        channels.append(wave)
    noise = numpy.random.default_rng(rng.getrandbits(32)).normal(0, 12, (height, width, 3))
    return Image.fromarray(numpy.clip(numpy.stack(channels, 2) + noise, 0, 255).astype(numpy.uint8))


def encoded(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def with_orientation(image, value):
    exif = Image.Exif()
    exif[0x0112] = value
    return encoded(image, quality=90, exif=exif)


def as_ycck(cmyk_jpeg):
    """The same coefficients, read as YCCK: the Adobe marker's transform byte is 2."""
    at = cmyk_jpeg.index(b"Adobe") + 11
    return cmyk_jpeg[:at] + b"\x02" + cmyk_jpeg[at + 1 :]


def generated(rng):
    for width, height in BASE_SIZES:
        image = picture(rng, width, height)
        for subsampling, name in enumerate(["444", "422", "420"]):
            yield f"made-{width}x{height}-{name}", encoded(image, quality=rng.randint(60, 98), subsampling=subsampling)
    image = picture(rng, 213, 157)
    for name, options in {
        "progressive": {"progressive": True, "subsampling": 2},
        "progressive-444": {"progressive": True, "subsampling": 0},
        "restarts": {"restart_marker_blocks": 3},
        "restarts-420": {"restart_marker_rows": 1, "subsampling": 2},
        "quality-5": {"quality": 5},
        "quality-100": {"quality": 100},
        "rgb": {"keep_rgb": True},
    }.items():
        yield f"made-{name}", encoded(image, **options)
    yield "made-gray", encoded(image.convert("L"), quality=88)
    yield "made-gray-progressive", encoded(image.convert("L"), progressive=True)
    cmyk = Image.merge("CMYK", [*image.split(), ImageOps.invert(picture(rng, 213, 157).convert("L"))])
    yield "made-cmyk", encoded(cmyk, quality=92)
    yield "made-cmyk-progressive", encoded(cmyk, progressive=True, subsampling=2)
    yield "made-ycck", as_ycck(encoded(cmyk, quality=92))
    for value in (3, 6):
        yield f"made-orientation-{value}", with_orientation(image, value)
    yield "made-trailing-bytes", encoded(image) + b"\0\xff\xd8 anything after the end"


def photographs(rng):
    default = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"
    root = pathlib.Path(os.environ.get("CATAMARAN_TEST_DATA", default))
    for folder, count in PHOTOGRAPHS.items():
        files = sorted((root / folder).glob("*.jp*g"))
        chosen = rng.sample(files, min(count, len(files)))
        chosen += [f for f in files if f.name == "000000000086.jpg" and f not in chosen]  # grayscale
        for file in chosen:
            yield f"photo-{file.stem}", file.read_bytes()


def random_side(rng, length):
    """Two ends of a box in a side: whole, on pixels, in fractions, or thin."""
    kind = rng.randrange(4)
    if kind == 0:
        return 0, length
    if kind == 1:
        low = rng.randrange(length)
        return low, rng.randint(low + 1, length)
    if kind == 2:
        low = rng.uniform(0, length * 0.6)
        return low, rng.uniform(low + length * 0.3, length)
    low = rng.uniform(0, length * 0.9)
    return low, min(low + rng.uniform(0.05, 2), float(length))


def cases_of(rng, name, jpeg):
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    width, height = image.size
    yield [0, 0, width, height], rng.choice([448, 224, 64]) if name.startswith("photo") else rng.randint(1, 80), image
    for _ in range(12):
        left, right = random_side(rng, width)
        top, bottom = random_side(rng, height)
        yield [left, top, right, bottom], rng.choice([1, 2, 3, 5, 8, 17, 32, 63, 64, 96, 129]), image
    # As many pixels as before, in both directions, in one of them, and half a pixel aside.
    size = rng.randint(1, min(width, height))
    left, top = rng.randint(0, width - size), rng.randint(0, height - size)
    yield [left, top, left + size, top + size], size, image
    yield [left, 0, left + size, height], size, image
    yield [0, top, width, top + size], size, image
    if left >= 1:
        yield [left - 0.5, top, left - 0.5 + size, top + size], size, image


def pil_takes(jpeg):
    try:
        Image.open(io.BytesIO(jpeg)).convert("RGB")
        return True
    except OSError:  # UnidentifiedImageError is one
        return False


def damaged(rng):
    image = picture(rng, 120, 90)
    for name, jpeg in {
        "baseline": encoded(image, subsampling=2),
        "progressive": encoded(image, progressive=True),
    }.items():
        for cut in [0, 1, 2, 3, 20, 100, 300, len(jpeg) // 2, len(jpeg) - 200, len(jpeg) - 3, len(jpeg) - 2, len(jpeg) - 1]:
            yield f"{name}-cut-at-{cut}", jpeg[:cut]
    for kind in ("PNG", "GIF", "BMP", "TIFF", "WEBP"):
        out = io.BytesIO()
        image.save(out, kind)
        yield f"is-{kind}", out.getvalue()


def main(out):
    warnings.simplefilter("ignore")
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(20240611)
    files, cases, broken = [], [], []
    for name, jpeg in [*generated(rng), *photographs(rng)]:
        (out / f"{name}.jpg").write_bytes(jpeg)
        pixels = Image.open(io.BytesIO(jpeg)).convert("RGB")
        (out / f"{name}.rgb").write_bytes(pixels.tobytes())
        files.append({"name": name, "width": pixels.width, "height": pixels.height})
        for number, (box, size, image) in enumerate(cases_of(rng, name, jpeg)):
            mirrored = rng.random() < 0.5
            result = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
            result = ImageOps.mirror(result) if mirrored else result
            golden = f"{name}-{number}.golden"
            (out / golden).write_bytes(result.tobytes())
            cases.append({"file": name, "box": box, "size": size, "mirrored": mirrored, "golden": golden})
    for name, content in damaged(rng):
        (out / f"{name}.bin").write_bytes(content)
        is_jpeg = not name.startswith("is-")
        broken.append({"name": name, "jpeg": is_jpeg, "pil_takes": is_jpeg and pil_takes(content)})
    (out / "cases.json").write_text(json.dumps({"files": files, "cases": cases, "damaged": broken}, indent=1))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) / "image")
