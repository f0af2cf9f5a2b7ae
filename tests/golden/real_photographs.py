"""What evaluation sees of photographs, from PIL and torchvision, as hashes: the pixels of all of them would be gigabytes.

python real_photographs.py EVERY SIZE... takes each EVERY-th *.jpg and *.jpeg of CATAMARAN_TEST_DATA and prints, for each size, two lines
VIEW <tab> SIZE <tab> SHA-256 of the RGB bytes <tab> PATH: "none", the whole picture squished to SIZE x SIZE, and "center", its shorter
side brought to 8/7 of SIZE and the middle square. Nothing where there is no such folder.
"""
import hashlib
import os
import pathlib
import sys

from PIL import Image
from torchvision.transforms import v2


def photographs():
    default = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"
    root = pathlib.Path(os.environ.get("CATAMARAN_TEST_DATA", default))
    return sorted(path for path in root.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))


def main(every, sizes):
    for path in photographs()[::every]:
        image = Image.open(path).convert("RGB")
        for size in sizes:
            views = {"none": image.resize((size, size), Image.Resampling.BILINEAR),
                     "center": v2.CenterCrop(size)(v2.Resize(size * 8 // 7)(image))}
            for view, square in views.items():
                print(view, size, hashlib.sha256(square.tobytes()).hexdigest(), path, sep="\t")


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(size) for size in sys.argv[2:]])
