"""What is taken for the end of a run's time, and how a stop is told. That a run ends in time and goes on afterwards: tests/faults/test_time_is_up.py."""
import json
import signal
import time

import pytest
from runs import SMALL, catamaran, metrics, settings, started, wait_for


def train(config, run, *pairs, more=(), ranks=2, **kwargs):
    return catamaran("train", "--config", config, *settings(*SMALL, "schedule.epochs=20000", *pairs), "--run-dir", run, *more, ranks=ranks, **kwargs)


def newest_step(run):
    return json.loads((run / "checkpoints" / (run / "checkpoints/latest").read_text().strip() / "state.json").read_text())["step"]


def endings(run):
    return [life.get("ended", {}).get("reason") for life in json.loads((run / "manifest.json").read_text())["lives"]]


@pytest.mark.parametrize("end", ["1000", "soon"])
def test_an_end_of_the_job_that_cannot_be_is_told_and_not_kept(config, tmp_path, monkeypatch, end):
    monkeypatch.setenv("SLURM_JOB_END_TIME", end)
    done = train(config, tmp_path / "run", "schedule.max_steps=1", "data.eval=")
    assert done.stderr.count(f"SLURM_JOB_END_TIME='{end}'") == 1 and "stops by" not in done.stderr


def test_max_time_takes_the_place_of_the_jobs_end(config, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 1))
    done = train(config, tmp_path / "run", "schedule.max_steps=2", "data.eval=", more=["--max-time", "1:00:00"])
    assert "UTC: --max-time" in done.stderr and len(metrics(tmp_path / "run")) == 2


def test_a_time_that_is_up_soon_leaves_a_step_at_least_and_its_evaluation_is_made_up_for(config, tmp_path):
    run, every_step = tmp_path / "run", "evaluate.every_epochs=0.17"

    def evaluated(step):  # an epoch is six steps
        return (run / "eval" / (f"epoch-{step // 6:04d}.json" if step % 6 == 0 else f"step-{step:08d}.json")).exists()
    done = train(config, run, every_step, more=["--max-time", "1s"], check=False)
    assert done.returncode == 75, done.stderr
    stopped = newest_step(run)
    assert [line["step"] for line in metrics(run)] == list(range(1, stopped + 1)) and stopped >= 1
    assert not evaluated(stopped), "it would have ended after the limit"
    train(config, run, every_step, f"schedule.max_steps={stopped + 1}")
    assert evaluated(stopped) and evaluated(stopped + 1)


@pytest.mark.parametrize("given", ["90", "1.5h", "2h30", "02:30", "soon", "0s", "367d"])
def test_a_max_time_that_is_none_is_refused_with_the_forms_that_are(config, tmp_path, given):
    done = train(config, tmp_path / "run", more=["--max-time", given], ranks=0, check=False)
    assert done.returncode == 2, done.stderr
    assert "--max-time" in done.stderr and f"'{given}'" in done.stderr and "2h30m, 90s" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_signal_is_named_as_the_reason_of_a_stop(config, tmp_path):
    run = tmp_path / "run"
    words = ["train", "--config", config, *settings(*SMALL, "schedule.epochs=20000"), "--run-dir", run]
    with started(*words, ranks=2) as job:
        wait_for("the first steps", lambda: (run / "metrics.jsonl").exists() and len(metrics(run)) > 2)
        job.send_signal(signal.SIGUSR1)
        output, _ = job.communicate(timeout=60)
    assert job.returncode == 75
    assert f"a signal stopped the run after step {newest_step(run)}" in output
    assert endings(run) == ["signal"]
