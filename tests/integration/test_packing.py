"""The pack writer from outside: several shards, damaged pictures."""
import json

import h5py
import numpy as np
import pytest
from PIL import Image
from runs import SMALL, catamaran, metrics, settings

NAMES = ["dark", "light"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """24 pictures of about 150 kB each, and their manifest."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(7)
    lines = []
    for i in range(24):
        light = i % 3 == 0
        pixels = random.integers(128 if light else 0, 256 if light else 128, (420, 400 + i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02d}.jpg", quality=95)
        lines.append(json.dumps({"image": f"{i:02d}.jpg", "labels": [NAMES[light]]}))
    (folder / "m.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def pack(folder, out, *more, **kwargs):
    return catamaran("pack", "manifest", "--images", folder, "--manifest", folder / "m.jsonl", "--out", out, "--json", *more, **kwargs)


def test_a_pack_of_several_shards_is_checked_read_and_trained_on_like_one_of_a_single_shard(pictures, tmp_path):
    assert json.loads(pack(pictures, tmp_path / "one").stdout)["shards"] == 1
    assert json.loads(pack(pictures, tmp_path / "several", "--shard-mib", 1).stdout)["shards"] > 2
    assert "no problem found" in catamaran("check", "--decode", tmp_path / "several").stdout

    manifest = json.loads((tmp_path / "several/pack.json").read_text())
    ids, labels = [], []
    for entry in manifest["shards"]:
        with h5py.File(tmp_path / "several" / entry["file"]) as shard:
            offset = shard["jpeg/offset"][:]
            assert len(offset) == entry["images"] + 1 and offset[-1] == shard["jpeg/bytes"].shape[0] <= 1 << 20
            for i, name in enumerate(shard["id"][:]):
                assert shard["jpeg/bytes"][offset[i]:offset[i + 1]].tobytes() == (pictures / name.decode()).read_bytes()
                ids.append(name.decode())
                labels.append(manifest["classes"][int(np.flatnonzero(shard["label"][i] == 1)[0])])
    expected = [json.loads(line) for line in (pictures / "m.jsonl").read_text().splitlines()]
    assert ids == [entry["image"] for entry in expected] and labels == [entry["labels"][0] for entry in expected]

    for name in ("one", "several"):
        pairs = [f"data.train={tmp_path}/{name}", "batch.global=8", "batch.per_device=8", "schedule.epochs=2", "train.log_samples=true"]
        (tmp_path / "empty.toml").write_text("")
        catamaran("train", "--config", tmp_path / "empty.toml", *settings(*SMALL, *pairs), "--run-dir", tmp_path / f"run-{name}")
    samples = [(tmp_path / f"run-{name}/samples.jsonl").read_text() for name in ("one", "several")]
    assert samples[0] == samples[1]
    for epoch in (samples[0].splitlines()[:3], samples[0].splitlines()[3:]):
        assert sorted(name for line in epoch for name in json.loads(line)["ids"]) == sorted(ids)
    losses = [[line["loss"] for line in metrics(tmp_path / f"run-{name}")] for name in ("one", "several")]
    assert len(losses[0]) == 6 and losses[0] == losses[1]


def test_damaged_pictures_are_all_named_and_left_out_only_with_skip_bad(pictures, tmp_path):
    for path in pictures.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "03.jpg").write_bytes((pictures / "03.jpg").read_bytes()[:9000])
    (tmp_path / "11.jpg").write_bytes(b"GIF89a, not a JPEG")
    (tmp_path / "20.jpg").unlink()
    done = pack(tmp_path, tmp_path / "pack", check=False)
    assert done.returncode == 3 and "m.jsonl: line 21, column 11: there is no file" in done.stderr and not (tmp_path / "pack").exists()
    (tmp_path / "20.jpg").write_bytes(b"no JPEG")
    done = pack(tmp_path, tmp_path / "pack", check=False)
    assert done.returncode == 3 and "3 image file(s) cannot be packed" in done.stderr and not (tmp_path / "pack").exists()
    assert all(name in done.stderr for name in ("03.jpg", "11.jpg", "20.jpg", "--skip-bad"))

    (tmp_path / "20.jpg").unlink()
    summary = json.loads(pack(tmp_path, tmp_path / "pack", "--skip-bad").stdout)
    assert (summary["images"], summary["skipped"]) == (21, 3)
    assert "3 damaged image files were left out (--skip-bad)" in summary["notes"]
    with h5py.File(tmp_path / "pack/shard-00000.h5") as shard:
        ids = [name.decode() for name in shard["id"][:]]
        assert ids == [f"{i:02d}.jpg" for i in range(24) if i not in (3, 11, 20)]
        assert shard["label"].shape == (21, 2)
    manifest = json.loads((tmp_path / "pack/pack.json").read_text())
    assert manifest["images"] == 21 and sum(manifest["positives"]) == 21
    assert "no problem found" in catamaran("check", "--decode", tmp_path / "pack").stdout
