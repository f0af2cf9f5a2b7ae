"""`catamaran watch`: one run or many, on a terminal or not, until they have ended; the log of every rank; the progress line of training."""
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
import time

import pytest
from runs import BINARY, SMALL, catamaran, metrics, running, settings, started, wait_for

ENDLESS = ["schedule.epochs=20000", "checkpoint.every_steps=3", "evaluate.every_epochs=0"]
QUICK = ["--interval", "0.2"]


def words(config, run, *pairs):
    return ["train", "--config", config, *settings(*SMALL, *pairs), "--run-dir", run]


def steps_logged(run):
    return len(metrics(run)) if (run / "metrics.jsonl").exists() else 0


def watching(*arguments):
    return running([BINARY, "watch", *arguments])


@pytest.fixture(scope="module")
def finished(packs, tmp_path_factory):
    root = tmp_path_factory.mktemp("watch")
    (root / "config.toml").write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n[schedule]\nepochs = 4\n')
    catamaran(*words(root / "config.toml", root / "runs/done", "schedule.max_steps=6"))
    return root / "runs"


def test_one_run_is_followed_from_before_its_start_to_its_end(config, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "submitted.json").write_text('{"job_id": "17", "submitted_unix_seconds": 1}')
    with watching(run, *QUICK) as watch:
        time.sleep(0.5)
        assert watch.poll() is None, "it waits for the start"
        catamaran(*words(config, run, "schedule.epochs=40"))
        output, _ = watch.communicate(timeout=30)
    assert watch.returncode == 0, output
    lines = output.splitlines()
    assert lines[0].startswith("run: pending") and lines[-1].startswith("run: done, step 240/240 (100 %)")
    assert any(re.match(r"run \d+/240 steps \(\d+ %\), ETA \d+:\d\d, epoch \d+, loss \d\.\d{4}, .*lr 2.00e-03, [\d.]+ img/s, data wait [\d.]+ %", line) for line in lines), output
    assert any(re.search(r"^\d\d:\d\d:\d\d epoch-\d{4}: mAP ", line) for line in lines) and any(re.search(r"checkpoint of step \d+$", line) for line in lines)
    assert "\x1b" not in output and "\r" not in output


@pytest.mark.parametrize("number, code, says", [(signal.SIGUSR1, 75, "stopped, .*signal at step"), (signal.SIGKILL, 1, "lost, .*without a word")])
def test_it_ends_with_a_code_that_tells_how_the_run_did(config, tmp_path, number, code, says):
    run = tmp_path / "run"
    with started(*words(config, run, *ENDLESS), ranks=0) as job:
        wait_for("steps", lambda: steps_logged(run) > 3)
        with watching(run, *QUICK) as watch:
            time.sleep(1)
            job.send_signal(number)
            job.communicate(timeout=60)
            output, _ = watch.communicate(timeout=30)
    assert watch.returncode == code, output
    assert re.search(f"run: {says}", output), output


def test_a_failed_run_ends_it_with_the_runs_own_code(config, tmp_path):
    run = tmp_path / "run"
    failing = words(config, run, *ENDLESS, "testing.enabled=true", "testing.fault=rank=1,step=40,kind=throw")
    with started(*failing, ranks=2) as job:
        wait_for("steps", lambda: steps_logged(run) > 3)
        with watching(run, *QUICK) as watch:
            job.communicate(timeout=120)
            output, _ = watch.communicate(timeout=30)
    assert job.returncode == 3 and watch.returncode == 3, output
    assert "run: failed, " in output and "rank 1 " in output


def test_many_runs_are_told_when_something_changes(config, tmp_path, finished):
    folder = tmp_path / "runs"
    shutil.copytree(finished, folder)
    with started(*words(config, folder / "other", *ENDLESS), ranks=0) as job:
        wait_for("steps", lambda: steps_logged(folder / "other") > 3)
        with watching(folder, *QUICK) as watch:
            time.sleep(1)
            job.send_signal(signal.SIGUSR1)
            job.communicate(timeout=60)
            output, _ = watch.communicate(timeout=30)
    assert watch.returncode == 75, output
    lines = output.splitlines()
    assert sum(line.startswith("done: done") for line in lines) == 1 and lines[-1].startswith("other: stopped")
    assert any(line.startswith("other: running") for line in lines)


def test_once_looks_once_and_ctrl_c_ends_it(config, tmp_path, finished):
    run = tmp_path / "run"
    with started(*words(config, run, *ENDLESS), ranks=0) as job:
        wait_for("steps", lambda: steps_logged(run) > 3)
        done = catamaran("watch", run, "--once")
        assert re.search(r"run \d+/120000 steps", done.stdout)
        with watching(run) as watch:
            time.sleep(1)
            watch.send_signal(signal.SIGINT)
            watch.communicate(timeout=10)
        assert watch.returncode == 130
        job.kill()
        job.communicate()
    with watching(finished, "--stay", *QUICK) as watch:
        time.sleep(1)
        assert watch.poll() is None, "it stays although all has ended"
        watch.send_signal(signal.SIGTERM)
        watch.communicate(timeout=10)
    assert watch.returncode == 130


def test_what_is_no_run_is_refused_in_one_sentence(tmp_path):
    done = catamaran("watch", tmp_path, check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "is no run directory" in done.stderr
    for interval in ("0", "-1", "soon"):
        assert catamaran("watch", tmp_path, "--interval", interval, check=False).returncode == 2


def on_a_terminal(command, columns, seconds, rows=24):
    """What a command writes to a terminal of so many columns until it ends, or until these seconds have passed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    job = subprocess.Popen(list(map(str, command)), stdout=follower, stderr=follower)
    os.close(follower)
    os.set_blocking(leader, False)
    output, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            chunk = os.read(leader, 65536)
        except BlockingIOError:
            time.sleep(0.05)
            continue
        except OSError:  # its end, as Linux tells it of a terminal
            break
        output += chunk
    if job.poll() is None:
        job.send_signal(signal.SIGINT)
    job.wait(30)
    os.close(leader)
    return job.returncode, output.decode()


def pieces(output):
    """What stood on a line at some time."""
    return [re.sub(r"\x1b\[\d*[A-Za-z]", "", piece) for piece in re.split(r"[\r\n]", output)]


def test_on_a_terminal_a_table_is_drawn_again_in_place_and_never_wraps(config, tmp_path, finished):
    folder = tmp_path / "runs"
    shutil.copytree(finished, folder)
    with started(*words(config, folder / "other", *ENDLESS), ranks=0) as job:
        wait_for("steps", lambda: steps_logged(folder / "other") > 3)
        code, output = on_a_terminal([BINARY, "watch", folder, *QUICK], 60, 3)
        job.kill()
        job.communicate()
    assert code == 130
    assert max(map(len, pieces(output))) < 60
    assert output.count("\x1b[2A") > 2, "three lines, drawn from the first one again"
    assert output.count("other") > 2 and "\x1b[2J" not in output


def test_training_has_a_progress_line_on_a_terminal_that_fits_and_lines_of_the_log_above_it(config, tmp_path):
    run = tmp_path / "run"
    code, output = on_a_terminal([BINARY, *words(config, run, "schedule.epochs=60")], 100, 120)
    assert code == 0, output
    drawn = [piece for piece in pieces(output) if piece.startswith("training ")]
    assert drawn and max(map(len, drawn)) < 100
    assert re.search(r"training \[?.*\d+/360 steps \(\d+ %\), ETA \d+:\d\d, epoch \d+, loss", output)
    assert any("mAP" in piece for piece in drawn), "once there has been an evaluation"
    for line in output.split("\n"):
        if "epoch-0001: mAP" in line:
            assert re.fullmatch(r"(.*\r)?\x1b\[K\d\d:\d\d:\d\d info: epoch-0001: .*\r?", line), "the progress line makes room"
            break
    else:
        pytest.fail("no evaluation was told")


def test_ranks_that_it_starts_itself_have_the_progress_line_too(config, tmp_path):
    code, output = on_a_terminal([BINARY, *words(config, tmp_path / "run", "schedule.epochs=40"), "--ranks", "2"], 100, 120)
    drawn = [piece for piece in pieces(output) if piece.startswith("training ")]
    assert code == 0 and len(drawn) > 1 and max(map(len, drawn)) < 100, output
    assert "\rtraining" in output


def test_elsewhere_progress_is_plain_lines(config, tmp_path):
    done = catamaran(*words(config, tmp_path / "run", "schedule.max_steps=20"))
    assert "\x1b" not in done.stderr and "\r" not in done.stderr


def test_every_rank_has_a_log_of_its_own(config, tmp_path):
    run = tmp_path / "run"
    done = catamaran(*words(config, run, "schedule.max_steps=6"), ranks=2)
    main, other = ([json.loads(line) for line in file.read_text().splitlines()] for file in (run / "log.jsonl", run / "logs/rank-00001.jsonl"))
    assert {line["rank"] for line in main} == {0} and {line["rank"] for line in other} == {1}
    assert sum("mAP" in line["message"] for line in main) == 1
    assert other[0]["level"] == "info" and re.match(r"rank 1 of 2 on \S+, process \d+, 1 thread\(s\), CPU", other[0]["message"])
    assert "rank 1 of 2 on" not in done.stderr, "information is printed by rank 0 alone"
    assert [file.name for file in (run / "logs").iterdir()] == ["rank-00001.jsonl"]
    catamaran(*words(config, run, "schedule.max_steps=8"), ranks=2)
    again = (run / "logs/rank-00001.jsonl").read_text().splitlines()
    assert len(again) > len(other) and json.loads(again[0]) == other[0], "a later start goes on with the file"


def test_the_error_that_ends_a_rank_is_in_its_log(config, tmp_path):
    run = tmp_path / "run"
    done = catamaran(*words(config, run, *ENDLESS, "testing.enabled=true", "testing.fault=rank=1,step=5,kind=throw"), ranks=2, check=False)
    assert done.returncode == 3
    last = json.loads((run / "logs/rank-00001.jsonl").read_text().splitlines()[-1])
    assert last["kind"] == "data" and last["level"] == "error" and last["rank"] == 1


def test_a_run_whose_logs_cannot_be_is_told_and_goes_on(config, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "logs").write_text("a file where the folder should be")
    done = catamaran(*words(config, run, "schedule.max_steps=3", "data.eval="), ranks=2)
    assert "this rank has no log of its own" in done.stderr and steps_logged(run) == 3


def test_of_a_start_that_fails_no_rank_leaves_a_log(config, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "notes.txt").write_text("mine")
    done = catamaran(*words(config, run, f"weights.backbone={tmp_path}/none.safetensors"), ranks=2, check=False)
    assert done.returncode == 4
    assert [path.name for path in run.iterdir()] == ["notes.txt"]
