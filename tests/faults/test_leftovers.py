"""Row 38: run after run, nothing is left: no process, no file in /dev/shm or the folder for temporary files, no socket, no lock.

CATAMARAN_LEFTOVER_RUNS: how many runs (10).
"""
import fcntl
import os
import pathlib
import time

import pytest
from jobs import injected, processes_of, require_all_is_well, train_words
from runs import catamaran, wait_for

RUNS = int(os.environ.get("CATAMARAN_LEFTOVER_RUNS", 10))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Where a run of this test may leave something: temporary files, Open MPI's session and its shared memory."""
    made = {}
    for name, key in (("temporary", "TMPDIR"), ("sessions", "OMPI_MCA_orte_tmpdir_base"), ("segments", "OMPI_MCA_btl_vader_backing_directory")):
        made[name] = tmp_path / name
        made[name].mkdir()
        monkeypatch.setenv(key, str(made[name]))
    return made


def files_below(folder):
    return sorted(str(path) for path in folder.rglob("*") if not path.is_dir())


def shared_memory():
    return {path.name for path in pathlib.Path("/dev/shm").iterdir() if path.name.startswith("catamaran") and not path.name.startswith("catamaran-faults")}


def is_locked(file):
    with open(file) as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def left_behind(run, folders, shared_before):
    sockets = [line.split()[-1] for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:] if str(run.parent) in line]
    found = {"processes": processes_of(run), "sockets": sockets, "shared memory": sorted(shared_memory() - shared_before),
             "temporary files of the run": [str(path) for path in run.rglob(".*.tmp.*")], "lock": [run] if is_locked(run / "lock") else []}
    found.update({name: files_below(folder) for name, folder in folders.items()})
    return {what: names for what, names in found.items() if names}


def wait_until_nothing_is_left(run, folders, before, when):
    """A process whose command line is gone already lets go of its files a moment later."""
    for _ in range(150):
        left = left_behind(run, folders, before)
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"{when}: {left}")


def test_row_38_nothing_is_left_however_often_a_run_is_started_goes_on_is_evaluated_and_fails(config, packs, tmp_path, folders, record):
    before = shared_memory()
    for number in range(RUNS):
        run = tmp_path / f"run-{number % 3}"  # every third goes on where one has ended
        step = 2 * (number // 3 + 1)
        fails = injected(f"rank=1,step={step},kind=throw") if number % 5 == 4 else []
        done = catamaran(*train_words(config, run, f"schedule.max_steps={step}", "checkpoint.every_steps=1", *fails), ranks=2, check=False)
        assert done.returncode == (3 if fails else 0), done.stderr
        if number % 3 == 2:
            catamaran("eval", "--checkpoint", run, "--data", packs / "pack-test", "--out", tmp_path / "eval.json", ranks=2)
        wait_for("the end of all processes", lambda: not processes_of(run), 15)
        wait_until_nothing_is_left(run, folders, before, f"after run {number}")
    require_all_is_well(run)
    record(38, "leftover of an earlier run", f"{RUNS} short runs on 2 ranks: started, resumed, evaluated, and one in five fails",
           "no process, socket, lock, temporary file or shared memory is left after any of them")


def test_row_38_what_is_left_is_found(tmp_path, folders):
    """The look itself: each thing that a run could leave shows."""
    run = tmp_path / "run"
    run.mkdir()
    (run / ".half.tmp.host.1").write_text("")
    (folders["segments"] / "segment").write_text("")
    with open(run / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert set(left_behind(run, folders, set())) == {"temporary files of the run", "segments", "lock"}
