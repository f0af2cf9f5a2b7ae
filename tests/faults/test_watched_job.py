"""Row 20: a job whose metrics are scraped is asked to stop: what it served is what it logged, and it goes on from there."""
import json
import re
import signal
import subprocess
import urllib.request

import pytest
from jobs import require_all_is_well
from runs import SMALL, catamaran, metrics, settings, started, wait_for


def endless(config, run, *pairs):
    return ["train", "--config", config, *settings(*SMALL, "schedule.epochs=2000", *pairs), "--run-dir", run]


def is_training(run):
    return (run / "metrics.jsonl").exists() and len(metrics(run)) > 2


def value(page, series):
    found = re.search(rf"^{re.escape(series)} (\S+)$", page, re.MULTILINE)
    assert found, f"no {series} in\n{page}"
    return float(found.group(1))


def test_row_20_usr1_stops_a_watched_job_with_a_checkpoint_and_exit_75_and_it_goes_on_from_there(config, tmp_path):
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
        job.communicate(timeout=60)
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
    require_all_is_well(run)
