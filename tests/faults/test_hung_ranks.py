"""Rows 2, 4 and 40: a rank that hangs ends the job after the time-out; one that is only slow does not, and evaluations are whole on any number of ranks."""
import json
import os
import re
import signal
import subprocess
import time

import pytest
from jobs import (HOST, ended, first_message, program, require_all_is_well, resume_and_compare, steps_done, train_words, two_programs,
                  wait_for_ranks, wait_for_steps)
from runs import catamaran, metrics, running, started, wait_for

TIMEOUT = 5
BATCH = 6  # seconds, of two images of a slow rank in an evaluation
PATIENCE = 20  # seconds that a busy machine may add to what is asked for
SMALL_BATCHES = ["evaluate.batch=2"]


@pytest.mark.parametrize("rank", [0, 1])
def test_row_02_a_rank_that_is_stopped_ends_the_job_with_code_5_after_the_time_out(config, tmp_path, undisturbed, record, rank):
    run, reference = tmp_path / "run", undisturbed(2)
    with started(*train_words(config, run, f"comm.timeout_seconds={TIMEOUT}"), ranks=2) as job:
        wait_for_steps(run, job, 8)
        os.kill(wait_for_ranks(job, 2)[rank], signal.SIGSTOP)
        output, seconds = ended(job, TIMEOUT + PATIENCE)
    assert job.returncode == 5, output
    first_message(output, rf"catamaran: rank {1 - rank}: error: rank {1 - rank} on {HOST}, .*number \d+ of this rank \(\d+ finished\)",
                rf"no answer from at least one other rank within {TIMEOUT} s", "look for a rank that hangs")
    require_all_is_well(run)
    back = resume_and_compare(config, run, reference, 2)
    record(2, "rank hung", f"kill -STOP of rank {rank} in training, comm.timeout_seconds = {TIMEOUT}",
           "exit 5; one message with the waiting rank, its host and the collective; same weights after --resume auto", seconds, back)


def test_row_02_a_rank_that_hangs_in_an_evaluation_ends_the_job_with_code_5(config, tmp_path, preload, record):
    run = tmp_path / "run"
    preload("slow_storage", SLOW_PATH="pack-test/shard", SLOW_SECONDS=BATCH / 2)
    with started(*train_words(config, run, f"comm.timeout_seconds={TIMEOUT}", *SMALL_BATCHES), ranks=2) as job:
        wait_for_steps(run, job, 6)
        time.sleep(1.5 * BATCH)  # of eight batches
        os.kill(wait_for_ranks(job, 2)[1], signal.SIGSTOP)
        # Rank 0 asks before each batch; all of its own images would take six batches more.
        assert BATCH + TIMEOUT + PATIENCE < 6 * BATCH
        output, seconds = ended(job, BATCH + TIMEOUT + PATIENCE)
    assert job.returncode == 5, output
    first_message(output, rf"rank 0 on {HOST}", f"within {TIMEOUT} s")
    require_all_is_well(run)
    record(2, "rank hung", f"kill -STOP of rank 1 in an evaluation of half a minute, comm.timeout_seconds = {TIMEOUT}",
           "exit 5 after a batch and the time-out, not after all of rank 0's images", seconds)


@pytest.fixture
def elsewhere():
    """What a program is started under so that its host has another name: a host of its own, to all that knows hosts by their names."""
    words = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"]
    if subprocess.run([*words, "true"], capture_output=True).returncode != 0:
        pytest.skip("a name of its own for a process (unshare --uts) needs root")
    return words


def failure_of(run):
    wait_for("failure.json", lambda: (run / "failure.json").exists(), 10)
    return json.loads((run / "failure.json").read_text())


def test_row_02_a_rank_on_another_host_that_is_stopped_is_told_by_its_heartbeats(config, tmp_path, elsewhere, record):
    run = tmp_path / "run"
    words = program(*train_words(config, run, f"comm.timeout_seconds={TIMEOUT}"))
    with running(two_programs(words, [*elsewhere, *words])) as job:
        wait_for_steps(run, job, 8)
        os.kill(wait_for_ranks(job, 2)[1], signal.SIGSTOP)
        output, seconds = ended(job, TIMEOUT + 20)
    assert job.returncode == 5, output
    failure = failure_of(run)
    assert re.search(r"no heartbeat for \d+\.\d s from rank 1 \(process \d+ on elsewhere\): its process or its host is gone or stopped", failure["cause"]), failure["cause"]
    assert failure["ranks"][1]["heartbeat"]["seconds_ago"] > 3
    assert failure["ranks"][1]["heartbeat"]["resident_bytes"] > 1e7
    require_all_is_well(run)
    record(2, "rank hung on another host", f"kill -STOP of rank 1, that runs under another host name, comm.timeout_seconds = {TIMEOUT}",
           "exit 5; the cause names rank and host by the heartbeats that stopped", seconds)


def test_row_02_a_rank_on_another_host_that_hangs_is_told_from_one_that_is_gone(config, tmp_path, elsewhere, record):
    run = tmp_path / "run"
    words = program(*train_words(config, run, f"comm.timeout_seconds={TIMEOUT}", "testing.enabled=true", "testing.fault=rank=1,step=8,kind=sleep"))
    with running(two_programs(words, [*elsewhere, *words])) as job:
        output, _ = ended(job, 60)
    assert job.returncode == 5, output
    cause = failure_of(run)["cause"]
    assert re.search(r"rank 1 \(process \d+ on elsewhere\) hangs: its heartbeats arrive, and it has started \d+ collectives and others \d+; it stood in step 8, ", cause), cause
    assert "why the job ends: rank 1" in output
    require_all_is_well(run)
    record(2, "rank hung on another host", "testing.fault: rank 1, that runs under another host name, sleeps in step 8",
           "exit 5; the cause says that it still lives, and where it stands")


def is_named(run, rank, host=HOST):
    """In the log of rank 0, as the one that holds the others up."""
    return re.search(rf"rank {rank} on {host} is a straggler: its own work", (run / "log.jsonl").read_text()) is not None


def test_row_04_a_rank_that_is_slow_but_alive_does_not_end_the_job_and_is_named(config, tmp_path, record):
    """A stop that falls into a collective tells nobody whose it was: stopped until one, or several, fell into its own work."""
    run, rounds = tmp_path / "run", 0
    calm = ["checkpoint.every_steps=100000", "evaluate.every_epochs=0", "monitoring.straggler_factor=3"]
    with started(*train_words(config, run, f"comm.timeout_seconds={TIMEOUT}", *calm), ranks=2) as job:
        wait_for_steps(run, job, 20)
        slow = wait_for_ranks(job, 2)[1]
        while rounds < 4 or (rounds < 100 and not is_named(run, 1)):
            os.kill(slow, signal.SIGSTOP)
            time.sleep(1)
            os.kill(slow, signal.SIGCONT)
            time.sleep(0.2)
            rounds += 1
        assert is_named(run, 1)
        wait_for_steps(run, job, steps_done(run) + 2)
        job.send_signal(signal.SIGUSR1)
        output, _ = ended(job, 30)
    assert job.returncode == 75 and "error:" not in output, output
    require_all_is_well(run)
    record(4, "slow rank, not dead", "kill -STOP of rank 1 for 1 s and -CONT, four times and more",
           "no abort; the log names rank and host; the job goes on until it is asked to stop")


def test_row_04_a_rank_whose_own_work_takes_longer_is_named_in_log_and_metrics(config, tmp_path, record):
    run = tmp_path / "run"
    slow = ["testing.enabled=true", "testing.fault=rank=1,step=5,kind=slow,value=0.5", "schedule.max_steps=30"]
    done = catamaran(*train_words(config, run, "monitoring.straggler_factor=3", *slow), ranks=2)
    assert done.stderr.count("is a straggler") == 1, done.stderr
    assert is_named(run, 1)
    newest = metrics(run)[-1]
    assert newest["slowest_rank"] == 1
    assert newest["slowest_rank_seconds"] > 0.5 and newest["slowest_rank_seconds"] > newest["median_rank_seconds"]
    record(4, "slow rank, not dead", "testing.fault: half a second more in every step of rank 1",
           "no abort; one line names rank, host, its own time and the median; so do metrics.jsonl and the metrics page")


def test_row_40_every_image_is_evaluated_once_and_the_metrics_are_those_of_one_rank(config, packs, tmp_path, record):
    catamaran(*train_words(config, tmp_path / "run", "schedule.max_steps=3"))
    pages = {}
    for ranks in (0, 2, 3, 4):  # 33 images: uneven on 2 and 4
        done = catamaran("eval", "--checkpoint", tmp_path / "run", "--data", packs / "pack-test", "--batch", 4, "--out", tmp_path / f"{ranks}.json",
                         ranks=ranks)
        pages[ranks] = json.loads((tmp_path / f"{ranks}.json").read_text())
        assert "error" not in done.stderr
    assert pages[0]["images"] == 33
    for ranks in (2, 3, 4):
        for key in ("images", "map", "ap", "op", "or", "of1", "cp", "cr", "cf1"):
            assert pages[ranks][key] == pytest.approx(pages[0][key], rel=1e-9), (ranks, key)
    record(40, "uneven evaluation, last partial batch", "33 images in batches of 4 on 1, 2, 3 and 4 ranks", "every image once; the metrics of 1 rank")


def test_row_40_a_long_evaluation_makes_no_noise(config, tmp_path, preload, record):
    run = tmp_path / "run"
    preload("slow_storage", SLOW_PATH="pack-test/shard", SLOW_SECONDS=0.4)
    begin = time.monotonic()
    with started(*train_words(config, run, f"comm.timeout_seconds={TIMEOUT}", "data.timeout_seconds=3", "schedule.max_steps=6"), ranks=2) as job:
        output, _ = ended(job, 120)
    assert job.returncode == 0 and time.monotonic() - begin > TIMEOUT
    assert "no answer" not in output and "warning" not in output
    assert json.loads((run / "eval/epoch-0001.json").read_text())["images"] == 33
    require_all_is_well(run)
    record(40, "long evaluation", f"reads of 0.4 s an image: longer than comm.timeout_seconds = {TIMEOUT}", "no message, no abort")


def test_row_40_an_evaluation_in_which_one_rank_is_slower_than_the_time_out_is_made_to_its_end(config, tmp_path, preload, record):
    """Row 2's other half: rank 0 is done with its images at once, rank 1 needs far more than the time-out, and less than it for a batch."""
    run = tmp_path / "run"
    preload("slow_storage", SLOW_PATH="pack-test/shard", SLOW_SECONDS=BATCH / 4, SLOW_RANK=1)
    begin = time.monotonic()
    with started(*train_words(config, run, f"comm.timeout_seconds={TIMEOUT}", "schedule.max_steps=6", *SMALL_BATCHES), ranks=2) as job:
        output, _ = ended(job, 180)
    seconds = time.monotonic() - begin
    assert job.returncode == 0 and "no answer" not in output, output
    assert seconds > 16 * BATCH / 4 > 2 * TIMEOUT, "rank 1 has 16 or 17 of the 33 images"
    assert json.loads((run / "eval/epoch-0001.json").read_text())["images"] == 33
    require_all_is_well(run)
    record(40, "slow rank in an evaluation", f"reads of {BATCH / 4} s an image on rank 1 alone: {16 * BATCH / 4:.0f} s, comm.timeout_seconds = {TIMEOUT}",
           "no message, no abort; every image once")
