"""Two small packs of generated pictures: 96 to train on, 33 to evaluate; a class says which corner is bright."""
import json

import numpy as np
from PIL import Image
from runs import catamaran

NAMES = ["top left", "top right", "bottom left", "bottom right"]


def picture_with_labels(random):
    picture = random.integers(0, 90, (64, 64, 3), dtype=np.uint8)
    labels = []
    for c, name in enumerate(NAMES):
        if random.random() < 0.4:
            labels.append(name)
            picture[32 * (c // 2) + 6:32 * (c // 2) + 26, 32 * (c % 2) + 6:32 * (c % 2) + 26] = random.integers(150, 256, 3)
    return picture, labels


def generated_packs(folder):
    (folder / "classes.txt").write_text("\n".join(NAMES) + "\n")
    random = np.random.default_rng(1)
    for split, count in (("train", 96), ("test", 33)):
        lines = []
        for i in range(count):
            picture, labels = picture_with_labels(random)
            Image.fromarray(picture).save(folder / f"{split}{i}.jpg", quality=92)
            lines.append(json.dumps({"image": f"{split}{i}.jpg", "labels": labels}))
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
        catamaran("pack", "manifest", "--images", folder, "--manifest", folder / f"{split}.jsonl", "--classes", folder / "classes.txt",
                  "--out", folder / f"pack-{split}")
    return folder
