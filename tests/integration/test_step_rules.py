"""Rules of the step and of the run directory that no loss curve shows."""
import json
import shutil

import numpy as np
import pytest
from runs import SMALL, catamaran, metrics, settings
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

PLAIN_SGD = ["optimizer.name=sgd", "optimizer.momentum=0", "optimizer.weight_decay=0", "evaluate.every_epochs=0", "data.eval="]


def train(config, run, *pairs, ranks=0, more=(), **kwargs):
    return catamaran("train", "--config", config, *settings(*SMALL, *pairs), "--run-dir", run, *more, ranks=ranks, **kwargs)


def weights(run, step):
    """What is trained, without the statistics of batch norm."""
    file = load_file(run / f"checkpoints/step-{step:08d}/model.safetensors")
    return {name: value for name, value in file.items() if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))}


def distance(a, b):
    return np.sqrt(sum(np.sum((a[name].astype(np.float64) - b[name]) ** 2) for name in a))


def checkpoints(run):
    return sorted(int(path.name[5:]) for path in (run / "checkpoints").glob("step-*"))


def sampled_steps(run):
    return [json.loads(line)["step"] for line in (run / "samples.jsonl").read_text().splitlines()]


@pytest.fixture
def start(config, tmp_path):
    """Weights to start from: a run of one step."""
    train(config, tmp_path / "start", *PLAIN_SGD, "schedule.max_steps=1")
    return tmp_path / "start"


def test_a_gradient_longer_than_max_norm_is_cut_to_it_and_measured_before(config, start, tmp_path):
    one_step = [*PLAIN_SGD, f"weights.init={start}", "schedule.max_steps=1", "optimizer.learning_rate=0.5"]
    train(config, tmp_path / "whole", *one_step)
    train(config, tmp_path / "cut", *one_step, "clip.max_norm=0.05")
    norm = metrics(tmp_path / "whole")[0]["gradient_norm"]
    assert norm > 0.1
    assert metrics(tmp_path / "cut")[0]["gradient_norm"] == norm
    assert distance(weights(tmp_path / "whole", 1), weights(start, 1)) == pytest.approx(0.5 * norm, rel=1e-3)
    assert distance(weights(tmp_path / "cut", 1), weights(start, 1)) == pytest.approx(0.5 * 0.05, rel=1e-3)


@pytest.mark.parametrize("cause", ["loss", "learning rate"])
def test_steps_that_are_not_finite_leave_the_weights_alone_and_end_the_run_with_code_6(config, start, tmp_path, cause):
    path = start / "checkpoints/step-00000001/model.safetensors"
    pairs = [f"weights.init={path}", "optimizer.learning_rate=1e10", "schedule.name=onecycle", "schedule.div_factor=1e-300"]
    if cause == "loss":
        broken = load_file(path)
        broken["alpha"] = np.full_like(broken["alpha"], np.nan)
        with safe_open(path, "numpy") as file:
            save_file(broken, tmp_path / "nan.safetensors", metadata=file.metadata())
        pairs = [f"weights.init={tmp_path}/nan.safetensors"]
    done = train(config, tmp_path / "run", *PLAIN_SGD, *pairs, "schedule.max_steps=9", "numerics.max_consecutive_skips=3", "checkpoint.every_steps=1",
                 ranks=2, check=False)
    assert done.returncode == 6, done.stderr
    assert "3 steps in a row were not finite" in done.stderr and done.stderr.count("error:") == 1
    lines = metrics(tmp_path / "run")
    assert [line["applied"] for line in lines] == [False] * 3
    assert (lines[0]["loss"] is None) == (cause == "loss") and (lines[0]["learning_rate"] is None) == (cause == "learning rate")
    before, after = load_file(pairs[0].split("=")[1]), weights(tmp_path / "run", 1)
    for name, value in after.items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_a_run_of_two_ranks_goes_on_with_one_in_the_same_order(config, tmp_path):
    pairs = ["model.backbone.bn=frozen", "optimizer.name=sgd", "optimizer.learning_rate=0.005", "train.log_samples=true", "data.eval="]
    train(config, tmp_path / "whole", *pairs, "schedule.max_steps=10", ranks=2)
    train(config, tmp_path / "halves", *pairs, "schedule.max_steps=5", ranks=2)
    train(config, tmp_path / "halves", *pairs, "schedule.max_steps=10")
    worlds = [json.loads((tmp_path / f"halves/checkpoints/step-{step:08d}/state.json").read_text())["world"] for step in (5, 10)]
    assert worlds == [2, 1]
    assert (tmp_path / "halves/samples.jsonl").read_text() == (tmp_path / "whole/samples.jsonl").read_text()
    assert sampled_steps(tmp_path / "whole") == list(range(1, 11))
    for a, b in zip(metrics(tmp_path / "whole"), metrics(tmp_path / "halves"), strict=True):
        assert b["loss"] == pytest.approx(a["loss"], abs=1e-5)


def test_the_program_starts_its_ranks_itself(config, tmp_path):
    done = train(config, tmp_path / "run", "schedule.max_steps=2", "data.eval=", more=["--ranks", 2])
    assert "starting 2 ranks: mpirun" in done.stderr
    assert json.loads((tmp_path / "run/manifest.json").read_text())["lives"][0]["world"] == 2
    assert [line["images"] for line in metrics(tmp_path / "run")] == [16, 16]


def test_a_resume_from_an_older_checkpoint_writes_every_step_of_the_logs_once(config, tmp_path):
    run, pairs = tmp_path / "run", ["train.log_samples=true", "checkpoint.every_steps=4", "data.eval="]
    train(config, run, *pairs, "schedule.max_steps=8")
    first = (run / "samples.jsonl").read_text()
    shutil.rmtree(run / "checkpoints/step-00000008")
    (run / "checkpoints/latest").unlink()
    with open(run / "samples.jsonl", "a") as file:
        file.write('{"step":9,"ids":["trai')  # what a kill leaves
    train(config, run, *pairs, "schedule.max_steps=10")
    assert sampled_steps(run) == list(range(1, 11)) == [line["step"] for line in metrics(run)]
    assert (run / "samples.jsonl").read_text().startswith(first)


def test_the_best_is_kept_where_no_checkpoint_was_due(config, packs, tmp_path):
    run = tmp_path / "run"
    still = ["model.backbone.bn=frozen", "optimizer.learning_rate=1e-30"]  # so the first of three evaluations stays the best
    train(config, run, *still, "schedule.max_steps=18", "evaluate.every_epochs=1", "checkpoint.every_epochs=0", "checkpoint.keep=1")
    assert sorted(path.name for path in (run / "eval").iterdir()) == ["epoch-0001.json", "epoch-0002.json", "epoch-0003.json"]
    assert checkpoints(run) == [6, 18]
    best = json.loads((run / "eval/epoch-0001.json").read_text())["map"]
    state = json.loads((run / "checkpoints/step-00000018/state.json").read_text())
    assert (state["best_step"], state["best_map"]) == (6, pytest.approx(best))
    again = json.loads(catamaran("eval", "--checkpoint", run / "checkpoints/step-00000006", "--data", packs / "pack-test", "--json").stdout)
    assert again["map"] == pytest.approx(best, abs=1e-9)
