"""The official layouts, with real photographs: labels as pycocotools and the devkit's own files say, then 20 steps on 2 ranks."""
import json

import h5py
import numpy as np
import pytest
from pycocotools.coco import COCO
from runs import DATA, SMALL, catamaran, metrics, settings


def real_data(name):
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"no real photographs at {folder}: set CATAMARAN_TEST_DATA")
    return folder


def read(pack):
    manifest = json.loads((pack / "pack.json").read_text())
    with h5py.File(pack / "shard-00000.h5") as shard:
        ids = [i.decode() for i in shard["id"][:]]
        assert list(shard.attrs["classes"]) == manifest["classes"]
        offsets = shard["jpeg/offset"][:]
        assert offsets[0] == 0 and offsets[-1] == shard["jpeg/bytes"].shape[0]
        first = bytes(shard["jpeg/bytes"][:offsets[1]])
        return manifest, ids, shard["label"][:], shard["size"][:], first


def test_coco_labels_are_those_of_pycocotools(tmp_path):
    data = real_data("coco-mini")
    annotations = data / "annotations/instances_train2017.json"
    catamaran("pack", "coco", "--images", data / "images/train2017", "--annotations", annotations, "--out", tmp_path / "pack")
    catamaran("pack", "coco", "--images", data / "images/train2017", "--annotations", annotations, "--without-annotations", "keep", "--out", tmp_path / "all")
    manifest, ids, labels, sizes, _ = read(tmp_path / "pack")
    coco = COCO(str(annotations))
    categories = sorted(coco.getCatIds())
    assert manifest["classes"] == [c["name"] for c in coco.loadCats(categories)] and len(categories) == 80
    annotated = [i for i in sorted(coco.getImgIds()) if coco.getAnnIds(imgIds=[i])]
    assert ids == [str(i) for i in annotated]
    assert json.loads((tmp_path / "all/pack.json").read_text())["images"] == len(coco.getImgIds()) == len(annotated) + 1
    for row, image in zip(labels, annotated):
        present = {a["category_id"] for a in coco.loadAnns(coco.getAnnIds(imgIds=[image]))}
        assert [categories[c] for c in np.flatnonzero(row == 1)] == sorted(present)
        assert set(np.unique(row)) <= {-1, 1}
    for (height, width), image in zip(sizes, annotated):
        info = coco.loadImgs([image])[0]
        assert (height, width) == (info["height"], info["width"])


def test_voc_labels_are_those_of_the_lists(tmp_path):
    root = real_data("voc-mini") / "VOCdevkit/VOC2007"
    catamaran("pack", "voc", "--root", root, "--split", "trainval", "--out", tmp_path / "pack")
    manifest, ids, labels, _, first = read(tmp_path / "pack")
    assert len(manifest["classes"]) == 20 and manifest["images"] == 47
    for c, name in enumerate(manifest["classes"]):
        listed = dict(line.split() for line in (root / f"ImageSets/Main/{name}_trainval.txt").read_text().splitlines() if line.strip())
        assert [int(listed[i]) for i in ids] == labels[:, c].tolist()
    assert first == (root / f"JPEGImages/{ids[0]}.jpg").read_bytes()
    assert "no problem found" in catamaran("check", "--decode", tmp_path / "pack").stdout


def test_corel5k_counts_a_doubled_line_once_and_trains(tmp_path):
    data = real_data("corel5k")
    for split in ("train", "test"):
        catamaran("pack", "manifest", "--images", data, "--manifest", data / f"{split}.jsonl", "--classes", data / "classes.txt", "--out", tmp_path / split)
    train = json.loads((tmp_path / "train/pack.json").read_text())
    test = json.loads((tmp_path / "test/pack.json").read_text())
    assert train["images"] == 4500 and test["images"] == 499 and len(train["classes"]) == 260
    assert any("a second time" in note for note in test["notes"])
    config = tmp_path / "c.toml"
    config.write_text(f'[data]\ntrain = "{tmp_path}/train"\n[batch]\nglobal = 32\nper_device = 16\n[schedule]\nepochs = 1\nmax_steps = 20\n')
    catamaran("train", "--config", config, *settings(*SMALL), "--run-dir", tmp_path / "run", ranks=2)
    losses = [line["loss"] for line in metrics(tmp_path / "run")]
    assert len(losses) == 20 and np.mean(losses[-3:]) < 0.5 * losses[0]
