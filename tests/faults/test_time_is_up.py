"""Rows 21 and 22: a run ends by itself before its time is up, with a checkpoint of its last step, and goes on afterwards; and it says so when it could not."""
import json
import os
import signal
import time

from jobs import require_all_is_well
from runs import SMALL, metrics, ranks_of, settings, started, wait_for
from test_time_limit import endings, newest_step, train


def seconds_of_log(run):
    """From the first line to the last, of the newest life."""
    times = [json.loads(line)["time"] for line in (run / "log.jsonl").read_text().splitlines()]
    return times[-1] - times[0]


def stopped_cleanly_within(seconds, run, done, cause):
    assert done.returncode == 75, done.stderr
    assert done.stderr.count("stops by ") == 1 and f" UTC: {cause}" in done.stderr
    assert done.stderr.count(f"the time limit ({cause}) is") == 1 and "2 x checkpoint" in done.stderr
    assert "stopped with a checkpoint; the same command goes on from there" in done.stderr
    assert newest_step(run) == metrics(run)[-1]["step"]
    assert seconds_of_log(run) < seconds
    assert endings(run) == ["time limit"]
    require_all_is_well(run)


def goes_on(config, run, *pairs):
    """Two steps more, each step once."""
    stopped = metrics(run)[-1]["step"]
    done = train(config, run, *pairs, f"schedule.max_steps={stopped + 2}")
    assert [line["step"] for line in metrics(run)] == list(range(1, stopped + 3))
    assert "not clean" not in done.stderr and "stops by" not in done.stderr
    assert endings(run) == ["time limit", "done"]


def test_row_21_a_run_ends_before_its_max_time_with_a_checkpoint_and_goes_on(config, tmp_path, record):
    run = tmp_path / "run"
    done = train(config, run, more=["--max-time", "8s"], check=False)
    stopped_cleanly_within(8, run, done, "--max-time")
    goes_on(config, run)
    record(21, "time limit near", "train --max-time 8s on 2 ranks", "exit 75 before it, with a checkpoint of the last step; the same command goes on")


def test_row_21_a_run_ends_before_its_slurm_job_does(config, tmp_path, monkeypatch, record):
    run = tmp_path / "run"
    end = int(time.time()) + 10
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(end))
    done = train(config, run, check=False)
    assert time.time() < end + 3
    stopped_cleanly_within(10, run, done, "Slurm's end of the job")
    monkeypatch.delenv("SLURM_JOB_END_TIME")
    goes_on(config, run)
    record(21, "time limit near", "SLURM_JOB_END_TIME ten seconds ahead (a real Slurm: tests/slurm)",
           "exit 75 before it, with a checkpoint of the last step; the same command goes on")


def test_row_22_a_run_that_was_killed_tells_how_many_steps_it_repeats(config, tmp_path, record):
    run, rare = tmp_path / "run", ["data.eval=", "checkpoint.every_epochs=0"]
    train(config, run, *rare, "schedule.max_steps=5")
    words = ["train", "--config", config, *settings(*SMALL, "schedule.epochs=20000", *rare), "--run-dir", run]
    with started(*words, ranks=2) as job:
        wait_for("a few steps more", lambda: len(metrics(run)) > 8)
        for rank in ranks_of(job).values():
            os.kill(rank, signal.SIGKILL)
        job.communicate(timeout=30)
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines(keepends=True) if line.endswith("}\n")]
    done = train(config, run, *rare, f"schedule.max_steps={steps[-1] + 1}")
    assert f"the last stop was not clean: {steps[-1] - 5} steps are repeated" in done.stderr
    assert [line["step"] for line in metrics(run)] == list(range(1, steps[-1] + 2))
    assert endings(run) == ["done", None, "done"]
    require_all_is_well(run)
    record(22, "stopped without a checkpoint", "kill -9 of both ranks some steps after the newest checkpoint",
           'the next start says "the last stop was not clean: N steps are repeated"')
