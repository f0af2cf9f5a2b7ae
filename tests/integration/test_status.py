"""`catamaran status`: what run directories alone tell, of runs in each state, damaged, foreign and older ones, and what is cleared of Prometheus' discovery."""
import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import termios
import time

import pytest
from runs import BINARY, SMALL, catamaran, metrics, settings, started, wait_for

ENDLESS = ["schedule.epochs=20000", "checkpoint.every_steps=3", "evaluate.every_epochs=0"]


def words(config, run, *pairs):
    return ["train", "--config", config, *settings(*SMALL, *pairs), "--run-dir", run]


def steps_logged(run):
    return len(metrics(run)) if (run / "metrics.jsonl").exists() else 0


def status(*arguments, **more):
    """By name."""
    return {one["name"]: one for one in json.loads(catamaran("status", *arguments, "--json", **more).stdout)}


def lives(run):
    return json.loads((run / "manifest.json").read_text())["lives"]


def of_one(run):
    return status(run)[run.name]


@pytest.fixture(scope="module")
def runs(packs, tmp_path_factory):
    """A folder of runs that are done, stopped by a signal, killed, and failed."""
    root = tmp_path_factory.mktemp("status")
    folder, config = root / "runs", root / "config.toml"
    config.write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n[schedule]\nepochs = 4\n')
    catamaran(*words(config, folder / "done", "schedule.max_steps=12"))
    for name, number, code in (("stopped", signal.SIGUSR1, 75), ("killed", signal.SIGKILL, -signal.SIGKILL)):
        with started(*words(config, folder / name, *ENDLESS), ranks=0) as job:
            wait_for("some steps and a checkpoint", lambda: steps_logged(folder / name) > 5 and (folder / name / "checkpoints/latest").exists())  # noqa: B023
            job.send_signal(number)
            output, _ = job.communicate(timeout=60)
        assert job.returncode == code, output
    done = catamaran(*words(config, folder / "failed", "schedule.max_steps=30", "testing.enabled=true", "testing.fault=rank=1,step=5,kind=throw"), ranks=2, check=False)
    assert done.returncode == 3, done.stderr
    return folder


@pytest.fixture
def copied(runs, tmp_path):
    return shutil.copytree(runs, tmp_path / "runs")


def test_each_state_is_told_with_its_progress_and_the_reason_of_the_last_stop(runs):
    told = status(runs)
    assert set(told) == {"done", "stopped", "killed", "failed"}
    assert {name: (one["state"], one["exit_code"]) for name, one in told.items()} == {
        "done": ("done", 0), "stopped": ("stopped", 75), "killed": ("lost", None), "failed": ("failed", 3)}
    assert all(one["problems"] == [] for one in told.values())
    done, stopped, killed, failed = (told[name] for name in ("done", "stopped", "killed", "failed"))
    assert (done["step"], done["total_steps"], done["progress"], done["checkpoint_step"], done["reason"], done["eta_seconds"]) == (12, 12, 1, 12, None, None)
    evaluations = [json.loads(file.read_text())["map"] for file in sorted((runs / "done/eval").glob("*.json"))]
    assert done["map"] == evaluations[-1] and done["best_map"] == max(evaluations)
    assert stopped["step"] == metrics(runs / "stopped")[-1]["step"] == stopped["checkpoint_step"] and stopped["total_steps"] == 120000
    assert stopped["reason"] == f"signal at step {stopped['step']}; submit it again"
    assert killed["step"] == metrics(runs / "killed")[-1]["step"] and killed["loss"] == metrics(runs / "killed")[-1]["loss"]
    assert killed["starts_without_progress"] == 0 and "without a word" in killed["reason"]
    assert failed["world"] == 2 and failed["reason"].startswith("rank 1 ") and failed["starts_without_progress"] == 1
    for one in told.values():
        assert one["global_batch"] == 16 and one["host"] and one["user"] and one["job_id"] is None
        assert 0 < one["busy_seconds"] < 600 and one["started_unix_seconds"] <= one["updated_unix_seconds"] <= time.time() + 5


def test_a_run_that_runs_has_an_eta_and_is_lost_at_once_when_it_is_killed(config, tmp_path):
    run = tmp_path / "run"
    with started(*words(config, run, *ENDLESS), ranks=0) as job:
        wait_for("steps", lambda: steps_logged(run) > 5)
        told = of_one(run)
        assert told["state"] == "running" and told["exit_code"] is None and told["restarts"] == 0
        per_step = sum(line["step_seconds"] for line in metrics(run)[1:]) / (len(metrics(run)) - 1)
        assert 0.1 < told["eta_seconds"] / (per_step * (120000 - told["step"])) < 20
        beat = (run / "lock").stat().st_mtime_ns
        wait_for("a sign of life that other hosts see", lambda: (run / "lock").stat().st_mtime_ns > beat, 20)
        job.kill()
        job.communicate()
    assert of_one(run)["state"] == "lost"
    resumed = catamaran(*words(config, run, *ENDLESS, f"schedule.max_steps={metrics(run)[-1]['step'] + 2}"))
    told = of_one(run)
    assert told["state"] == "done" and told["restarts"] == 1, resumed.stderr
    assert lives(run)[0]["last_seen_unix_seconds"] <= lives(run)[1]["started_unix_seconds"]


def test_a_start_that_is_refused_is_told_instead_of_the_stop_before_it(copied, packs, tmp_path):
    run = copied / "stopped"
    other = tmp_path / "other.toml"
    other.write_text(f'[data]\ntrain = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n')
    done = catamaran(*words(other, run), check=False)
    assert done.returncode != 0
    told = of_one(run)
    assert told["state"] == "failed" and told["exit_code"] == done.returncode and told["reason"] in done.stderr


def test_the_table_has_a_row_for_each_run_the_newest_first_or_as_asked(runs):
    lines = catamaran("status", runs).stdout.splitlines()
    assert lines[0].split() == ["name", "state", "progress", "ETA", "loss", "mAP", "best", "checkpoint", "seen", "job", "host", "reason"]
    assert [line.split()[0] for line in lines[1:]] == ["failed", "killed", "stopped", "done"]
    assert "12/12 (100 %)" in lines[4] and "submit it again" in lines[3]
    assert [line.split()[0] for line in catamaran("status", runs, "--sort", "name").stdout.splitlines()[1:]] == ["done", "failed", "killed", "stopped"]
    some = catamaran("status", "--state", "lost,failed", runs, "--sort", "name").stdout.splitlines()
    assert [line.split()[0] for line in some[1:]] == ["failed", "killed"]
    assert set(status(runs / "done", runs / "stopped")) == {"done", "stopped"}
    assert set(status(cwd=runs.parent)) == set(status(runs)), "without a name it is runs/"


@pytest.mark.parametrize("columns", [40, 70, 200])
def test_no_line_is_wider_than_the_terminal(runs, columns):
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    job = subprocess.Popen([BINARY, "status", runs], stdout=follower, stderr=subprocess.PIPE)
    os.close(follower)
    output = b""
    try:
        while chunk := os.read(leader, 65536):
            output += chunk
    except OSError:  # its end, as Linux tells it of a terminal
        pass
    os.close(leader)
    assert job.wait(30) == 0
    lines = output.decode().splitlines()
    assert len(lines) == 5 and max(map(len, lines)) <= columns
    assert all(name in output.decode() for name in ("done", "killed", "failed", "stopped"))


def spoil(run, how):
    if how == "manifest cut short":
        (run / "manifest.json").write_bytes((run / "manifest.json").read_bytes()[:100])
    elif how == "manifest of a web page":
        (run / "manifest.json").write_text('{"name": "shop", "lives": 9}')
    elif how == "manifest gone":
        (run / "manifest.json").unlink()
    elif how == "log of noise":
        (run / "metrics.jsonl").write_bytes(os.urandom(100_000).replace(b"{", b"\n"))
    elif how == "latest names nothing":
        (run / "checkpoints/latest").write_text("../../etc")
    elif how == "checkpoint gone":
        shutil.rmtree(run / "checkpoints" / (run / "checkpoints/latest").read_text().strip())
    elif how == "failure torn":
        (run / "failure.json").write_text('{"cause": ')
    elif how == "pipe":
        (run / "metrics.jsonl").unlink()
        os.mkfifo(run / "metrics.jsonl")


@pytest.mark.parametrize("how, file, state", [
    ("manifest cut short", "manifest.json", "lost"), ("manifest of a web page", "manifest.json", "lost"), ("manifest gone", None, "lost"),
    ("log of noise", "metrics.jsonl", "stopped"), ("latest names nothing", "checkpoints/latest", "stopped"), ("checkpoint gone", "checkpoints/latest", "stopped"),
    ("failure torn", "failure.json", "stopped"), ("pipe", "metrics.jsonl", "stopped")])
def test_a_damaged_run_is_listed_with_what_is_wrong(copied, how, file, state):
    spoil(copied / "stopped", how)
    told = status(copied)
    assert len(told) == 4 and told["stopped"]["state"] == state
    assert [problem for problem in told["stopped"]["problems"] if file is None or str(copied / "stopped" / file) not in problem] == []
    assert len(told["stopped"]["problems"]) == (0 if file is None else 1)
    done = catamaran("status", copied)
    assert len(done.stdout.splitlines()) == 5 and done.stderr.count("warning: ") == len(told["stopped"]["problems"])


def test_status_writes_nothing_and_does_not_stand_in_the_way_of_a_start(copied):
    def everything():
        return {path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in copied.rglob("*")}
    before = everything()
    for _ in range(3):
        catamaran("status", copied)
    assert everything() == before
    with open(copied / "stopped/lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_run_of_an_earlier_version_has_its_steps_by_its_configuration(copied):
    manifest = json.loads((copied / "stopped/manifest.json").read_text())
    for life in manifest["lives"]:
        for key in ("total_steps", "steps_per_epoch", "global_batch", "user", "process", "job_id", "environment", "id"):
            del life[key]
    (copied / "stopped/manifest.json").write_text(json.dumps(manifest))
    now, then = status(copied)["stopped"], of_one(copied / "done")
    assert now["total_steps"] == 120000 and now["global_batch"] == 16 and now["user"] is None and now["state"] == "stopped" and then["state"] == "done"


def test_what_is_no_run_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name, says in (("empty", "is no run directory, and there is none in it"), ("file", "is no folder"), ("nowhere", "there is no such folder")):
        done = catamaran("status", tmp_path / name, check=False)
        assert done.returncode == 2 and done.stdout == ""
        assert len(done.stderr.splitlines()) == 1 and f"{tmp_path / name}: {says}" in done.stderr
    empty = tmp_path / "empty"
    for arguments in ([empty, "--state", "dead"], [empty, "--sort", "age"], [empty, "--dry-run"], ["--sweep-discovery", tmp_path / "nowhere"],
                      ["--sweep-discovery", empty, "--grace", "soon"], [empty, "--sweep-discovery", empty]):
        done = catamaran("status", *arguments, check=False)
        assert done.returncode == 2 and done.stderr.count("error: ") == 1, arguments


def target(folder, run, job=None):
    """A file as a run writes it."""
    labels = {"job": "catamaran", "run": run.name, "__meta_catamaran_run_dir": str(run), **({"slurm_job_id": job} if job else {})}
    (folder / f"{run.name}.json").write_text(json.dumps([{"targets": ["n1:9400"], "labels": labels}]))


@pytest.fixture
def discovery(runs, tmp_path, monkeypatch):
    """A folder with a file of each run, and one of a run that is not there; squeue knows the jobs in CATAMARAN_TEST_JOBS."""
    folder, programs = tmp_path / "discovery", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    for run in runs.iterdir():
        target(folder, run, "17")
    target(folder, tmp_path / "gone", "18")
    (folder / "notes.json").write_text("{}")
    squeue = programs / "squeue"
    squeue.write_text('#!/bin/sh\nfor word; do case " $CATAMARAN_TEST_JOBS " in *" $word "*) echo RUNNING; exit 0;; esac; done\n'
                      'echo "slurm_load_jobs error: Invalid job id specified" >&2\nexit 1\n')
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("CATAMARAN_TEST_JOBS", "")
    time.sleep(1.1)  # longer than the grace of these tests
    return folder


def left(folder):
    return {file.stem for file in folder.glob("*.json")}


def sweep(folder, *arguments):
    return catamaran("status", "--sweep-discovery", folder, "--grace", "1s", *arguments)


def test_discovery_files_of_runs_that_are_over_are_deleted(discovery):
    done = sweep(discovery, "--dry-run")
    assert "5 of 5 would be deleted" in done.stdout and len(left(discovery)) == 6
    told = json.loads(sweep(discovery, "--dry-run", "--json").stdout)
    assert all(one["would_be_removed"] and not one["removed"] and one["why"] for one in told["files"]) and told["asked_slurm"]
    done = sweep(discovery)
    assert left(discovery) == {"notes"} and "5 of 5 deleted" in done.stdout and "notes.json" in done.stderr
    assert "0 of 0 deleted" in sweep(discovery).stdout


def test_discovery_files_of_crashed_runs_stay_while_slurm_knows_their_jobs_or_their_alert_is_due(discovery, monkeypatch):
    monkeypatch.setenv("CATAMARAN_TEST_JOBS", "17 18")
    done = sweep(discovery)
    assert left(discovery) == {"killed", "failed", "gone", "notes"} and "Slurm knows its job: RUNNING" in done.stdout
    monkeypatch.setenv("CATAMARAN_TEST_JOBS", "")
    done = catamaran("status", "--sweep-discovery", discovery, "--grace", "365d")
    assert left(discovery) == {"killed", "failed", "notes"} and "its last sign of life came" in done.stdout


def test_without_slurm_the_run_directories_decide_and_it_says_so(discovery, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    done = sweep(discovery)
    assert left(discovery) == {"gone", "notes"} and "by the run directories alone" in done.stderr
    assert "nothing else tells whether it is over" in done.stdout


def test_the_discovery_file_of_a_run_that_runs_stays(config, tmp_path, discovery):
    run = tmp_path / "running"
    with started(*words(config, run, *ENDLESS), ranks=0) as job:
        wait_for("steps", lambda: steps_logged(run) > 2)
        target(discovery, run, "19")
        sweep(discovery)
        assert left(discovery) == {"running", "notes"}
        job.kill()
        job.communicate()
    time.sleep(1.5)
    sweep(discovery)
    assert left(discovery) == {"notes"}
