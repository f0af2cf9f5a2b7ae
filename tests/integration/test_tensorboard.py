"""monitoring.tensorboard: event files, read back by the tensorboard package itself, also over restarts."""
import json
import signal

import pytest
from runs import SMALL, catamaran, metrics, settings, started, wait_for
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.compat.proto import event_pb2

STEP_TAGS = {"train/loss": "loss", "train/learning_rate": "learning_rate", "train/gradient_norm": "gradient_norm", "speed/images_per_second": "images_per_second",
             "speed/data_wait_ratio": "data_wait_ratio"}
EVAL_TAGS = {"map", "of1", "cf1", "op", "or", "cp", "cr", "top3_of1", "top3_cf1"}


def words(config, run, *pairs):
    return ["train", "--config", config, *settings(*SMALL, "monitoring.tensorboard=true", *pairs), "--run-dir", run]


def scalars(run):
    """By tag: values by step, as TensorBoard shows them."""
    reader = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    reader.Reload()
    found = {}
    for tag in reader.Tags()["scalars"]:
        events = reader.Scalars(tag)
        found[tag] = {event.step: event.value for event in events}
        assert len(found[tag]) == len(events), f"{tag} has two values of a step"
    return found


def event_files(run):
    return sorted((run / "tensorboard").iterdir())


def require_the_runs_own_values(run):
    found, logged = scalars(run), metrics(run)
    for tag, key in STEP_TAGS.items():
        assert found[tag] == {line["step"]: pytest.approx(line[key], rel=1e-6) for line in logged}, tag
    return found


def test_tensorboard_reads_back_what_the_run_logged(config, tmp_path):
    run = tmp_path / "run"
    catamaran(*words(config, run, "schedule.max_steps=12"))
    found = require_the_runs_own_values(run)
    assert set(found) == set(STEP_TAGS) | {f"eval_raw/{name}" for name in EVAL_TAGS}
    evaluations = [json.loads(file.read_text()) for file in sorted((run / "eval").glob("*.json"))]
    assert found["eval_raw/map"] == {one["step"]: pytest.approx(one["map"], rel=1e-6) for one in evaluations} and set(found["eval_raw/map"]) == {6, 12}
    for one in evaluations:
        assert found["eval_raw/cf1"][one["step"]] == pytest.approx(one["cf1"], rel=1e-6)
        assert found["eval_raw/top3_of1"][one["step"]] == pytest.approx(one["top3"]["of1"], rel=1e-6)


def test_evaluations_of_averaged_weights_have_tags_of_their_own_and_steps_are_as_many_as_logged(config, tmp_path):
    run = tmp_path / "run"
    catamaran(*words(config, run, "schedule.max_steps=12", "ema.decay=0.9", "log.every_steps=4"))
    found = require_the_runs_own_values(run)
    assert set(found["train/loss"]) == {4, 8, 12} and set(found["eval_ema/map"]) == {6, 12} and "eval_raw/map" not in found


def test_the_plugin_of_scalars_is_named_and_every_file_begins_as_readers_want(config, tmp_path):
    run = tmp_path / "run"
    catamaran(*words(config, run, "schedule.max_steps=3", "data.eval="))
    events = [event_pb2.Event.FromString(raw) for raw in RawEventFileLoader(str(event_files(run)[0])).Load()]
    assert events[0].file_version == "brain.Event:2" and events[1].session_log.status == event_pb2.SessionLog.START and events[1].step == 1
    first = {value.tag: value.metadata.plugin_data.plugin_name for event in events[2:3] for value in event.summary.value}
    assert first == {tag: "scalars" for tag in STEP_TAGS}
    assert all(abs(event.wall_time - events[0].wall_time) < 600 for event in events)
    readers = EventMultiplexer().AddRunsFromDirectory(str(run))
    readers.Reload()
    assert list(readers.Runs()) == ["tensorboard"] and len(readers.Tensors("tensorboard", "train/loss")) == 3


def test_a_run_that_was_killed_and_goes_on_shows_every_step_once(config, tmp_path):
    run = tmp_path / "run"
    endless = ["schedule.epochs=20000", "checkpoint.every_steps=5", "evaluate.every_epochs=0"]
    with started(*words(config, run, *endless), ranks=0) as job:
        wait_for("a checkpoint and steps after it", lambda: (run / "checkpoints/latest").exists() and len(metrics(run)) > 12)
        job.kill()
        job.communicate()
    killed_at = metrics(run)[-1]["step"]
    last = event_files(run)[-1]
    last.write_bytes(last.read_bytes()[:-7])  # as a kill within a record leaves it
    with started(*words(config, run, *endless), ranks=0) as job:
        wait_for("more steps", lambda: metrics(run)[-1]["step"] > killed_at + 5)
        job.send_signal(signal.SIGUSR1)
        job.communicate(timeout=60)
    assert job.returncode == 75
    catamaran(*words(config, run, *endless, f"schedule.max_steps={metrics(run)[-1]['step'] + 4}"))
    assert len(event_files(run)) == 3
    require_the_runs_own_values(run)


def test_without_the_key_there_is_nothing_of_it(config, tmp_path):
    run = tmp_path / "run"
    catamaran("train", "--config", config, *settings(*SMALL, "schedule.max_steps=2", "data.eval="), "--run-dir", run)
    assert not (run / "tensorboard").exists()
