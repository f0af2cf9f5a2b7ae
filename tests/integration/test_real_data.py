"""The official layouts, with real photographs: labels as pycocotools and the devkit's own files say, then the whole job on 2 ranks."""
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


def pack_voc(split, out):
    return catamaran("pack", "voc", "--root", real_data("voc-mini") / "VOCdevkit/VOC2007", "--split", {"train": "trainval"}.get(split, split), "--out", out)


def pack_coco(split, out, *more):
    data, name = real_data("coco-mini"), {"train": "train2017", "test": "val2017"}[split]
    return catamaran("pack", "coco", "--images", data / f"images/{name}", "--annotations", data / f"annotations/instances_{name}.json", "--out", out, *more)


def pack_corel5k(split, out):
    data = real_data("corel5k")
    return catamaran("pack", "manifest", "--images", data, "--manifest", data / f"{split}.jsonl", "--classes", data / "classes.txt", "--out", out)


# a folder of photographs of the test part
SETS = {"voc": (pack_voc, "voc-mini/VOCdevkit/VOC2007/JPEGImages"),
        "coco": (pack_coco, "coco-mini/images/val2017"),
        "corel5k": (pack_corel5k, "corel5k")}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Folder of the packs train and test of a set, made once."""
    made = {}

    def get(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            for split in ("train", "test"):
                SETS[name][0](split, folder / split)
            made[name] = folder
        return made[name]
    return get


def read(pack):
    manifest = json.loads((pack / "pack.json").read_text())
    with h5py.File(pack / "shard-00000.h5") as shard:
        ids = [i.decode() for i in shard["id"][:]]
        assert list(shard.attrs["classes"]) == manifest["classes"]
        offsets = shard["jpeg/offset"][:]
        assert offsets[0] == 0 and offsets[-1] == shard["jpeg/bytes"].shape[0]
        first = bytes(shard["jpeg/bytes"][:offsets[1]])
        return manifest, ids, shard["label"][:], shard["size"][:], first


def test_coco_labels_are_those_of_pycocotools(packed, tmp_path):
    data = real_data("coco-mini")
    annotations = data / "annotations/instances_train2017.json"
    pack_coco("train", tmp_path / "all", "--without-annotations", "keep")
    manifest, ids, labels, sizes, _ = read(packed("coco") / "train")
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


def test_voc_labels_are_those_of_the_lists(packed):
    root = real_data("voc-mini") / "VOCdevkit/VOC2007"
    manifest, ids, labels, _, first = read(packed("voc") / "train")
    assert len(manifest["classes"]) == 20 and manifest["images"] == 47
    for c, name in enumerate(manifest["classes"]):
        listed = dict(line.split() for line in (root / f"ImageSets/Main/{name}_trainval.txt").read_text().splitlines() if line.strip())
        assert [int(listed[i]) for i in ids] == labels[:, c].tolist()
    assert first == (root / f"JPEGImages/{ids[0]}.jpg").read_bytes()
    assert "no problem found" in catamaran("check", "--decode", packed("voc") / "train").stdout


def test_corel5k_counts_a_doubled_line_once(packed):
    train, test = (json.loads((packed("corel5k") / split / "pack.json").read_text()) for split in ("train", "test"))
    assert train["images"] == 4500 and test["images"] == 499 and len(train["classes"]) == 260
    assert any("list an image again, which counts once" in note for note in test["notes"])


@pytest.mark.parametrize("name", SETS)
def test_sixteen_photographs_are_learnt_by_heart(packed, tmp_path, name):
    labels = sixteen(packed(name) / "train", tmp_path)
    catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "pack")
    config = tmp_path / "c.toml"
    config.write_text(f'[data]\ntrain = "{tmp_path}/pack"\n[data.augment]\nflip = false\n[batch]\nglobal = 16\nper_device = 8\n[schedule]\nepochs = 150\n')
    catamaran("train", "--config", config, *settings(*SMALL), "--run-dir", tmp_path / "run", ranks=2)
    losses = [line["loss"] for line in metrics(tmp_path / "run")]
    assert len(losses) == 150 and np.mean(losses[-3:]) < 0.5 * entropy_of_frequencies(labels)


def sixteen(pack, folder):
    """Writes the first images of a pack as files with a manifest; their labels."""
    manifest = json.loads((pack / "pack.json").read_text())
    with h5py.File(pack / "shard-00000.h5") as shard:
        offsets, rows = shard["jpeg/offset"][:17], shard["label"][:16]
        jpegs = [bytes(shard["jpeg/bytes"][a:b]) for a, b in zip(offsets, offsets[1:])]
    labels = [[manifest["classes"][c] for c in np.flatnonzero(row == 1)] for row in rows]
    for number, jpeg in enumerate(jpegs):
        (folder / f"{number}.jpg").write_bytes(jpeg)
    (folder / "m.jsonl").write_text("".join(json.dumps({"image": f"{number}.jpg", "labels": each}) + "\n" for number, each in enumerate(labels)))
    return labels


def entropy_of_frequencies(labels):
    """The loss of a model that knows how often each label occurs, and nothing of the pictures."""
    names = sorted({name for each in labels for name in each})
    p = np.array([sum(name in each for each in labels) for name in names]) / len(labels)
    return float(np.mean(-p * np.log(p) - (1 - p) * np.log(np.maximum(1 - p, 1e-12))))


@pytest.mark.parametrize("name", SETS)
def test_two_ranks_train_resume_evaluate_and_predict(packed, tmp_path, name):
    packs, run = packed(name), tmp_path / "run"
    _, photographs = SETS[name]
    manifest = json.loads((packs / "test/pack.json").read_text())
    config = tmp_path / "c.toml"
    config.write_text(f'[data]\ntrain = "{packs}/train"\neval = "{packs}/test"\n[batch]\nglobal = 16\nper_device = 8\n'
                      "[schedule]\nepochs = 20\n[evaluate]\nevery_epochs = 0\n[checkpoint]\nevery_epochs = 0\n")
    for last in (10, 20):
        catamaran("train", "--config", config, *settings(*SMALL, f"schedule.max_steps={last}"), "--run-dir", run, ranks=2)
        assert (run / "checkpoints/latest").read_text() == f"step-{last:08d}\n"
    lines = metrics(run)
    assert [line["step"] for line in lines] == list(range(1, 21))
    assert np.isfinite([line["loss"] for line in lines]).all()

    evaluation = json.loads(catamaran("eval", "--checkpoint", run, "--data", packs / "test", "--json", ranks=2).stdout)
    assert evaluation["images"] == manifest["images"] and evaluation["classes"] == len(manifest["classes"])
    stored = next(e for e in map(json.loads, (path.read_text() for path in (run / "eval").iterdir())) if e["step"] == 20)
    assert 0 < evaluation["map"] < 1 and evaluation["map"] == pytest.approx(stored["map"], abs=1e-9)

    picture = sorted((DATA / photographs).rglob("*.jp*g"))[0]
    predicted = json.loads(catamaran("predict", "--checkpoint", run, picture, "--json", "--top", len(manifest["classes"])).stdout)
    labels = predicted[0]["labels"]
    assert sorted(entry["label"] for entry in labels) == sorted(manifest["classes"])
    assert all(0 < entry["probability"] < 1 for entry in labels)
    assert labels == sorted(labels, key=lambda entry: -entry["probability"])
