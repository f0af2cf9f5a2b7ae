"""Row 40: 101 images on 2 and 3 ranks, which divide them by no batch: each is scored once, and the metrics are those of one rank."""
import json

import h5py
import numpy as np
import pytest
from generated import NAMES, picture_with_labels
from jobs import require_all_is_well, train_words
from PIL import Image
from runs import catamaran

IMAGES = 101


@pytest.fixture
def pack_of_101(tmp_path):
    random = np.random.default_rng(101)
    folder = tmp_path / "pictures"
    folder.mkdir()
    lines = []
    for i in range(IMAGES):
        picture, labels = picture_with_labels(random)
        Image.fromarray(picture).save(folder / f"uneven{i}.jpg", quality=92)
        lines.append(json.dumps({"image": f"uneven{i}.jpg", "labels": labels}))
    (tmp_path / "uneven.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "classes.txt").write_text("\n".join(NAMES) + "\n")
    catamaran("pack", "manifest", "--images", folder, "--manifest", tmp_path / "uneven.jsonl", "--classes", tmp_path / "classes.txt",
              "--out", tmp_path / "uneven")
    return tmp_path / "uneven"


def test_row_40_101_images_on_2_and_3_ranks_have_the_metrics_of_one(config, pack_of_101, tmp_path, record):
    run = tmp_path / "run"
    catamaran(*train_words(config, run, f"data.eval={pack_of_101}", "schedule.max_steps=6"), ranks=2)
    assert json.loads((run / "eval/epoch-0001.json").read_text())["images"] == IMAGES, "in training, too"
    pages, ids = {}, {}
    for ranks in (0, 2, 3):
        done = catamaran("eval", "--checkpoint", run, "--data", pack_of_101, "--batch", 8, "--out", tmp_path / f"{ranks}.json",
                         "--scores", tmp_path / f"{ranks}.h5", ranks=ranks)
        assert "error" not in done.stderr and "warning" not in done.stderr, done.stderr
        pages[ranks] = json.loads((tmp_path / f"{ranks}.json").read_text())
        with h5py.File(tmp_path / f"{ranks}.h5") as scores:
            ids[ranks] = [name.decode() for name in scores["id"][:]]
    assert pages[0]["images"] == IMAGES and len(set(ids[0])) == IMAGES
    for ranks in (2, 3):
        assert ids[ranks] == ids[0], "every image once, in the pack's order"
        for key in ("images", "map", "ap", "op", "or", "of1", "cp", "cr", "cf1"):
            assert pages[ranks][key] == pytest.approx(pages[0][key], rel=1e-9), (ranks, key)
    require_all_is_well(run)
    record(40, "uneven evaluation, last partial batch", f"{IMAGES} images in batches of 8 on 1, 2 and 3 ranks", "every image once; the metrics of 1 rank")
