"""bench loader and data preview from outside: what they measured and drew is what PIL sees in the same pictures."""
import json

import numpy as np
import pytest
from PIL import Image
from runs import catamaran, settings
from test_bad_input import refused

PLAIN = settings("data.augment.crop=none", "data.augment.flip=false")  # training sees what evaluation sees
GAP = 10  # pixels between the tiles of a sheet


def bench(pack, *arguments):
    return json.loads(catamaran("bench", "loader", "--data", pack, "--threads", 1, *arguments, "--json").stdout)


def squares(packs, split, size):
    """The pictures of a split, squished to the network's square by PIL."""
    entries = map(json.loads, (packs / f"{split}.jsonl").read_text().splitlines())
    return np.stack([np.asarray(Image.open(packs / entry["image"]).convert("RGB").resize((size, size), Image.BILINEAR)) for entry in entries])


@pytest.fixture(scope="module")
def pixel_pack(packs, tmp_path_factory):
    out = tmp_path_factory.mktemp("pixels") / "pack"
    catamaran("pack", "manifest", "--images", packs, "--manifest", packs / "train.jsonl", "--classes", packs / "classes.txt", "--out", out, "--pixels", 96)
    return out


def test_bench_loader_measures_whole_epochs_of_the_pictures_of_the_pack(packs):
    measured = bench(packs / "pack-train", *PLAIN, *settings("model.input.size=48"), "--batch", 96, "--rounds", 2)
    assert measured["pack"] == str(packs / "pack-train") and measured["threads"] == 1 and measured["images"] == 96
    assert len(measured["seconds"]) == len(measured["decode_seconds"]) == len(measured["resident_bytes"]) == 2
    assert min(measured["seconds"] + measured["decode_seconds"] + measured["resident_bytes"]) > 0
    assert measured["images_per_second"] > 0 and measured["share_of_limit"] > 0
    assert measured["bytes_per_image"] == sum(file.stat().st_size for file in packs.glob("train*.jpg")) // 96
    assert measured["mean_pixel"] == pytest.approx(squares(packs, "train", 48).mean(), abs=1e-9)


@pytest.mark.parametrize("crop", ["multi_scale", "random_resized"])
def test_bench_loader_takes_the_augmentation_of_a_configuration(packs, config, crop):
    measured = json.loads(catamaran("bench", "loader", "--config", config, "--threads", 2, *settings(f"data.augment.crop={crop}", "model.input.size=64"),
                                    "--rounds", 1, "--json").stdout)
    assert measured["pack"] == str(packs / "pack-train") and measured["images"] == 96 and measured["threads"] == 2
    assert measured["mean_pixel"] == pytest.approx(squares(packs, "train", 64).mean(), abs=25)


def test_bench_loader_has_no_limit_of_a_decoder_for_a_pack_of_pixels(packs, pixel_pack):
    measured = bench(pixel_pack, *PLAIN, *settings("model.input.size=96"), "--batch", 96, "--rounds", 1)
    assert measured["decode_seconds"] == [] and measured["share_of_limit"] == 0 and measured["images"] == 96
    assert measured["mean_pixel"] == pytest.approx(squares(packs, "train", 96).mean(), abs=1e-9)


def test_bench_loader_says_for_people_what_it_measured(packs):
    said = catamaran("bench", "loader", "--data", packs / "pack-train", "--threads", 1, "--rounds", 1, *settings("model.input.size=64")).stdout
    assert "images/s with 1 thread" in said and "resident memory" in said and "the limit" in said


@pytest.mark.parametrize("arguments, says", [
    (["--batch", 0], "--batch"), (["--rounds", 0], "--rounds"), (["--threads", -1], "--threads"), (["--data", ""], "--data"), (["--sise", 3], "--sise"),
    (settings("data.augment.crop=multiscale"), "did you mean 'multi_scale'?"), (settings("data.augment.crp=none"), "did you mean 'data.augment.crop'?")])
def test_bench_loader_refuses_wrong_options(packs, arguments, says):
    assert says in refused(2, "bench", "loader", *([] if "--data" in arguments else ["--data", packs / "pack-train"]), *arguments)


def test_bench_needs_to_be_told_what_and_of_which_pack(tmp_path):
    assert "subcommand is required" in refused(2, "bench")
    assert "data.train" in refused(2, "bench", "loader")
    assert str(tmp_path / "nowhere") in refused(3, "bench", "loader", "--data", tmp_path / "nowhere")


def preview(pack, out, *arguments):
    catamaran("data", "preview", "--data", pack, "--out", out, *arguments)
    return np.asarray(Image.open(out).convert("RGB"))


def tiles(sheet, size, columns):
    """The tiles of a sheet that stand `columns` beside each other, by their left edges."""
    return [sheet[:, GAP + k * (size + GAP):GAP + k * (size + GAP) + size] for k in range(columns)]


def found(column, square):
    """Rows of the sheet's column at which this square begins, bit for bit."""
    return [y for y in range(len(column) - len(square) + 1) if np.array_equal(column[y], square[0]) and np.array_equal(column[y:y + len(square)], square)]


def test_data_preview_draws_the_pictures_that_were_asked_for_as_evaluation_and_as_training_see_them(packs, tmp_path):
    sheet = preview(packs / "pack-train", tmp_path / "p.png", "--images", 3, "--first", 5, "--draws", 2, *PLAIN, *settings("model.input.size=224"))
    expected = squares(packs, "train", 224)
    evaluation, *training = tiles(sheet, 224, 3)
    places = [found(evaluation, square) for square in expected[5:8]]
    assert all(len(place) == 1 for place in places) and places == sorted(places)
    assert all([found(column, square) for square in expected[5:8]] == places for column in training)
    assert not found(evaluation, expected[4]) and not found(evaluation, expected[8])


def test_data_preview_draws_each_epoch_anew_and_the_same_for_the_same_seed(packs, tmp_path):
    wanted = ["--images", 2, "--draws", 3, *settings("model.input.size=224", "data.augment.crop=random_resized", "data.augment.rand_augment=2")]
    sheet = preview(packs / "pack-train", tmp_path / "a.png", *wanted)
    place = found(tiles(sheet, 224, 1)[0], squares(packs, "train", 224)[0])[0]
    first = [column[place:place + 224] for column in tiles(sheet, 224, 4)]
    assert not any(np.array_equal(first[a], first[b]) for a in range(4) for b in range(a))
    assert np.array_equal(preview(packs / "pack-train", tmp_path / "b.png", *wanted), sheet)
    assert not np.array_equal(preview(packs / "pack-train", tmp_path / "c.png", *wanted, *settings("run.seed=2")), sheet)


def test_data_preview_stops_at_the_end_of_the_pack(packs, tmp_path):
    few = preview(packs / "pack-test", tmp_path / "few.png", "--first", 31, "--images", 9, "--draws", 1, *settings("model.input.size=224"))
    assert np.array_equal(preview(packs / "pack-test", tmp_path / "two.png", "--first", 31, "--images", 2, "--draws", 1, *settings("model.input.size=224")), few)
    assert "33 images" in refused(2, "data", "preview", "--data", packs / "pack-test", "--first", 33, "--out", tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize("arguments, says", [(["--images", 0], "--images"), (["--draws", 65], "--draws"), (["--first", -1], "--first"),
                                             (settings("data.augment.hue=0.7"), "data.augment.hue"), (["--data", ""], "--data")])
def test_data_preview_refuses_wrong_options_and_writes_nothing(packs, tmp_path, arguments, says):
    pack = [] if "--data" in arguments else ["--data", packs / "pack-train"]
    assert says in refused(2, "data", "preview", *pack, "--out", tmp_path / "p.png", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_data_preview_replaces_no_file_of_another_kind(packs, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert "notes.txt" in refused(2, "data", "preview", "--data", packs / "pack-train", "--out", tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    shard = next((packs / "pack-train").glob("*.h5"))
    before = shard.read_bytes()
    refused(2, "data", "preview", "--data", packs / "pack-train", "--out", shard)
    assert shard.read_bytes() == before


@pytest.mark.parametrize("name", ["p.jpg", "p.PNG.jpeg", "preview"])
def test_data_preview_writes_no_png_under_another_name(packs, tmp_path, name):
    message = refused(2, "data", "preview", "--data", packs / "pack-train", "--out", tmp_path / name)
    assert "--out" in message and name in message and "ends in .png" in message
    assert list(tmp_path.iterdir()) == []
