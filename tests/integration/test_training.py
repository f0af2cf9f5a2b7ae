"""The main job end to end on generated pictures: train, resume, evaluate, predict, explain, report."""
import json
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest
from runs import BINARY, ROOT, SMALL, catamaran, metrics, settings


def train(config, run, *pairs, ranks=0, **kwargs):
    return catamaran("train", "--config", config, *settings(*SMALL, *pairs), "--run-dir", run, ranks=ranks, **kwargs)


def test_two_ranks_train_checkpoint_resume_evaluate_and_predict(config, packs, tmp_path):
    run = tmp_path / "run"
    train(config, run, "schedule.max_steps=12", ranks=2)
    first = metrics(run)
    assert [line["step"] for line in first] == list(range(1, 13))
    train(config, run, "schedule.max_steps=20", ranks=2)
    lines = metrics(run)
    assert [line["step"] for line in lines] == list(range(1, 21))
    assert lines[:12] == first
    losses = [line["loss"] for line in lines]
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])
    assert (run / "checkpoints/latest").read_text().strip() == "step-00000020"

    evaluation = json.loads(catamaran("eval", "--checkpoint", run, "--data", packs / "pack-test", "--json", "--scores", tmp_path / "scores.h5").stdout)
    assert evaluation["images"] == 33 and evaluation["classes"] == 4
    stored = json.loads((run / "eval/step-00000020.json").read_text())
    assert evaluation["map"] == pytest.approx(stored["map"], abs=1e-9)
    with h5py.File(tmp_path / "scores.h5") as scores:
        assert scores["score"].shape == (33, 4)
        assert list(scores.attrs["classes"]) == ["top left", "top right", "bottom left", "bottom right"]

    predicted = json.loads(catamaran("predict", "--checkpoint", run, packs / "test0.jpg", "--json").stdout)
    logits = h5py.File(tmp_path / "scores.h5")["score"][0]
    by_name = {entry["label"]: entry["probability"] for entry in predicted[0]["labels"]}
    assert by_name["top left"] == pytest.approx(1 / (1 + np.exp(-logits[0])), abs=1e-5)

    catamaran("explain", "--checkpoint", run, packs / "test0.jpg", packs / "test1.jpg", "--out", run / "explain")
    catamaran("report", run, "--out", tmp_path / "report.html")
    every_key_is_in_the_page_of_formats(run)
    page = (tmp_path / "report.html").read_text()
    assert '<script type="application/json" id="report-data">' in page and "data:image/jpeg;base64" in page


def every_key_is_in_the_page_of_formats(run):
    page = (ROOT / "docs/formats.md").read_text()
    explained = json.loads((run / "explain/explain.json").read_text())
    for entry in [metrics(run)[0], json.loads((run / "eval/step-00000020.json").read_text()), explained, explained["images"][0],
                  explained["images"][0]["labels"][0], json.loads((run / "checkpoints/step-00000020/state.json").read_text())]:
        assert [key for key in entry if f"`{key}`" not in page] == []


def test_one_rank_and_two_ranks_agree_step_by_step(config, tmp_path):
    # A calm descent: sums in another order differ in the last bit of fp32, and a step that jumps (or AdamW, which divides a
    # gradient near zero by its own size) doubles that bit from step to step whatever the number of ranks.
    frozen = ["model.backbone.bn=frozen", "schedule.max_steps=10", "train.log_samples=true", "optimizer.name=sgd", "optimizer.learning_rate=0.005"]
    train(config, tmp_path / "one", *frozen)
    train(config, tmp_path / "two", *frozen, ranks=2)
    train(config, tmp_path / "parts", *frozen, "batch.per_device=4")
    one, two, parts = (metrics(tmp_path / name) for name in ("one", "two", "parts"))
    assert len(one) == len(two) == len(parts) == 10
    for a, b, c in zip(one, two, parts):
        assert b["loss"] == pytest.approx(a["loss"], abs=1e-5)
        assert c["loss"] == pytest.approx(a["loss"], abs=1e-5)
        assert b["gradient_norm"] == pytest.approx(a["gradient_norm"], rel=1e-4)
        assert c["gradient_norm"] == pytest.approx(a["gradient_norm"], rel=1e-4)
    assert (tmp_path / "one/samples.jsonl").read_text() == (tmp_path / "two/samples.jsonl").read_text()


def test_a_resumed_run_equals_an_undisturbed_one(config, tmp_path):
    pairs = ["model.attention.dropout=0.1", "ema.decay=0.99"]
    train(config, tmp_path / "whole", *pairs, "schedule.max_steps=9", "checkpoint.every_steps=5")
    train(config, tmp_path / "halves", *pairs, "schedule.max_steps=5", "checkpoint.every_steps=5")
    train(config, tmp_path / "halves", *pairs, "schedule.max_steps=9", "checkpoint.every_steps=5")
    whole, halves = metrics(tmp_path / "whole"), metrics(tmp_path / "halves")
    assert [line["loss"] for line in whole] == [line["loss"] for line in halves]
    for name in ("model.safetensors", "ema.safetensors", "optimizer.safetensors"):
        left, right = (tmp_path / run / "checkpoints/step-00000009" / name for run in ("whole", "halves"))
        assert left.read_bytes() == right.read_bytes(), name


def ranks_of(run):
    return subprocess.run(["pgrep", "-f", f"catamaran train .*--run-dir {run}$"], capture_output=True, text=True).stdout.split()


def long_run_with_ranks(config, run):
    return subprocess.Popen([str(BINARY), "train", "--ranks", "2", "--config", str(config), *settings(*SMALL, "schedule.epochs=2000"),
                             "--run-dir", str(run)], stderr=subprocess.PIPE, text=True)


def test_term_to_a_run_with_ranks_stops_it_with_a_checkpoint_and_exit_75(config, tmp_path):
    run = tmp_path / "run"
    job = long_run_with_ranks(config, run)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (run / "metrics.jsonl").exists():
            time.sleep(0.1)
        assert len(ranks_of(run)) >= 3  # this process, mpirun, the ranks
        job.send_signal(signal.SIGTERM)
        job.communicate(timeout=30)
    finally:
        job.kill()
    assert job.returncode == 75
    state = json.loads((run / "checkpoints" / (run / "checkpoints/latest").read_text().strip() / "state.json").read_text())
    assert state["step"] == metrics(run)[-1]["step"]
    assert not ranks_of(run)


@pytest.mark.parametrize("delay", [0.02, 0.15, 0.4, 0.8, 1.5])
def test_a_stop_while_the_ranks_start_is_kept_until_they_can_hear_it(config, tmp_path, delay):
    run = tmp_path / "run"
    job = long_run_with_ranks(config, run)
    try:
        while "starting 2 ranks" not in job.stderr.readline():
            assert job.poll() is None
        time.sleep(delay)
        job.send_signal(signal.SIGUSR1)
        _, errors = job.communicate(timeout=60)
    finally:
        job.kill()
    assert job.returncode == 75, errors
    assert (run / "checkpoints/latest").exists() and not ranks_of(run)


@pytest.mark.parametrize("ranks", ["0", "-3", "4097", "two"])
def test_a_number_of_ranks_that_is_none_is_refused(config, tmp_path, ranks):
    for command in (["train", "--config", config, "--run-dir", tmp_path / "run"], ["eval", "--checkpoint", tmp_path, "--data", tmp_path]):
        done = catamaran(*command, "--ranks", ranks, check=False)
        assert done.returncode == 2 and "--ranks" in done.stderr, done.stderr
