"""Rows 24, 25 and 38: two jobs in one run directory, locks of dead jobs, and what jobs leave behind."""
import fcntl
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from jobs import (HOST, ended, one_message, processes_of, program, require_all_is_well, resume_and_compare, steps_done, train_words, wait_for_ranks,
                  wait_for_steps)
from runs import catamaran, started, wait_for

PAIRS = 20


@pytest.mark.parametrize("timeout", [120, 3])
def test_row_24_a_second_job_in_a_run_directory_is_refused_and_names_the_first(config, tmp_path, record, timeout):
    """Also where no collective may take as long as it waits for the first."""
    run = tmp_path / "run"
    with started(*train_words(config, run), ranks=2) as first:
        wait_for_steps(run, first, 3)
        begin = time.monotonic()
        with started(*train_words(config, run, f"comm.timeout_seconds={timeout}"), ranks=2) as second:
            output, _ = ended(second, 60)
        seconds = round(time.monotonic() - begin, 2)
        assert second.returncode == 2, output
        one_message(output, re.escape(str(run)), rf"in use by host {HOST}, process {wait_for_ranks(first, 2)[0]}, since \d{{4}}-", "choose another --run-dir")
        first.send_signal(signal.SIGUSR1)
        output, _ = ended(first, 30)
        assert first.returncode == 75, output
    require_all_is_well(run)
    record(24, "two jobs, one run directory", f"a second job while the first trains, comm.timeout_seconds = {timeout}",
           "the second waits 15 s for a dying predecessor, then exit 2 with host, process and time of the first", seconds)


def test_row_24_of_two_jobs_that_start_at_once_exactly_one_trains_twenty_times(config, tmp_path, record):
    """A winner is stopped, its lock held, while the next pair starts; losers wait 15 s."""
    jobs = []
    try:
        for pair in range(PAIRS):
            words = [str(word) for word in program(*train_words(config, tmp_path / f"run{pair}", "schedule.max_steps=100000"))]
            pairing = [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
            jobs.append(pairing)
            wait_for("a winner", lambda: steps_done(tmp_path / f"run{pair}") > 0, 60)
            winner = int(re.search(r"process (\d+),", (tmp_path / f"run{pair}/lock").read_text()).group(1))
            assert winner in [job.pid for job in pairing]
            os.kill(winner, signal.SIGSTOP)
            pairing.sort(key=lambda job: job.pid != winner)
        begin = time.monotonic()
        for first, second in jobs:
            message = second.communicate(timeout=60)[1]
            assert second.returncode == 2 and "in use by host" in message and f"process {first.pid}," in message, message
            assert first.poll() is None, "exactly one"
        seconds = round(time.monotonic() - begin, 2)
    finally:
        for job in (job for pairing in jobs for job in pairing):
            job.kill()
            job.communicate()
    record(24, "two jobs, one run directory", f"both at once, {PAIRS} times",
           "exactly one trains each time, the other is refused (last refusal after the last start)", seconds)


def test_row_25_the_lock_of_a_dead_process_is_taken_over_at_once(config, tmp_path, record):
    run = tmp_path / "run"
    run.mkdir()
    dead = subprocess.Popen(["true"])
    dead.wait()
    (run / "lock").write_text(f"host {os.uname().nodename}, process {dead.pid}, since 2026-01-01T00:00:00Z\n")
    (run / f".config.toml.tmp.{os.uname().nodename}.{dead.pid}").write_text("half")
    begin = time.monotonic()
    with started(*train_words(config, run, "schedule.max_steps=3"), ranks=2) as job:
        wait_for_steps(run, job, 1, 60)
        seconds = round(time.monotonic() - begin, 2)
        output, _ = ended(job, 60)
    assert job.returncode == 0 and "waiting for" not in output, output
    assert not list(run.glob(".*.tmp.*"))
    require_all_is_well(run)
    record(25, "stale lock", "lock and temporary file of a dead process of this host", "taken over without waiting, the temporary file deleted", None, seconds)


def test_row_25_a_job_started_right_after_its_predecessors_mpirun_was_killed_takes_over(config, tmp_path, undisturbed, record):
    run, reference = tmp_path / "run", undisturbed(2)
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 8)
        os.kill(job.pid, signal.SIGKILL)
        job.wait()
        back = resume_and_compare(config, run, reference, 2)
    require_all_is_well(run)
    record(25, "mpirun just killed", "kill -9 of mpirun, the same command at once",
           "it waits for the dying ranks, takes over, and ends with the undisturbed weights", None, back)


def test_row_25_a_predecessor_may_take_longer_to_let_go_than_a_collective(config, tmp_path, record):
    run = tmp_path / "run"
    run.mkdir()
    with open(run / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with started(*train_words(config, run, "schedule.max_steps=3", "comm.timeout_seconds=3"), ranks=2) as job:
            time.sleep(9)
            assert job.poll() is None and steps_done(run) == 0, "it waits"
            fcntl.flock(lock, fcntl.LOCK_UN)
            output, seconds = ended(job, 60)
    assert job.returncode == 0 and "waiting for another process to let go of the run directory" in output, output
    require_all_is_well(run)
    record(25, "predecessor still dying", "a lock that is let go after more than comm.timeout_seconds",
           "all ranks wait, and take over (recovery: to the end)", None, seconds)


ENDINGS = [("mpirun", signal.SIGUSR1), (1, signal.SIGKILL), ("mpirun", signal.SIGTERM), (0, signal.SIGKILL), ("mpirun", signal.SIGINT),
           ("mpirun", signal.SIGKILL), (0, signal.SIGUSR1), (1, signal.SIGTERM), ("all", signal.SIGKILL), ("mpirun", signal.SIGUSR1)]


def end(job, run, to, number):
    """Sends the signal in training, and waits until no process is left."""
    wait_for_ranks(job, 2)
    wait_for_steps(run, job, steps_done(run) + 1)
    ranks = wait_for_ranks(job, 2)
    for process in {"mpirun": [job.pid], "all": [job.pid, *ranks.values()]}.get(to) or [ranks[to]]:
        os.kill(process, number)
    ended(job, 30)
    wait_for("the end of all processes", lambda: not processes_of(run), 15)


def test_row_38_ten_jobs_that_end_in_every_way_leave_nothing_behind(config, tmp_path, monkeypatch, record):
    """Open MPI keeps its session and its shared memory in folders of this test; where mpirun itself is killed, it leaves them."""
    run, sessions, segments = tmp_path / "run", tmp_path / "sessions", tmp_path / "segments"
    for folder, key in ((sessions, "orte_tmpdir_base"), (segments, "btl_vader_backing_directory")):
        folder.mkdir()
        monkeypatch.setenv(f"OMPI_MCA_{key}", str(folder))
    for to, number in ENDINGS:
        before = len(list(segments.iterdir()))
        with started(*train_words(config, run), ranks=2) as job:
            end(job, run, to, number)
        if to == 0 or to == 1 or number != signal.SIGKILL:
            assert len(list(segments.iterdir())) == before, (to, number)
    catamaran(*train_words(config, run, f"schedule.max_steps={steps_done(run) + 20}"), ranks=2)
    require_all_is_well(run)
    assert not list(run.rglob(".*.tmp.*")), "temporary files"
    assert len(list((run / "checkpoints").glob("step-*"))) <= 4, "three and the best"
    assert not [path for path in pathlib.Path("/dev/shm").iterdir() if re.match("catamaran(?!-faults)", path.name)]
    record(38, "leftover of an earlier run", f"{len(ENDINGS)} jobs ended by USR1, TERM, INT and KILL to mpirun, a rank and all",
           "no process, temporary file, checkpoint too many or shared memory of ours is left; where mpirun is killed, "
           "Open MPI leaves its own segments and session")


def test_row_38_a_temporary_file_of_an_evaluation_is_deleted_at_the_next_start(config, tmp_path):
    run = tmp_path / "run"
    catamaran(*train_words(config, run, "schedule.max_steps=6"))
    dead = subprocess.Popen(["true"])
    dead.wait()
    (run / f"eval/.epoch-0002.json.tmp.{os.uname().nodename}.{dead.pid}").write_text("half")
    catamaran(*train_words(config, run, "schedule.max_steps=7"))
    assert not list(run.rglob(".*.tmp.*"))
