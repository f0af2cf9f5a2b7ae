"""Row 17: storage that does not answer any more while rank 0 writes a checkpoint."""
import os
import re
import signal
import time

from jobs import HOST, ended, first_message, require_all_is_well, resume_and_compare, train_words, wait_for_ranks, wait_for_steps
from runs import started, wait_for

NEVER = {"FAULT_PATH": "/checkpoints/", "FAULT_CALLS": "fsync", "FAULT_ERRNO": 0, "FAULT_SECONDS": 600}


def test_row_17_a_checkpoint_whose_write_never_returns_ends_the_job_with_code_4_at_its_bound(config, tmp_path, undisturbed, preload, monkeypatch, record):
    run, gate, reference = tmp_path / "run", tmp_path / "hangs", undisturbed(2)
    preload("failing_storage", **NEVER, FAULT_SWITCH=gate)
    with started(*train_words(config, run, "checkpoint.timeout_seconds=3"), ranks=2) as job:
        wait_for_steps(run, job, 4)
        wait_for("a checkpoint", lambda: (run / "checkpoints/latest").exists())
        gate.touch()
        output, seconds = ended(job, 60)
    monkeypatch.delenv("LD_PRELOAD")
    assert job.returncode == 4, output
    said = rf"error: {re.escape(str(run))}/checkpoints/step-\d+: host {HOST} has been writing this checkpoint for \d+\.\d s, and it is not whole; see whether the storage"
    assert re.search(said, output) and "checkpoint.timeout_seconds" in output, output
    assert seconds < 30, "the thread that hangs is not waited for"
    require_all_is_well(run)
    back = resume_and_compare(config, run, reference, 2)
    record(17, "a checkpoint's write hangs", "LD_PRELOAD: each fsync below checkpoints/ takes ten minutes, checkpoint.timeout_seconds = 3",
           "exit 4 with host and folder; the one before loads, same weights after --resume auto", seconds, back)


def test_row_17_a_job_that_ends_while_a_write_hangs_does_not_wait_for_it(config, tmp_path, preload, record):
    run, gate = tmp_path / "run", tmp_path / "hangs"
    preload("failing_storage", **NEVER, FAULT_SWITCH=gate)
    with started(*train_words(config, run, "checkpoint.timeout_seconds=12", "comm.timeout_seconds=5"), ranks=2) as job:
        wait_for_steps(run, job, 4)
        wait_for("a checkpoint", lambda: (run / "checkpoints/latest").exists())
        other = wait_for_ranks(job, 2)[1]
        gate.touch()
        wait_for("a write that hangs", lambda: list(run.glob("checkpoints/.*.tmp.*")))
        time.sleep(0.5)
        os.kill(other, signal.SIGSTOP)
        output, seconds = ended(job, 60)
    assert job.returncode == 5, output
    first_message(output, "no answer from at least one other rank within 5 s")
    assert seconds < 40, "the thread that hangs is not waited for"
    require_all_is_well(run)
    record(17, "a checkpoint's write hangs", "the same, and kill -STOP of rank 1 meanwhile, comm.timeout_seconds = 5, checkpoint.timeout_seconds = 12",
           "exit 5: a job that ends for another reason waits for the write no longer than 30 s or checkpoint.timeout_seconds", seconds)
