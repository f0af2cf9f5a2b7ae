"""Steps whose loss or gradient norm jumps, by numerics.on_spike. The jump: a schedule whose rate is 300 times as high from step 31 on, so that
step 31 spoils the weights and step 32 is a spike."""
import json
import re

import numpy as np
import pytest
from runs import SMALL, catamaran, metrics, settings
from safetensors.numpy import load_file

SGD = ["optimizer.name=sgd", "optimizer.momentum=0", "optimizer.weight_decay=0", "data.eval=", "schedule.epochs=20", "train.log_samples=true"]
JUMP = [*SGD, "schedule.name=step", "schedule.milestones=[5]", "schedule.gamma=300", "optimizer.learning_rate=0.01", "numerics.spike_factor=4"]


def train(config, run, *pairs, ranks=2, **kwargs):
    return catamaran("train", "--config", config, *settings(*SMALL, *pairs), "--run-dir", run, ranks=ranks, **kwargs)


def skipped(run):
    return {line["step"]: line["skipped"] for line in metrics(run) if not line["applied"]}


def samples(run):
    return {line["step"]: line["ids"] for line in map(json.loads, (run / "samples.jsonl").read_text().splitlines())}


def same_files(run, one, other, files=("model", "optimizer")):
    for name in files:
        left, right = (load_file(run / f"checkpoints/step-{step:08d}/{name}.safetensors") for step in (one, other))
        assert left.keys() == right.keys()
        for key in left:
            np.testing.assert_array_equal(left[key], right[key], err_msg=f"{name}: {key}")


def names_the_images_of(done, run, step):
    found = re.findall(rf"step {step}: its images: (.*)", done.stderr)
    assert len(found) == 1 and found[0].split(", ") == samples(run)[step]


def upper_median(values):
    return sorted(values)[len(values) // 2]


def test_nothing_is_judged_unless_asked(config, tmp_path):
    train(config, tmp_path / "run", *JUMP, "schedule.max_steps=33")
    assert skipped(tmp_path / "run") == {}


def test_stop_ends_the_run_before_the_spike_touches_the_weights(config, tmp_path):
    run = tmp_path / "run"
    done = train(config, run, *JUMP, "numerics.on_spike=stop", "checkpoint.every_steps=1", check=False)
    assert done.returncode == 6, done.stderr
    assert done.stderr.count("error:") == 1 and re.search(r"step 32: a spike: loss \S+ is \S+ times the median \S+ of the newest 31 steps", done.stderr)
    assert skipped(run) == {32: "spike"}
    assert (run / "checkpoints/latest").read_text().strip() == "step-00000031"
    names_the_images_of(done, run, 32)


def test_skip_leaves_everything_as_it_was_and_too_many_in_a_row_end_the_run(config, tmp_path):
    run = tmp_path / "run"
    done = train(config, run, *JUMP, "numerics.on_spike=skip", "numerics.spike_factor=3", "checkpoint.every_steps=1", "checkpoint.keep=9", "ema.decay=0.9",
                 "optimizer.momentum=0.9", "numerics.max_consecutive_skips=3", check=False)
    assert done.returncode == 6, done.stderr
    assert "3 steps in a row were spikes or not finite" in done.stderr and done.stderr.count("error:") == 1
    first = min(skipped(run))
    assert skipped(run) == {first: "spike", first + 1: "spike", first + 2: "spike"} and first in (31, 32, 33)
    for step in (first, first + 1):
        same_files(run, first - 1, step, ("model", "optimizer", "ema"))
        names_the_images_of(done, run, step)
    state = json.loads((run / f"checkpoints/step-{first + 1:08d}/state.json").read_text())
    assert state["skipped_in_row"] == 2


def test_a_step_is_skipped_exactly_where_it_is_above_the_factor_times_the_median_of_the_window(config, tmp_path):
    run = tmp_path / "run"
    train(config, run, *SGD, "schedule.name=constant", "optimizer.learning_rate=0.02", "numerics.on_spike=skip", "numerics.spike_factor=1.25",
          "numerics.spike_window=20", "numerics.max_consecutive_skips=1000", "schedule.max_steps=70")
    losses, norms, judged = [], [], 0
    for line in metrics(run):
        spike = len(losses) >= 20 and (line["loss"] > 1.25 * upper_median(losses[-20:]) or line["gradient_norm"] > 1.25 * upper_median(norms[-20:]))
        assert line["applied"] == (not spike), line["step"]
        judged += spike
        if not spike:
            losses.append(line["loss"])
            norms.append(line["gradient_norm"])
    assert 0 < judged < 50


def test_rollback_brings_back_the_newest_checkpoint_while_the_data_goes_on_and_gives_up_after_three(config, tmp_path):
    run = tmp_path / "run"
    pairs = [*JUMP, "numerics.on_spike=rollback", "checkpoint.every_steps=16", "checkpoint.keep=9", "ema.decay=0.9"]
    done = train(config, run, *pairs, check=False)
    assert done.returncode == 6, done.stderr
    assert skipped(run) == {32: "spike", 34: "spike", 36: "spike", 38: "spike"}
    assert "step 32: back to the weights of step 16 " in done.stderr, done.stderr
    same_files(run, 16, 32, ("model", "optimizer", "ema"))  # step 32 ended with a checkpoint of what it went back to
    for step, time in ((34, 2), (36, 3)):
        assert re.search(rf"step {step}: back to the weights of step 32 .*, time {time} of 3 at most", done.stderr), done.stderr
    assert "step 38: 3 times back to the same checkpoint, and again a spike" in done.stderr and done.stderr.count("error:") == 1
    losses = {line["step"]: line["loss"] for line in metrics(run)}
    assert all(losses[step] < 2 * losses[16] for step in (33, 35, 37)), "the weights of step 16"
    assert list(samples(run)) == list(range(1, 39)), "no step's images come twice"


def test_a_rollback_goes_back_to_the_checkpoint_that_the_run_began_anew_from(config, tmp_path):
    run = tmp_path / "run"
    pairs = [*JUMP, "checkpoint.every_steps=10", "checkpoint.keep=9"]
    train(config, run, *pairs, "numerics.on_spike=none", "schedule.max_steps=50", "schedule.gamma=1")
    older = run / "checkpoints/step-00000010"
    pairs += ["numerics.on_spike=rollback", "checkpoint.every_steps=1000", "schedule.max_steps=32"]
    done = catamaran("train", "--config", config, *settings(*SMALL, *pairs), "--run-dir", run, "--resume", older, ranks=2)
    assert skipped(run) == {32: "spike"}
    assert "step 32: back to the weights of step 10 " in done.stderr, done.stderr
    same_files(run, 10, 32)


@pytest.mark.parametrize("pairs, key", [
    (["numerics.on_spike=rolback"], "numerics.on_spike"), (["numerics.spike_factor=1"], "numerics.spike_factor"),
    (["numerics.spike_window=10"], "numerics.spike_window"), (["numerics.on_spike=rollback", "checkpoint.every_epochs=0"], "checkpoint.every_steps")])
def test_options_that_cannot_work_are_refused(config, tmp_path, pairs, key):
    done = train(config, tmp_path / "run", *pairs, ranks=0, check=False)
    assert done.returncode == 2 and key in done.stderr, done.stderr
