"""Row 1: a rank is killed; the job ends by itself and goes on with the weights of a run that nothing happened to."""
import os
import re
import signal
import time

import pytest
from jobs import HOST, ended, require_all_is_well, resume_and_compare, steps_done, train_words, wait_for_ranks, wait_for_steps, wait_for_writing
from runs import catamaran, started, wait_for


def kill_and_check(job, rank=1):
    """Rank and host are in mpirun's words, since a killed process has none; seconds until the job had ended."""
    os.kill(wait_for_ranks(job, 2)[rank], signal.SIGKILL)
    output, seconds = ended(job, 20)  # of the minutes of comm.timeout_seconds
    assert job.returncode == 137, output
    assert re.search(rf"process rank {rank} with PID \d+ on node {HOST} exited on signal 9", output), output
    return seconds


@pytest.mark.parametrize("rank", [0, 1])
def test_row_01_a_rank_killed_between_steps_ends_the_job_and_it_goes_on_as_if_undisturbed(config, tmp_path, undisturbed, record, rank):
    run, reference = tmp_path / "run", undisturbed(2)
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 8)
        seconds = kill_and_check(job, rank)
    require_all_is_well(run)
    back = resume_and_compare(config, run, reference, 2)
    record(1, "rank killed", f"kill -9 of rank {rank} in training", "exit 137; same weights after --resume auto", seconds, back)


@pytest.mark.parametrize("after", [0.0, 0.5])
def test_row_01_a_rank_killed_while_the_job_starts_ends_it(config, tmp_path, undisturbed, record, after):
    run, reference = tmp_path / "run", undisturbed(2)
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_ranks(job, 2)
        time.sleep(after)
        seconds = kill_and_check(job)
    require_all_is_well(run, checkpoint=(run / "checkpoints/latest").exists())
    back = resume_and_compare(config, run, reference, 2)
    record(1, "rank killed", f"kill -9 of rank 1, {after} s after its start", "exit 137; a second start is as good as a first", seconds, back)


def test_row_01_a_rank_killed_in_an_evaluation_ends_the_job_and_it_goes_on_as_if_undisturbed(config, tmp_path, undisturbed, preload, monkeypatch, record):
    run, reference = tmp_path / "run", undisturbed(2)
    preload("slow_storage", SLOW_PATH="pack-test/shard", SLOW_SECONDS=0.5)
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 6)
        time.sleep(0.5)  # of eight, more or less, that the evaluation takes
        assert steps_done(run) == 6
        seconds = kill_and_check(job)
    monkeypatch.delenv("LD_PRELOAD")
    require_all_is_well(run)
    back = resume_and_compare(config, run, reference, 2)
    record(1, "rank killed", "kill -9 of rank 1 in an evaluation", "exit 137; same weights after --resume auto", seconds, back)


@pytest.mark.parametrize("rank", [0, 1])
def test_row_01_a_rank_killed_while_a_checkpoint_is_written_leaves_the_one_before(config, tmp_path, undisturbed, preload, monkeypatch, record, rank):
    run, reference = tmp_path / "run", undisturbed(2)
    preload("failing_storage", FAULT_PATH="/.step-00000006.tmp.", FAULT_CALLS="fsync", FAULT_SECONDS=5)
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_writing(run, 6)
        seconds = kill_and_check(job, rank)
    monkeypatch.delenv("LD_PRELOAD")
    assert not (run / "checkpoints/step-00000006").exists()
    require_all_is_well(run)
    back = resume_and_compare(config, run, reference, 2)
    assert not [path for path in run.rglob(".*.tmp.*")]
    record(1, "rank killed", f"kill -9 of rank {rank} while rank 0 writes a checkpoint",
           "exit 137; the checkpoint before loads, what was half written is deleted, same weights", seconds, back)


def test_row_18_a_kill_while_a_checkpoint_is_replaced_leaves_the_old_one_although_it_is_the_only_one(config, tmp_path, preload, monkeypatch, record):
    """The only checkpoint is written again once the evaluation that it owed is made up for; the kill comes between its two renames."""
    run = tmp_path / "run"
    words = train_words(config, run, "schedule.max_steps=6", "checkpoint.every_steps=0", "checkpoint.every_epochs=0", "checkpoint.keep=1", "evaluate.batch=2")
    preload("slow_storage", SLOW_PATH="pack-test/shard", SLOW_SECONDS=0.5)
    with started(*words, ranks=0) as job:
        wait_for_steps(run, job, 6)
        job.send_signal(signal.SIGUSR1)
        ended(job, 60)
    assert job.returncode == 75 and not (run / "eval/epoch-0001.json").exists()
    preload("failing_storage", FAULT_PATH="/.step-00000006.tmp.", FAULT_CALLS="rename", FAULT_SECONDS=1)
    with started(*words, ranks=0) as job:
        wait_for("the first rename", lambda: not (run / "checkpoints/step-00000006").exists(), 60)
        job.kill()
        ended(job, 60)
    monkeypatch.delenv("LD_PRELOAD")
    assert not (run / "checkpoints/step-00000006").exists()
    done = catamaran(*words)
    assert "resumed from" in done.stderr and "at step 6" in done.stderr, done.stderr
    assert not list(run.rglob(".*.tmp.*"))
    require_all_is_well(run)
    record(18, "killed while a checkpoint is replaced", "LD_PRELOAD: rename takes 1 s; kill -9 between the two, checkpoint.keep = 1",
           "the next start puts the old one back and goes on from it")
