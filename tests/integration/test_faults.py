"""What the outside does to a running job: a rank is killed, hangs, the job is asked to stop, and is watched meanwhile."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.request

import pytest
from runs import SMALL, catamaran, metrics, ranks_of, settings, started, wait_for


def endless(config, run, *pairs):
    return ["train", "--config", config, *settings(*SMALL, "schedule.epochs=2000", *pairs), "--run-dir", run]


def is_training(run):
    return (run / "metrics.jsonl").exists() and len(metrics(run)) > 2


def is_gone(process):
    return not os.path.exists(f"/proc/{process}") or open(f"/proc/{process}/stat").read().split()[2] == "Z"


def test_a_killed_rank_ends_the_job_within_ten_seconds_with_a_message(config, tmp_path):
    with started(*endless(config, tmp_path / "run"), ranks=2) as job:
        wait_for("the first steps", lambda: is_training(tmp_path / "run"))
        ranks = ranks_of(job)
        assert sorted(ranks) == [0, 1]
        os.kill(ranks[1], signal.SIGKILL)
        killed = time.monotonic()
        output, _ = job.communicate(timeout=10)
        assert time.monotonic() - killed < 10
    assert job.returncode == 137  # docs/exit-codes.md
    assert re.search(r"process rank 1\b.*exited on signal 9", output), output
    wait_for("the ranks' end", lambda: all(is_gone(process) for process in ranks.values()), 10)


def test_a_rank_that_hangs_ends_the_job_with_code_5_after_the_time_out(config, tmp_path):
    with started(*endless(config, tmp_path / "run", "comm.timeout_seconds=4"), ranks=2) as job:
        wait_for("the first steps", lambda: is_training(tmp_path / "run"))
        ranks = ranks_of(job)
        os.kill(ranks[1], signal.SIGSTOP)
        output, _ = job.communicate(timeout=14)
    assert job.returncode == 5
    assert re.search(r"catamaran: rank 0: error: rank 0 on \S+, \S+.*: no answer from at least one other rank within 4 s", output), output
    wait_for("the ranks' end", lambda: all(is_gone(process) for process in ranks.values()), 10)


def value(page, series):
    found = re.search(rf"^{re.escape(series)} (\S+)$", page, re.MULTILINE)
    assert found, f"no {series} in\n{page}"
    return float(found.group(1))


def test_usr1_stops_a_watched_job_with_a_checkpoint_and_exit_75_and_it_goes_on_from_there(config, tmp_path):
    run, pages = tmp_path / "run", []

    def scrape():
        pages.append(urllib.request.urlopen((run / "metrics-address.txt").read_text().strip(), timeout=5).read().decode())
        return pages[-1]

    def trains_and_has_kept_a_best():
        page = scrape()
        return value(page, 'catamaran_state{state="train"}') == 1 and value(page, 'catamaran_checkpoints_total{kind="best",result="ok"}') >= 1

    rare = ["checkpoint.every_epochs=0", "evaluate.every_epochs=5"]  # a checkpoint is written for the best evaluation alone
    with started(*endless(config, run, *rare), ranks=2) as job:
        wait_for("the first steps", lambda: is_training(run))
        wait_for("a checkpoint of the best", trains_and_has_kept_a_best)
        job.send_signal(signal.SIGUSR1)
        job.communicate(timeout=30)
    assert job.returncode == 75

    page = pages[-1]
    step = value(page, "catamaran_step")
    assert 30 <= step <= metrics(run)[-1]["step"]
    assert any(line["loss"] == pytest.approx(value(page, "catamaran_loss"), rel=1e-9) for line in metrics(run))
    assert value(page, 'catamaran_samples_total{split="train"}') == pytest.approx(16 * step, abs=16)
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")

    stopped = metrics(run)[-1]["step"]
    state = json.loads((run / "checkpoints" / (run / "checkpoints/latest").read_text().strip() / "state.json").read_text())
    assert state["step"] == stopped
    catamaran(*endless(config, run, *rare, f"schedule.max_steps={stopped + 3}"), ranks=2)
    assert [line["step"] for line in metrics(run)] == list(range(1, stopped + 4))
