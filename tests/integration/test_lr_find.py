"""lr-find: a rate that trains, a picture, nothing else on disk; sensible refusals."""
import json

import numpy as np
import pytest
from PIL import Image
from runs import SMALL, catamaran, metrics, settings

SGD = ["optimizer.name=sgd"]


def find(config, *pairs, more=(), ranks=0, **kwargs):
    return catamaran("lr-find", "--config", config, *settings(*SMALL, *pairs), *more, ranks=ranks, **kwargs)


@pytest.mark.parametrize("optimizer, band", [("sgd", (1e-3, 1)), ("adamw", (1e-5, 1e-1))])
def test_the_suggested_rate_trains_and_the_picture_is_all_that_is_written(config, tmp_path, optimizer, band):
    folder = tmp_path / "here"
    folder.mkdir()
    done = find(config, f"optimizer.name={optimizer}", more=["--from", "1e-6", "--to", "10", "--steps", "80", "--out", "lr.png", "--json"], cwd=folder)
    found = json.loads(done.stdout)
    suggestion = found["suggestion"]
    assert band[0] <= suggestion["steepest"] <= band[1] and suggestion["steepest"] <= suggestion["lowest"]
    assert suggestion["tenth_of_lowest"] == pytest.approx(suggestion["lowest"] / 10)
    rates = [trial["learning_rate"] for trial in found["trials"]]
    assert rates[0] == pytest.approx(1e-6) and np.allclose(np.diff(np.log(rates)), np.log(1e7) / 79)
    assert [path.name for path in folder.iterdir()] == ["lr.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "here"]
    assert Image.open(folder / "lr.png").size == (960, 600)

    catamaran("train", "--config", config, *settings(*SMALL, f"optimizer.name={optimizer}", f"optimizer.learning_rate={suggestion['steepest']}",
              "schedule.max_steps=24", "data.eval="), "--run-dir", tmp_path / "run")
    losses = [line["loss"] for line in metrics(tmp_path / "run")]
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:3])


def test_two_ranks_find_what_one_finds_and_the_text_says_what_it_means(config):
    pairs, more = [*SGD, "model.backbone.bn=frozen"], ["--from", "1e-5", "--to", "0.1", "--steps", "40"]
    one, two = (json.loads(find(config, *pairs, more=[*more, "--json", *own], ranks=ranks).stdout) for ranks, own in ((0, []), (0, ["--ranks", "2"])))
    assert [trial["loss"] for trial in two["trials"]] == pytest.approx([trial["loss"] for trial in one["trials"]], abs=1e-3)
    text = find(config, *pairs, more=more).stdout
    assert "suggested optimizer.learning_rate" in text and "steepest descent" in text and "onecycle" in text


def test_rates_are_those_of_the_configuration_with_scaling_too(config):
    scaled = [*SGD, "model.backbone.bn=frozen", "optimizer.scaling=linear", "optimizer.base_batch=64"]  # a quarter of the rate at a batch of 16
    more = ["--from", "1e-4", "--to", "0.4", "--steps", "20", "--json"]
    plain, quarter = (json.loads(find(config, *pairs, more=more, check=False).stdout) for pairs in ([*SGD, "model.backbone.bn=frozen"], scaled))
    assert [trial["learning_rate"] for trial in quarter["trials"]][:10] == pytest.approx([trial["learning_rate"] for trial in plain["trials"]][:10])
    assert quarter["trials"][15]["loss"] != plain["trials"][15]["loss"]


@pytest.mark.parametrize("more, code, words", [
    (["--from", "1", "--to", "0.1"], 2, "--to: must be higher than --from"),
    (["--from", "0"], 2, "--from: must be positive and finite"),
    (["--to", "nan"], 2, "--to: must be positive and finite"),
    (["--steps", "3"], 2, "--steps"),
    (["--out", "lr.jpg"], 2, "--out"),
    (["--out", "lr.jpg/lr.png"], 2, "lr.jpg"),
    (["--from", "1e-12", "--to", "1e-11", "--steps", "20"], 6, "no rate made the loss fall"),
    (["--from", "1e20", "--to", "1e22", "--steps", "20"], 6, "the first rate is too high"),
    (["--set", "reducer.compression=fp16", "--from", "1e20", "--to", "1e22", "--steps", "20"], 6, "the first rate is too high"),
])
def test_what_cannot_be_found_is_said_in_one_sentence(config, tmp_path, more, code, words):
    (tmp_path / "lr.jpg").write_text("mine")
    done = find(config, *SGD, more=more, check=False, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr and done.stderr.count("error:") == 1, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "lr.jpg"]


def test_a_configuration_that_cannot_start_is_refused_as_by_train(config, tmp_path):
    assert find(config, "data.train=nowhere", check=False).returncode == 3
    assert find(config, "batch.global=960", check=False).returncode == 2
    assert find(config, "schedule.name=range", check=False).returncode == 2  # its own, and nobody else's
