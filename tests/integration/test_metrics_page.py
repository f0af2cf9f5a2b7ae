"""The metrics of real runs: what promtool says of them, that they add up, survive restarts, and can still be seen when a run is over."""
import contextlib
import http.client
import json
import math
import os
import re
import signal
import subprocess
import threading
import time
import urllib.request

import pytest
from runs import ROOT, SMALL, catamaran, metrics, ranks_of, settings, started, wait_for

ROW = re.compile(r"^\| `(\w+)` \| (gauge|counter|histogram) \| (.+?) \|", re.MULTILINE)


def words(config, run, *pairs):
    return ["train", "--config", config, *settings(*SMALL, "checkpoint.most_starts_without_progress=0", *pairs), "--run-dir", run]


def endless(config, run, *pairs):
    return words(config, run, "schedule.epochs=2000", "evaluate.every_epochs=0", "checkpoint.every_epochs=0", *pairs)


def scrape(run):
    return urllib.request.urlopen((run / "metrics-address.txt").read_text().strip(), timeout=10).read().decode()


def value(page, series):
    found = re.search(rf"^{re.escape(series)} (\S+)$", page, re.MULTILINE)
    assert found, f"{series} is not on the page"
    return float(found.group(1))


def values(page, name):
    """By the text of the labels."""
    return {labels: float(number) for labels, number in re.findall(rf"^{name}({{[^}}]*}})? (\S+)$", page, re.MULTILINE)}


def require_no_complaint(page):
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def wait_for_steps(run, job, count):
    def has_them():
        assert job.poll() is None, job.communicate()[0]
        return (run / "metrics.jsonl").exists() and (run / "metrics.jsonl").read_bytes().count(b"\n") >= count
    wait_for(f"{count} steps", has_them)


def stop(job):
    job.send_signal(signal.SIGUSR1)
    output, _ = job.communicate(timeout=60)
    assert job.returncode == 75, output
    return output


class Scraper(threading.Thread):
    """A Prometheus in a hurry: every page that it got, until it is left."""

    def __init__(self, run, interval):
        super().__init__(daemon=True)
        self.run_dir, self.interval, self.pages, self.over = run, interval, [], threading.Event()

    def run(self):
        while not self.over.wait(self.interval):
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.pages.append(scrape(self.run_dir))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


def test_a_page_of_two_ranks_is_what_promtool_and_the_table_say(config, tmp_path):
    run = tmp_path / "run"
    with started(*endless(config, run), ranks=2) as job:
        wait_for_steps(run, job, 30)
        page = scrape(run)
        again = scrape(run)
        stop(job)
    require_no_complaint(page)
    table = {name: kind for name, kind, _ in ROW.findall((ROOT / "docs/metrics.md").read_text())}
    shown = dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE))
    assert shown == {name: kind for name, kind in table.items() if not name.startswith("catamaran_gpu_")}
    assert re.findall(r"^# HELP (\w+) \S", page, re.MULTILINE) == list(shown), "each has its words"
    assert set(values(page, "catamaran_rank_compute_seconds")) == {'{stat="min"}', '{stat="p50"}', '{stat="max"}', '{rank="0"}', '{rank="1"}'}
    compute = values(page, "catamaran_rank_compute_seconds")
    assert 0 < compute['{stat="min"}'] <= compute['{stat="p50"}'] <= compute['{stat="max"}'] < 10
    assert value(page, 'catamaran_watchdog_heartbeat_age_seconds{stat="max"}') < 10
    assert value(page, 'catamaran_collective_duration_seconds_count{op="metrics"}') >= value(page, "catamaran_step") - 1
    assert value(page, 'catamaran_collective_duration_seconds_count{op="gradient"}') > 0
    assert value(page, 'catamaran_allreduce_bytes_total{op="metrics"}') > 0
    assert value(page, "catamaran_read_bytes_total") > 0 and value(page, "catamaran_parameter_norm") > 0
    assert value(page, "catamaran_run_dir_free_bytes") > 0
    assert math.isinf(value(page, "catamaran_deadline_timestamp_seconds"))
    assert value(again, "catamaran_scrape_render_seconds") > 0


def test_phases_sum_to_the_wall_time_of_the_process_to_one_percent(config, tmp_path):
    run = tmp_path / "run"
    with started(*endless(config, run, "log.every_steps=5"), ranks=2) as job:
        wait_for_steps(run, job, 20)
        page = scrape(run)
        stop(job)
    wall = value(page, "catamaran_last_step_timestamp_seconds") - value(page, "catamaran_start_timestamp_seconds")
    phases = values(page, "catamaran_phase_seconds_total")
    assert sum(phases.values()) == pytest.approx(wall, rel=0.01)
    of_steps = sum(phases[f'{{phase="{name}"}}'] for name in ("data_wait", "h2d", "forward", "backward", "allreduce_exposed", "optimizer"))
    assert of_steps == pytest.approx(value(page, "catamaran_step_duration_seconds_sum"), rel=0.05), "what a step is made of has names"
    assert value(page, "process_start_time_seconds") == pytest.approx(value(page, "catamaran_start_timestamp_seconds"), abs=15)


def kill_all(job):
    for process in ranks_of(job).values():
        os.kill(process, signal.SIGKILL)
    job.communicate(timeout=30)


def checkpoint_step(run):
    return int((run / "checkpoints/latest").read_text().strip().removeprefix("step-"))


def test_numbers_of_a_whole_life_survive_restarts(config, tmp_path):
    run = tmp_path / "run"
    with started(*endless(config, run, "checkpoint.every_steps=10"), ranks=2) as job:
        wait_for("a checkpoint", (run / "checkpoints/latest").exists)
        wait_for_steps(run, job, checkpoint_step(run) + 5)
        page = scrape(run)
        assert value(page, "catamaran_restarts") == 0 and value(page, "catamaran_lost_steps") == 0
        kill_all(job)
    lost = 0
    for restarts, without_progress in ((1, 0), (2, 1), (3, 2)):
        stood, logged = checkpoint_step(run), metrics(run)[-1]["step"]
        lost += logged - stood
        with started(*endless(config, run, "checkpoint.every_steps=100000"), ranks=2) as job:
            wait_for("steps of this start", lambda: job.poll() is not None or (metrics(run)[-1]["step"] != logged and metrics(run)[-1]["step"] > stood + 3))
            page = scrape(run)
            kill_all(job)
        assert value(page, "catamaran_restarts") == restarts
        assert value(page, "catamaran_restarts_without_progress") == without_progress
        assert value(page, "catamaran_lost_steps") == lost
        assert value(page, "catamaran_step") > stood
        assert value(page, 'catamaran_steps_total{result="ok"}') < value(page, "catamaran_step"), "counters are this start's"
        assert 0 < value(page, "catamaran_goodput_ratio") < 1
    manifest = json.loads((run / "manifest.json").read_text())
    assert sum(life.get("repeated_steps", 0) for life in manifest["lives"]) == lost


def test_the_time_limit_is_a_deadline(config, tmp_path):
    run = tmp_path / "run"
    with started(*endless(config, run), "--max-time", "1h", ranks=0) as job:
        wait_for_steps(run, job, 3)
        page = scrape(run)
        stop(job)
    assert value(page, "catamaran_deadline_timestamp_seconds") == pytest.approx(value(page, "catamaran_start_timestamp_seconds") + 3600, abs=2)


def test_a_run_that_ends_well_is_seen_to_be_finished_by_who_scrapes_it(config, tmp_path):
    run = tmp_path / "run"
    done = words(config, run, "schedule.epochs=2000", "schedule.max_steps=150", "evaluate.every_epochs=0", "checkpoint.every_epochs=0", "monitoring.linger_seconds=2",
                 "testing.enabled=true", "testing.fault=rank=0,step=120,kind=slow,value=0.1")
    with Scraper(run, 0.5) as scraper, started(*done, ranks=2) as job:
        output, _ = job.communicate(timeout=120)
    assert job.returncode == 0, output
    assert value(scraper.pages[-1], 'catamaran_state{state="finish"}') == 1
    assert value(scraper.pages[-1], "catamaran_step") == 150
    assert value(scraper.pages[-1], 'catamaran_checkpoints_total{kind="final",result="ok"}') == 1
    assert value(scraper.pages[-1], "catamaran_eval_f1_ratio{average=\"micro\"}") >= 0
    final = (run / "final.prom").read_text()
    require_no_complaint(final)
    assert re.search(r'^catamaran_final_info\{run="run",state="finish",reason="done",cause=""\} 1$', final, re.MULTILINE), final
    assert value(final, 'catamaran_final_exit_code{run="run"}') == 0
    assert value(final, 'catamaran_final_step{run="run"}') == 150


def failing(config, run, *pairs, more=""):
    """Rank 1's weights change in step 7; the comparison after step 10 ends the job with code 6."""
    return endless(config, run, "optimizer.name=sgd", "optimizer.learning_rate=1e-30", "numerics.consistency_every_steps=5", "testing.enabled=true",
                   "testing.fault=rank=1,step=7,kind=flip_weight" + more, *pairs)


def test_a_failure_that_all_ranks_share_is_still_seen_by_who_scrapes_the_run(config, tmp_path):
    run = tmp_path / "run"
    with Scraper(run, 0.1) as scraper, started(*failing(config, run, f"monitoring.discovery_folder={tmp_path}/targets", "monitoring.linger_seconds=20"), ranks=2) as job:
        begin = time.monotonic()
        output, _ = job.communicate(timeout=120)
        took = time.monotonic() - begin
    assert job.returncode == 6, output
    assert len(re.findall(r"\berror: ", output)) == 1, output
    assert value(scraper.pages[-1], "catamaran_consistency_check_failures_total") == 1
    assert value(scraper.pages[-1], 'catamaran_state{state="finish"}') == 1
    assert took < 60, "the next scrape ended it"
    final = (run / "final.prom").read_text()
    require_no_complaint(final)
    assert re.search(r'reason="failure",cause="consistency check at step 10: tensor ', final), final
    assert value(final, 'catamaran_final_exit_code{run="run"}') == 6
    assert len(list((tmp_path / "targets").glob("*.json"))) == 1, "so that the target is seen to be down"


def test_a_failure_ends_a_run_at_once_that_nobody_scrapes(config, tmp_path):
    run = tmp_path / "run"
    done = catamaran(*failing(config, run), ranks=2, check=False)
    assert done.returncode == 6, done.stderr
    failed = [line["time"] for line in map(json.loads, (run / "log.jsonl").read_text().splitlines()) if line["level"] == "error"]
    newest = os.stat(run / "metrics.jsonl").st_mtime
    assert failed[0] - newest < 10, "of the thirty seconds that it would wait for a scrape"


def test_a_signal_ends_the_wait_for_a_scrape(config, tmp_path):
    run = tmp_path / "run"
    with started(*failing(config, run, "monitoring.linger_seconds=600", more=";rank=0,step=1,kind=slow,value=0.3"), ranks=2) as job:
        wait_for("its page", (run / "metrics-address.txt").exists)
        scrape(run)  # so it is watched; then nobody comes any more
        wait_for_steps(run, job, 10)
        time.sleep(3)
        assert job.poll() is None, "it waits to be scraped once more"
        job.send_signal(signal.SIGUSR1)
        output, _ = job.communicate(timeout=30)
    assert job.returncode == 6, output


def test_a_rank_that_is_killed_leaves_its_cause_in_final_prom(config, tmp_path):
    run = tmp_path / "run"
    with started(*endless(config, run), ranks=2) as job:
        wait_for_steps(run, job, 5)
        os.kill(ranks_of(job)[1], signal.SIGKILL)
        output, _ = job.communicate(timeout=60)
    assert job.returncode == 137, output
    final = (run / "final.prom").read_text()
    require_no_complaint(final)
    assert re.search(r'reason="failure",cause="rank 1 \(process \d+ on [^"]*gone without a word', final), final
    assert "catamaran_final_exit_code" not in final, "the launcher alone knows it"


def test_a_run_tells_prometheus_where_it_is_until_a_clean_end(config, tmp_path):
    run, targets = tmp_path / "run", tmp_path / "targets"
    with started(*endless(config, run, f"monitoring.discovery_folder={targets}", "monitoring.cluster=here"), ranks=2) as job:
        wait_for_steps(run, job, 3)
        file, = targets.glob("run-*.json")
        group, = json.loads(file.read_text())
        stop(job)
    assert group["targets"] == [re.match(r"http://(.*)/metrics\n", (run / "metrics-address.txt").read_text()).group(1)]
    assert group["labels"] == {"job": "catamaran", "run": "run", "user": group["labels"]["user"], "cluster": "here", "__meta_catamaran_run_dir": str(run)}
    assert not list(targets.iterdir())
    final = (run / "final.prom").read_text()
    assert 'reason="signal"' in final and value(final, 'catamaran_final_exit_code{run="run"}') == 75


def test_a_discovery_folder_that_cannot_be_made_stops_the_start_with_one_sentence(config, tmp_path):
    run = tmp_path / "run"
    (tmp_path / "file").touch()
    done = catamaran(*endless(config, run, f"monitoring.discovery_folder={tmp_path}/file/targets"), ranks=2, check=False)
    assert done.returncode == 2, done.stderr
    errors = re.findall(r"error: .*", done.stderr)
    assert len(errors) == 1 and f"{tmp_path}/file" in errors[0], done.stderr
    assert not run.exists()
