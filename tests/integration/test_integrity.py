"""check from outside: damage, look-alikes, statistics against numpy; the data of a run in its report."""
import json
import shutil
import subprocess

import h5py
import numpy as np
import pytest
from PIL import Image
from runs import BINARY, SMALL, catamaran, settings
from test_real_data import SETS


def photograph(random):
    return Image.fromarray(random.integers(0, 256, (8, 9, 3), dtype=np.uint8)).resize((200, 150), Image.BICUBIC)


@pytest.fixture(scope="module")
def alike(tmp_path_factory):
    """Packs `a` and `b`: twelve pictures and eight; b has two of a's, one re-encoded and one at half the size."""
    folder = tmp_path_factory.mktemp("alike")
    random = np.random.default_rng(11)
    pictures = {"a": [photograph(random) for _ in range(12)], "b": [photograph(random) for _ in range(6)]}
    pictures["b"] += [pictures["a"][3], pictures["a"][7].resize((100, 75), Image.BICUBIC)]
    for name, images in pictures.items():
        (folder / f"photos-{name}").mkdir()
        lines = []
        for i, image in enumerate(images):
            image.save(folder / f"photos-{name}/{name}{i}.jpg", quality=92 if name == "a" else 60)
            lines.append(json.dumps({"image": f"{name}{i}.jpg", "labels": ["x" if i % 2 else "y"]}))
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        catamaran("pack", "manifest", "--images", folder / f"photos-{name}", "--manifest", folder / f"{name}.jsonl", "--out", folder / name)
    return folder


def test_pictures_that_look_alike_are_named_and_are_an_error_on_demand(alike):
    report = json.loads(catamaran("check", "--near", "--json", alike / "a", alike / "b").stdout)
    assert sorted(pair["ids"] for pair in report["near"]) == [["a3.jpg", "b6.jpg"], ["a7.jpg", "b7.jpg"]]
    assert all(pair["distance"] <= 6 and not pair["same_bytes"] for pair in report["near"])
    text = catamaran("check", "--near", alike / "a", alike / "b").stdout
    assert "'a3.jpg' of " in text and "no problem found, but 2 pair(s) of pictures look alike" in text
    assert [pair["distance"] for pair in report["near"]] == sorted(pair["distance"] for pair in report["near"]), "the most alike first"
    assert catamaran("check", "--near", "--fail-on-near", alike / "a", alike / "b", check=False).returncode == 3
    assert "no two pictures look alike" in catamaran("check", "--near", "--fail-on-near", alike / "a").stdout


def test_look_alikes_and_statistics_are_told_beside_an_image_that_two_packs_have(alike, tmp_path):
    shared = tmp_path / "shared"
    lines = (alike / "a.jsonl").read_text().splitlines()[:2] + (alike / "b.jsonl").read_text().splitlines()
    (tmp_path / "shared.jsonl").write_text("\n".join(lines) + "\n")
    photos = tmp_path / "photos"
    photos.mkdir()
    for folder in ("photos-a", "photos-b"):
        for file in (alike / folder).iterdir():
            (photos / file.name).symlink_to(file)
    catamaran("pack", "manifest", "--images", photos, "--manifest", tmp_path / "shared.jsonl", "--out", shared)
    done = catamaran("check", "--near", "--json", "--statistics", tmp_path / "s.json", alike / "a", shared, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 3 and report["between"]
    assert {("a0.jpg", "a0.jpg", True), ("a3.jpg", "b6.jpg", False)} <= {(*pair["ids"], pair["same_bytes"]) for pair in report["near"]}
    assert report["near_complete"] and len(json.loads((tmp_path / "s.json").read_text())["packs"]) == 2


def test_damage_leaves_look_alikes_and_statistics_out_and_says_so(alike, tmp_path):
    shutil.copytree(alike / "a", tmp_path / "a")
    with open(tmp_path / "a/shard-00000.h5", "r+b") as file, h5py.File(alike / "a/shard-00000.h5") as shard:
        file.seek(shard["jpeg/bytes"].id.get_offset() + 50)
        file.write(b"\0\0\0\0")
    done = catamaran("check", "--near", "--statistics", tmp_path / "s.json", tmp_path / "a", check=False)
    assert done.returncode == 3 and "--near and --statistics are left out" in done.stderr and not (tmp_path / "s.json").exists()


def test_packs_that_cannot_be_opened_are_all_told_before_any_is_read(alike, tmp_path):
    """With damage in the first pack, which would be in the output if it had been read."""
    shutil.copytree(alike / "a", tmp_path / "a")
    with open(tmp_path / "a/shard-00000.h5", "r+b") as file, h5py.File(alike / "a/shard-00000.h5") as shard:
        file.seek(shard["jpeg/bytes"].id.get_offset() + 50)
        file.write(b"\0\0\0\0")
    (tmp_path / "empty").mkdir()
    done = catamaran("check", tmp_path / "a", tmp_path / "missing", tmp_path / "empty", check=False)
    assert done.returncode == 3 and done.stdout == "" and "2 of the 3 packs cannot be opened" in done.stderr
    assert f"{tmp_path}/missing" in done.stderr and f"{tmp_path}/empty" in done.stderr
    done = catamaran("check", "--json", tmp_path / "a", tmp_path / "missing", check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 3 and report["packs"] == [] and "missing" in report["error"]


def test_a_pack_of_more_shards_than_files_may_be_open_is_refused_before_it_is_written(alike, tmp_path):
    """Each picture a shard of its own; of 70 open files 64 are kept for others."""
    random = np.random.default_rng(3)
    (tmp_path / "photos").mkdir()
    lines = []
    for i in range(8):
        noise = Image.fromarray(random.integers(0, 256, (900, 900, 3), dtype=np.uint8))
        noise.save(tmp_path / f"photos/{i}.jpg", quality=95)
        lines.append(json.dumps({"image": f"{i}.jpg", "labels": ["x"]}))
    (tmp_path / "m.jsonl").write_text("\n".join(lines))
    arguments = [BINARY, "pack", "manifest", "--images", tmp_path / "photos", "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "pack", "--shard-mib", "1"]
    command = "ulimit -n 70; exec " + " ".join(map(str, arguments))
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 2 and "8 shards are more than the 6" in done.stderr and "--shard-mib" in done.stderr
    done = subprocess.run(["bash", "-c", command.replace("-n 70", "-Sn 70")], capture_output=True, text=True)
    assert done.returncode == 0, "the soft limit is raised: " + done.stderr


def test_pixels_look_like_the_files_they_were_made_of(alike, tmp_path):
    catamaran("pack", "manifest", "--images", alike / "photos-a", "--manifest", alike / "a.jsonl", "--out", tmp_path / "pixels", "--pixels", 128)
    done = catamaran("check", "--near", "--json", alike / "a", tmp_path / "pixels", check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 3 and "12 images" in report["between"][0], "they are made of the same files"
    assert all(pair["same_bytes"] for pair in report["near"])
    assert sorted(pair["ids"] for pair in report["near"]) == sorted([f"a{i}.jpg"] * 2 for i in range(12))


def test_a_changed_byte_is_found_by_every_checksum_that_covers_it(alike, tmp_path):
    for where in ("image", "gap"):
        pack = tmp_path / where
        shutil.copytree(alike / "a", pack)
        with h5py.File(pack / "shard-00000.h5") as shard:
            jpeg = shard["jpeg/bytes"]
            at = jpeg.id.get_offset() + (int(shard["jpeg/offset"][5]) + 30 if where == "image" else -1)
        with open(pack / "shard-00000.h5", "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))
        whole = catamaran("check", pack, check=False)
        assert whole.returncode == 3 and "its SHA-256 is not the one in pack.json" in whole.stdout
        assert ("the bytes of image 'a5.jpg' are damaged (checksum)" in whole.stdout) == (where == "image")
        assert catamaran("check", "--quick", pack, check=False).returncode == (3 if where == "image" else 0)


def read_with_h5py(pack):
    manifest = json.loads((pack / "pack.json").read_text())
    shards = [h5py.File(pack / entry["file"]) for entry in manifest["shards"]]
    return manifest, np.concatenate([s["label"][:] for s in shards]), np.concatenate([s["size"][:] for s in shards])


@pytest.mark.parametrize("name", SETS)
def test_statistics_are_numpys(name, tmp_path):
    SETS[name][0]("train", tmp_path / "pack")
    catamaran("check", tmp_path / "pack", "--quick", "--statistics", tmp_path / "s.json")
    statistics, = json.loads((tmp_path / "s.json").read_text())["packs"]
    manifest, label, size = read_with_h5py(tmp_path / "pack")
    present = (label == 1).astype(np.int64)
    assert statistics["classes"] == manifest["classes"] and statistics["images"] == len(label)
    assert statistics["present"] == present.sum(0).tolist() and statistics["ignored"] == (label == 0).sum(0).tolist()
    assert statistics["together"] == (present.T @ present).tolist()
    assert statistics["labels_per_image"] == np.bincount(present.sum(1)).tolist()
    height, width = size.T.astype(float)
    for key, values in (("width", width), ("height", height), ("aspect", width / height), ("megapixels", width * height * 1e-6)):
        told = statistics[key]
        assert [told["least"], told["mean"], told["most"]] == pytest.approx([values.min(), values.mean(), values.max()])
        assert [q for _, q in told["quantiles"]] == pytest.approx(np.quantile(values, [s for s, _ in told["quantiles"]]).tolist())


def test_a_run_keeps_the_numbers_of_its_data_for_the_report(packs, tmp_path):
    (tmp_path / "empty.toml").write_text("")
    catamaran("train", "--config", tmp_path / "empty.toml", *settings(*SMALL, f"data.train={packs}/pack-train", f"data.eval={packs}/pack-test", "batch.global=16",
              "batch.per_device=16", "schedule.epochs=1", "schedule.max_steps=1"), "--run-dir", tmp_path / "run")
    told = json.loads((tmp_path / "run/data.json").read_text())["packs"]
    assert [(pack["role"], pack["images"]) for pack in told] == [("train", 96), ("eval", 33)]
    catamaran("report", tmp_path / "run", "--out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    for words in ("Images per class", "Labels of an image", "Sizes of the images", "Together"):
        assert words in page
    (tmp_path / "run/data.json").write_text('{"packs": [{"role": "train"}]}')
    catamaran("report", tmp_path / "run", "--out", tmp_path / "older.html")
    assert "Images per class" not in (tmp_path / "older.html").read_text()
