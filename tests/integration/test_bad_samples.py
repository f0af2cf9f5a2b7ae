"""Damaged images met in training: another takes their place, the same on any number of ranks; many of them stop the run."""
import json
import shutil

import h5py
import pytest
from runs import SMALL, catamaran, metrics, settings

SHARD = "shard-00000.h5"


def damaged(packs, out, images):
    """The training pack with a byte changed in each of these images."""
    shutil.copytree(packs / "pack-train", out)
    with h5py.File(out / SHARD) as shard:
        places = [shard["jpeg/bytes"].id.get_offset() + int(shard["jpeg/offset"][i]) + 200 for i in images]
        names = [shard["id"][i].decode() for i in images]
    with open(out / SHARD, "r+b") as file:
        for place in places:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 16]))
    return names


def train(pack, run, *pairs, ranks=0, more=(), **kwargs):
    (run.parent / "empty.toml").write_text("")
    return catamaran("train", "--config", run.parent / "empty.toml", *settings(*SMALL, f"data.train={pack}", "batch.global=16", "batch.per_device=16",
                     "schedule.epochs=2", "train.log_samples=true", "model.backbone.bn=frozen", *pairs), "--run-dir", run, *more, ranks=ranks, **kwargs)


def test_another_image_takes_the_place_of_a_damaged_one_on_any_number_of_ranks(packs, tmp_path):
    name, = damaged(packs, tmp_path / "pack", [5])
    losses = []
    for ranks in (0, 2):
        done = train(tmp_path / "pack", tmp_path / f"run{ranks}", "schedule.max_steps=12", ranks=ranks)
        assert done.stderr.count("another image takes the place of") == 2, "once an epoch"
        assert f"'{name}'" in done.stderr and "damaged (checksum)" in done.stderr
        losses.append([line["loss"] for line in metrics(tmp_path / f"run{ranks}")])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4) and len(losses[0]) == 12
    whole = train(packs / "pack-train", tmp_path / "whole", "schedule.max_steps=12")
    assert "takes the place" not in whole.stderr
    order = [[json.loads(line)["ids"] for line in (tmp_path / run / "samples.jsonl").read_text().splitlines()] for run in ("run0", "run2", "whole")]
    assert order[0] == order[1] == order[2], "the order names what was asked for"
    assert losses[0] != [line["loss"] for line in metrics(tmp_path / "whole")]


def test_more_than_a_few_damaged_images_stop_every_rank_with_one_message(packs, tmp_path):
    damaged(packs, tmp_path / "pack", [1, 2, 3, 50])
    done = train(tmp_path / "pack", tmp_path / "run", ranks=2, check=False)
    assert done.returncode == 3, done.stderr
    assert "images of epoch 0 could not be read or decoded" in done.stderr and done.stderr.count("error:") == 1


def test_a_run_that_goes_on_remembers_the_damaged_images_of_its_epoch(packs, tmp_path):
    damaged(packs, tmp_path / "pack", [1, 50])
    for resume in ("never", "auto"):
        done = train(tmp_path / "pack", tmp_path / "run", "checkpoint.every_steps=1", more=["--resume", resume], check=False)
        assert done.returncode == 3 and "2 images of epoch 0 could not be read or decoded" in done.stderr, done.stderr
    assert "another image takes the place of" in done.stderr, "it went on in the epoch"


def test_an_evaluation_does_not_skip(packs, tmp_path):
    damaged(packs, tmp_path / "pack", [5])
    train(packs / "pack-train", tmp_path / "run", "schedule.max_steps=1")
    done = catamaran("eval", "--checkpoint", tmp_path / "run", "--data", tmp_path / "pack", check=False)
    assert done.returncode == 3 and "damaged (checksum)" in done.stderr


def test_mixed_images_train_alike_on_one_rank_and_on_two(packs, tmp_path):
    losses = []
    for ranks in (0, 2):
        train(packs / "pack-train", tmp_path / f"run{ranks}", "data.augment.mixup=0.8", "data.augment.cutmix=1.0", "schedule.max_steps=6", ranks=ranks)
        losses.append([line["loss"] for line in metrics(tmp_path / f"run{ranks}")])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    done = train(packs / "pack-train", tmp_path / "odd", "data.augment.mixup=0.8", "batch.global=6", "batch.per_device=6", ranks=2, check=False)
    assert done.returncode == 2 and "even number" in done.stderr


def test_pixels_and_a_cache_train_on_what_the_files_give(packs, tmp_path):
    catamaran("pack", "manifest", "--images", packs, "--manifest", packs / "train.jsonl", "--classes", packs / "classes.txt", "--out", tmp_path / "pixels", "--pixels", 64)
    runs = {"files": (packs / "pack-train", []), "pixels": (tmp_path / "pixels", []), "cache": (packs / "pack-train", ["data.cache_mib=64"])}
    losses = {}
    for name, (pack, pairs) in runs.items():
        train(pack, tmp_path / f"run-{name}", "schedule.max_steps=12", *pairs)
        losses[name] = [line["loss"] for line in metrics(tmp_path / f"run-{name}")]
    assert losses["files"] == losses["pixels"] == losses["cache"]


def test_packs_staged_on_a_scratch_disk_train_alike(packs, tmp_path):
    scratch = tmp_path / "scratch"
    losses = []
    for name, pairs in (("plain", []), ("staged", [f"data.stage={scratch}/mine"]), ("again", [f"data.stage={scratch}/mine"])):
        train(packs / "pack-train", tmp_path / name, f"data.eval={packs}/pack-test", "schedule.max_steps=6", *pairs, ranks=2)
        losses.append([line["loss"] for line in metrics(tmp_path / name)])
    assert losses[0] == losses[1] == losses[2]
    assert len([p for p in (scratch / "mine").iterdir() if p.is_dir()]) == 2, "one copy of each pack"
    life = json.loads((tmp_path / "staged/manifest.json").read_text())["lives"][0]
    assert life["train_pack"]["folder"] == str(packs / "pack-train") and life["train_pack"]["staged"].startswith(str(scratch))
    done = train(packs / "pack-train", tmp_path / "unset", "data.stage=$NO_SUCH_VARIABLE_HERE", check=False)
    assert done.returncode == 2 and "NO_SUCH_VARIABLE_HERE is not set" in done.stderr
