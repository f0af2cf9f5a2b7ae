"""Rows 16, 17, 22, 25, 27 and 28: storage that is full, broken, slow, read-only, gone or without locks."""
import errno
import json
import os
import re
import signal
import subprocess
import time

import pytest
from jobs import (STEPS, ended, latest, one_message, processes_of, program, require_all_is_well, resume_and_compare, steps_done, train_words,
                  wait_for_ranks, wait_for_steps)
from runs import catamaran, running, started, wait_for

CALLS = {"ENOSPC": ["write"], "EIO": ["write", "fsync", "rename"], "EDQUOT": ["write", "fsync", "rename"]}


def may_mount():
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0


def complete(run):
    return sorted(path.name for path in run.glob("checkpoints/step-*"))


def temporaries(run):
    return [path.name for path in run.rglob(".*") if ".tmp." in path.name]


@pytest.mark.parametrize("error, call", [(error, call) for error, calls in CALLS.items() for call in calls])
def test_row_17_a_checkpoint_that_cannot_be_written_is_told_and_training_goes_on_with_the_next(config, tmp_path, undisturbed, preload, record, error, call):
    run, gate, reference = tmp_path / "run", tmp_path / "broken", undisturbed(2)
    preload("failing_storage", FAULT_PATH="/checkpoints/", FAULT_CALLS=call, FAULT_ERRNO=getattr(errno, error), FAULT_SWITCH=gate, FAULT_TIMES=1)
    with started(*train_words(config, run, f"schedule.max_steps={STEPS}"), ranks=2) as job:
        wait_for("the first checkpoint", lambda: (run / "checkpoints/latest").exists())
        gate.touch()
        broken = time.monotonic()
        wait_for("the message", lambda: "a checkpoint was not written" in (run / "log.jsonl").read_text())
        seconds = round(time.monotonic() - broken, 2)
        output, _ = ended(job, 90)
    assert job.returncode == 0, output
    assert os.strerror(getattr(errno, error)) in output
    assert ("free some space" in output) == (error != "EIO"), output
    assert output.count("a checkpoint was not written") == 1
    assert not temporaries(run)
    require_all_is_well(run)
    for name in ("model.safetensors", "optimizer.safetensors"):
        assert (run / f"checkpoints/{latest(run)}" / name).read_bytes() == (reference / f"checkpoints/{latest(reference)}" / name).read_bytes()
    row = 16 if error == "ENOSPC" else 17
    record(row, {"ENOSPC": "disk full at a checkpoint", "EIO": "I/O error", "EDQUOT": "quota exceeded"}[error] + f" in {call}",
           f"LD_PRELOAD: {call} below checkpoints/ fails with {error} once",
           "a message, no file left of it, training goes on; weights as undisturbed", seconds)


def test_row_16_three_checkpoints_in_a_row_that_find_no_room_end_the_job_with_code_4(config, tmp_path, undisturbed, preload, monkeypatch, record):
    run, reference = tmp_path / "run", undisturbed(2)
    preload("failing_storage", FAULT_PATH="/checkpoints/", FAULT_CALLS="write", FAULT_ERRNO=errno.ENOSPC, FAULT_AFTER_BYTES=10_500_000)  # room for the self-test and the first checkpoint
    begin = time.monotonic()
    with started(*train_words(config, run, "checkpoint.keep=1"), ranks=2) as job:
        output, _ = ended(job, 90)
    seconds = round(time.monotonic() - begin, 2)
    monkeypatch.delenv("LD_PRELOAD")
    assert job.returncode == 4, output
    assert output.count("No space left on device; free some space there") == 3
    assert complete(run) == ["step-00000003"] and not temporaries(run)
    require_all_is_well(run)
    back = resume_and_compare(config, run, reference, 2, "checkpoint.keep=1")
    record(16, "disk full", "LD_PRELOAD: ENOSPC below checkpoints/ after 5 MB",
           "two messages, exit 4 at the third in a row; the last good one stays and goes on as undisturbed (time with the start)", seconds, back)


def test_row_16_a_disk_that_is_really_full_leaves_the_last_good_checkpoint(config, tmp_path, record):
    if not may_mount():
        pytest.skip("mounting a tmpfs is not allowed here; the other tests of row 16 need none")
    folder, kept = tmp_path / "disk", tmp_path / "kept"
    folder.mkdir()
    script = f'mount -t tmpfs -o size=8m none {folder} && {{ "$@"; code=$?; cp -a {folder}/run {kept}; exit $code; }}'
    with running(["unshare", "-m", "sh", "-c", script, "sh", *program(*train_words(config, folder / "run", "checkpoint.keep=2"))]) as job:
        output, _ = ended(job, 90)
    assert job.returncode == 4, output
    assert output.count("are free there; free some space") == 3
    assert complete(kept) == ["step-00000003"] and not temporaries(kept)
    require_all_is_well(kept)
    record(16, "disk full", "a tmpfs of 8 MB as run directory", "two messages, exit 4 at the third in a row; the last good checkpoint loads")


def test_row_16_a_file_size_limit_is_a_message_and_no_signal(config, tmp_path, record):
    run = tmp_path / "run"
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 4)
        limited = time.monotonic()
        subprocess.run(["prlimit", "--pid", str(wait_for_ranks(job, 2)[0]), "--fsize=1000000"], check=True)
        output, _ = ended(job, 60)
        seconds = round(time.monotonic() - limited, 2)
    assert job.returncode == 4, output
    assert output.count("File too large") == 3 and not temporaries(run)
    require_all_is_well(run)
    record(16, "file size limit", "a limit of 1 MB (ulimit -f) set on rank 0 in training",
           "SIGXFSZ is ignored: EFBIG is a message, exit 4 at the third in a row", seconds)


def test_row_22_a_job_killed_while_its_last_checkpoint_is_written_goes_on_from_the_one_before(config, tmp_path, undisturbed, preload, monkeypatch, record):
    run, gate, reference = tmp_path / "run", tmp_path / "slow", undisturbed(2)
    preload("failing_storage", FAULT_PATH="/checkpoints/", FAULT_CALLS="fsync", FAULT_SECONDS=5, FAULT_SWITCH=gate)
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 8)
        ranks = wait_for_ranks(job, 2)
        gate.touch()
        job.send_signal(signal.SIGUSR1)
        time.sleep(1)
        assert job.poll() is None, "it saves"
        for process in [job.pid, *ranks.values()]:
            os.kill(process, signal.SIGKILL)
        _, seconds = ended(job, 20)
    monkeypatch.delenv("LD_PRELOAD")
    at = int(latest(run).removeprefix("step-"))
    assert at < steps_done(run)
    require_all_is_well(run)
    back = resume_and_compare(config, run, reference, 2)
    record(22, "grace too short", "USR1, kill -9 of all after 1 s, fsync of 5 s", "the checkpoint before loads; same weights after --resume auto",
           seconds, back)


def test_row_27_a_read_only_run_directory_is_refused_at_the_start(config, tmp_path, record):
    if not may_mount():
        pytest.skip("mounting is not allowed here")
    (tmp_path / "disk/run").mkdir(parents=True)
    script = f'mount --bind {tmp_path}/disk {tmp_path}/disk && mount -o remount,ro,bind {tmp_path}/disk && exec "$@"'
    for run in ("disk/run", "disk/new"):
        begin = time.monotonic()
        with running(["unshare", "-m", "sh", "-c", script, "sh", *program(*train_words(config, tmp_path / run))]) as job:
            output, _ = ended(job, 60)
        seconds = round(time.monotonic() - begin, 2)
        assert job.returncode == 2, output
        one_message(output, re.escape(f"{tmp_path}/{run}"), "Read-only file system", "choose a --run-dir that you can write to")
    record(27, "read-only run directory", "a read-only bind mount", "exit 2 before the first step (time with the start)", seconds)


def test_row_27_a_run_directory_that_is_moved_away_gets_no_further_checkpoint_and_nothing_is_written_where_it_was(config, tmp_path, undisturbed, record):
    run, moved, reference = tmp_path / "run", tmp_path / "moved", undisturbed(2)
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 8)
        run.rename(moved)
        begin, kept = time.monotonic(), steps_done(moved)
        output, _ = ended(job, 120)
        seconds = round(time.monotonic() - begin, 2)
    assert job.returncode == 4, output
    assert re.search(rf"{re.escape(str(run))}: the run directory has been moved away or deleted; move it back", output), output
    assert not run.exists(), list(run.rglob("*"))
    assert steps_done(moved) > kept, "logs that are open go on"
    wait_for("the end of all processes", lambda: not processes_of(run), 10)
    require_all_is_well(moved)
    moved.rename(run)
    back = resume_and_compare(config, run, reference, 2)
    record(27, "run directory vanishes", "renamed away in training",
           "told at each checkpoint, nothing is written at the old place, logs go on; exit 4 at the third in a row; the newest complete one stays "
           "and, moved back, goes on as undisturbed", seconds, back)


def newest_step(run):
    return int(latest(run).removeprefix("step-")) if (run / "checkpoints/latest").exists() else 0


LOGS = ["metrics.jsonl", "samples.jsonl", "log.jsonl"]


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EDQUOT"])
@pytest.mark.parametrize("name", LOGS)
def test_row_16_a_log_that_cannot_be_written_is_told_once_and_training_goes_on(config, tmp_path, undisturbed, preload, record, name, error):
    run, gate, reference = tmp_path / "run", tmp_path / "broken", undisturbed(2)
    preload("failing_storage", FAULT_PATH=f"/{name}", FAULT_CALLS="write", FAULT_ERRNO=getattr(errno, error), FAULT_SWITCH=gate)
    with started(*train_words(config, run, f"schedule.max_steps={STEPS}", "train.log_samples=true"), ranks=2) as job:
        wait_for_steps(run, job, 3)
        before = newest_step(run)
        gate.touch()
        wait_for("a checkpoint meanwhile", lambda: newest_step(run) >= before + 6)  # the one in flight, and another
        gate.unlink()
        output, _ = ended(job, 120)
    assert job.returncode == 0, output
    said = output.count(f"{name}: cannot write: {os.strerror(getattr(errno, error))}; lines are left out")
    assert said <= 1 and output.count(f"{name}: can be written again") <= said, output
    lines = [json.loads(line) for line in (run / name).read_text().splitlines()]  # each is whole
    if name != "log.jsonl":  # which has no line to lose at times
        steps = [line["step"] for line in lines]
        assert said == 1 and steps == sorted(set(steps)) and len(steps) < STEPS and steps[0] == 1, steps
    for part in ("model.safetensors", "optimizer.safetensors"):
        assert (run / f"checkpoints/{latest(run)}" / part).read_bytes() == (reference / f"checkpoints/{latest(reference)}" / part).read_bytes()
    require_all_is_well(run)
    record(16 if error == "ENOSPC" else 17, "a log cannot be written", f"LD_PRELOAD: write to {name} fails with {error} for some steps",
           "one message, and one when it works again; lines are left out, none is broken; training and checkpoints go on, weights as undisturbed")


def test_row_17_an_evaluation_that_cannot_be_written_is_in_the_log_alone(config, tmp_path, preload, record):
    run = tmp_path / "run"
    preload("failing_storage", FAULT_PATH="/eval/", FAULT_CALLS="write", FAULT_ERRNO=errno.EIO)
    done = catamaran(*train_words(config, run, "schedule.max_steps=6", "evaluate.every_epochs=1"), ranks=2)
    assert "an evaluation is in the log alone" in done.stderr and os.strerror(errno.EIO) in done.stderr, done.stderr
    assert "mAP" in (run / "log.jsonl").read_text() and not temporaries(run)
    require_all_is_well(run)
    record(17, "an evaluation cannot be written", "LD_PRELOAD: write below eval/ fails with EIO", "a message; its numbers are in the log")


def test_row_16_a_log_on_a_disk_that_is_really_full_goes_on_when_there_is_room(config, tmp_path, record):
    if not may_mount():
        pytest.skip("mounting a tmpfs is not allowed here; the other tests of row 16 need none")
    folder, kept, said = tmp_path / "disk", tmp_path / "kept", tmp_path / "said"
    folder.mkdir()
    log, filler = folder / "run/metrics.jsonl", folder / "filler"
    script = f"""mount -t tmpfs -o size=32m none {folder} || exit 1
"$@" 2> {said} & job=$!
until [ "$(cat {log} 2> /dev/null | wc -l)" -ge 3 ]; do sleep 0.1; done
cat /dev/zero > {filler} 2> /dev/null
until grep -q 'metrics.jsonl: cannot write' {said} || ! kill -0 $job; do sleep 0.1; done
rm {filler}
until grep -q 'metrics.jsonl: can be written again' {said} || ! kill -0 $job; do sleep 0.1; done
kill -USR1 $job; wait $job; code=$?
cp -a {folder}/run {kept}
exit $code"""
    words = train_words(config, folder / "run", "checkpoint.every_steps=100000", "checkpoint.every_epochs=0", "evaluate.every_epochs=0")
    with running(["unshare", "-m", "sh", "-c", script, "sh", *program(*words)]) as job:
        output, _ = ended(job, 240)
    text = said.read_text()
    assert job.returncode == 75, output + text
    assert "metrics.jsonl: cannot write: No space left on device; lines are left out until it can be written again: free some space there" in text, text
    steps = [json.loads(line)["step"] for line in (kept / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)) and len(steps) < steps[-1]
    require_all_is_well(kept)
    record(16, "disk full at a log", "a tmpfs of 32 MB as run directory, filled to the last byte for a while", "one message, and one when there is room again; exit 75 at the signal")


@pytest.mark.parametrize("name", ["ENOSYS", "ENOLCK"])
@pytest.mark.parametrize("hdf5", [None, "TRUE"])
def test_row_28_a_file_system_without_flock_is_told_and_a_heartbeat_keeps_others_out(config, tmp_path, preload, monkeypatch, record, name, hdf5):
    if hdf5:
        monkeypatch.setenv("HDF5_USE_FILE_LOCKING", hdf5)
    run = tmp_path / "run"
    preload("failing_storage", FAULT_PATH="/", FAULT_CALLS="flock", FAULT_ERRNO=getattr(errno, name))
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 3)
        beat = (run / "lock").stat().st_mtime_ns
        other = catamaran(*train_words(config, run), check=False)
        assert other.returncode == 2 and re.search(r"in use by host .*, process \d+, since", other.stderr), other.stderr
        wait_for("a heartbeat", lambda: (run / "lock").stat().st_mtime_ns > beat)
        job.send_signal(signal.SIGUSR1)
        output, _ = ended(job, 60)
    assert job.returncode == 75, output
    assert re.search(r"warning: .*/run/lock: the file system has no locks \(flock\); the file and its heartbeat keep other jobs out", output), output
    assert not (run / "lock").exists(), "it goes with its holder"
    require_all_is_well(run)
    record(28, "no locks on the file system", f"LD_PRELOAD: flock fails with {name}, HDF5_USE_FILE_LOCKING {hdf5 or 'unset'}; a second job",
           "packs open; told; a file with a heartbeat is the lock: the second job ends with code 2")


def end_of_the_lock(run, host, process, age):
    """RUN/lock as such a holder leaves it that was last seen so many seconds ago."""
    (run / "lock").write_text(f"host {host}, process {process}, since 2026-01-01 00:00 UTC\n")
    seen = time.time() - age
    os.utime(run / "lock", (seen, seen))


@pytest.mark.parametrize("whose, age", [("dead", 10), ("other host", 3600)])
def test_row_25_a_lock_without_flock_is_taken_over_from_the_dead_after_a_missed_heartbeat_and_from_another_host_after_missed_heartbeats(
        config, tmp_path, preload, record, whose, age):
    run = tmp_path / "run"
    catamaran(*train_words(config, run, "schedule.max_steps=3"))
    dead = subprocess.Popen(["true"])
    dead.wait()
    preload("failing_storage", FAULT_PATH="/", FAULT_CALLS="flock", FAULT_ERRNO=errno.ENOLCK)
    end_of_the_lock(run, os.uname().nodename if whose == "dead" else "node7", dead.pid, age)
    done = catamaran(*train_words(config, run, "schedule.max_steps=6"), ranks=2)
    assert "waiting for" not in done.stderr, done.stderr
    require_all_is_well(run)
    record(25, "stale lock without flock", f"a lock of a dead process of this host, or of another host without a heartbeat for an hour ({whose})",
           "taken over without waiting")


def leave_aside(checkpoint, host, age):
    """As a writer on that host leaves it that is killed between the two renames of a replacement: the old one aside, the new one half written."""
    aside, half = (checkpoint.with_name(f".{checkpoint.name}.tmp.{mark}{host}.4711") for mark in ("~", ""))
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    checkpoint.rename(aside)
    seen = time.time() - age
    for path in [*half.iterdir(), half, *aside.iterdir(), aside]:
        os.utime(path, (seen, seen))
    return half


def test_row_25_without_flock_what_a_killed_writer_of_another_host_left_is_deleted_and_its_checkpoint_goes_back(config, tmp_path, preload, record):
    run = tmp_path / "run"
    catamaran(*train_words(config, run, "schedule.max_steps=3"))
    checkpoint = run / "checkpoints/step-00000003"
    leave_aside(checkpoint, "node7", 60)
    (run / "lock").unlink(missing_ok=True)  # of a job with flock
    preload("failing_storage", FAULT_PATH="/", FAULT_CALLS="flock", FAULT_ERRNO=errno.ENOLCK)
    done = catamaran(*train_words(config, run, "schedule.max_steps=6"), ranks=2)
    assert re.search(r"resumed from .*step-00000003 at step 3", done.stderr), done.stderr
    assert not temporaries(run)
    half = leave_aside(run / "checkpoints/step-00000006", "node7", 0)
    half.parent.joinpath(".step-00000006.tmp.~node7.4711").rename(run / "checkpoints/step-00000006")
    pruned = catamaran("checkpoint", "prune", run)
    assert half.exists(), ("node7 may be at it", pruned.stdout)
    os.utime(half / "model.safetensors", (time.time() - 60,) * 2)
    os.utime(half, (time.time() - 60,) * 2)
    catamaran("checkpoint", "prune", run)
    assert not half.exists()
    require_all_is_well(run)
    record(25, "leftovers without flock", "flock fails; a checkpoint moved aside and one half written, of a killed process of another host",
           "the first goes back and the run resumes from it, the second is deleted, by the start and by `checkpoint prune`")


@pytest.mark.parametrize("flock", [True, False])
def test_row_25_force_lock_takes_a_run_directory_at_once_and_the_manifest_says_from_whom(config, tmp_path, preload, monkeypatch, record, flock):
    run = tmp_path / "run"
    if not flock:
        preload("failing_storage", FAULT_PATH="/", FAULT_CALLS="flock", FAULT_ERRNO=errno.ENOLCK)
    with started(*train_words(config, run), ranks=2) as first:
        wait_for_steps(run, first, 4)
        holder = wait_for_ranks(first, 2)[0]
        second = catamaran(*train_words(config, run, "schedule.max_steps=100"), "--force-lock", ranks=2, check=False)
        output, _ = ended(first, 120)
    assert second.returncode == 0 and f"taken by force from host {os.uname().nodename}, process {holder}" in second.stderr, second.stderr
    assert first.returncode == 4 and "another job has taken the run directory over" in output, output
    life = json.loads((run / "manifest.json").read_text())["lives"][-1]
    assert f"process {holder}," in life["lock_taken_from"]
    assert output.count("another job has taken the run directory over; nothing more is logged there") == 1, output
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 101)), "a line of the first job among those of the second"
    assert not (run / "failure.json").exists() and not (run / "failure").exists(), "of the first job, in the run of the second"
    require_all_is_well(run)
    record(25, "lock taken by force", f"train --force-lock while another job trains, {'with' if flock else 'without'} flock",
           "it takes over at once, which the manifest keeps; the other's next checkpoints are refused, exit 4 at the third in a row; "
           "it adds no line to the logs of the run and no failure.json")
