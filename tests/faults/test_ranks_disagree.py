"""Rows 9, 10, 23, 26 and 37: ranks with other configurations, files, clocks or memory, and jobs that go on with other numbers of ranks."""
import json
import os
import re
import signal
import time

import pytest
from jobs import (MPIRUN, ended, errors_in, latest, one_message, program, require_all_is_well, steps_done, train_words, two_programs, wait_for_ranks,
                  wait_for_steps)
from runs import BINARY, catamaran, metrics, running, started


def test_row_09_ranks_with_different_configurations_are_refused_at_the_start(config, tmp_path, record):
    run = tmp_path / "run"
    words = program(*train_words(config, run))
    begin = time.monotonic()
    with running(two_programs(words, [*words, "--set", "run.seed=2"])) as job:
        output, _ = ended(job, 60)
    seconds = round(time.monotonic() - begin, 2)
    assert job.returncode == 2, output
    one_message(output, "the configuration of rank 1 is not that of rank 0", "give every rank the same files and arguments")
    require_all_is_well(run, checkpoint=False)
    assert not run.exists()
    record(9, "ranks with different configurations", "MPMD: rank 1 with another run.seed",
           "exit 2 before the first step, rank 1 named (time with the start)", seconds)


def test_row_09_a_rank_of_another_build_is_refused_at_the_start(config, tmp_path, record):
    """The other build: this one with another git id in it."""
    run, other = tmp_path / "run", tmp_path / "other-build"
    git = re.search(r"catamaran \S+ \((\w+)\)", catamaran("--version").stdout).group(1)
    others = ("e" if git[0] == "f" else "f") + git[1:]
    other.write_bytes(BINARY.read_bytes().replace(git.encode() + b"\0", others.encode() + b"\0"))
    other.chmod(0o755)
    words = train_words(config, run)
    begin = time.monotonic()
    with running(two_programs(program(*words), [other, *words])) as job:
        output, _ = ended(job, 60)
    seconds = round(time.monotonic() - begin, 2)
    assert job.returncode == 2, output
    one_message(output, rf"the ranks are not of one program: rank 0 \(catamaran \S+ \({git}\), LibTorch .*\), rank 1 \(catamaran \S+ \({others}\), LibTorch ",
                "start the same build")
    require_all_is_well(run, checkpoint=False)
    assert not run.exists()
    record(9, "ranks with different programs", "MPMD: rank 1 with another git id in its binary",
           "exit 2 before anything else, both versions told (time with the start)", seconds)


def test_row_10_a_checkpoint_that_only_rank_0_sees_is_refused_by_the_others(config, tmp_path, record):
    for folder in ("seen", "unseen"):
        (tmp_path / folder).mkdir()
    catamaran(*train_words(config, "run", "schedule.max_steps=6"), cwd=tmp_path / "seen")
    words = program(*train_words(config, "run", "schedule.max_steps=9"))
    begin = time.monotonic()
    with running([*MPIRUN, "-n", 1, "-wdir", tmp_path / "seen", *words, ":", "-n", 1, "-wdir", tmp_path / "unseen", *words]) as job:
        output, _ = ended(job, 60)
    seconds = round(time.monotonic() - begin, 2)
    assert job.returncode == 4 and seconds < 10, output
    one_message(output, r"catamaran: rank 1: error: run/checkpoints/step-00000006/state.json: cannot open the file: No such file")
    require_all_is_well(tmp_path / "seen/run")
    record(10, "ranks disagree on resume", "MPMD: the checkpoint is where rank 0 looks, not where rank 1 does",
           "exit 4, rank 1 names the file (time with the start)", seconds)


def test_row_23_a_job_of_4_ranks_goes_on_with_2_and_with_1_in_the_same_order_but_not_with_3(config, tmp_path, record):
    # At the larger rate of other tests a rounding doubles with each step, and forty steps make 1e-3 of it.
    same = ["train.log_samples=true", "model.backbone.bn=frozen", "optimizer.learning_rate=2e-4"]
    whole, run = tmp_path / "whole", tmp_path / "run"
    catamaran(*train_words(config, whole, *same, "schedule.max_steps=40"), ranks=4)
    with started(*train_words(config, run, *same), ranks=4) as job:
        wait_for_steps(run, job, 8)
        os.kill(wait_for_ranks(job, 4)[3], signal.SIGKILL)
        _, seconds = ended(job, 30)
    require_all_is_well(run)
    refusal = catamaran(*train_words(config, run, *same), ranks=3, check=False)
    assert refusal.returncode == 2, refusal.stderr
    one_message(refusal.stderr, r"\b15\b.*\b18\b")
    at = int(latest(run).removeprefix("step-"))
    assert at < 34, "it was killed early"
    begin = time.monotonic()
    catamaran(*train_words(config, run, *same, f"schedule.max_steps={at + 3}"), ranks=2)
    catamaran(*train_words(config, run, *same, "schedule.max_steps=40"), ranks=1)
    back = round(time.monotonic() - begin, 2)
    require_all_is_well(run)
    orders = [[json.loads(line)["ids"] for line in (folder / "samples.jsonl").read_text().splitlines()] for folder in (whole, run)]
    assert orders[0] == orders[1] and len(orders[0]) == 40
    losses = [[line["loss"] for line in metrics(folder)] for folder in (whole, run)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert re.search("step-00000040", latest(run))
    record(23, "node lost, fewer ranks", "4 ranks, one killed, resumed with 3, 2 and 1",
           "3 refused with code 2 and the nearest batches; 2 and 1: same order of images, losses to rounding (recovery: both runs to their end)", seconds, back)


@pytest.mark.parametrize("rank", [0, 1])
def test_row_26_a_wall_clock_that_is_wrong_and_jumps_ends_nothing(config, tmp_path, preload, record, rank):
    run, back = tmp_path / "run", tmp_path / "back"
    preload("other_clock", CLOCK_RANK=rank, CLOCK_SWITCH=back)
    with started(*train_words(config, run, "comm.timeout_seconds=5"), ranks=2) as job:
        wait_for_steps(run, job, 5)
        back.touch()
        time.sleep(6)  # longer than the time-out
        wait_for_steps(run, job, steps_done(run) + 2)
        job.send_signal(signal.SIGUSR1)
        output, _ = ended(job, 30)
    assert job.returncode == 75 and not errors_in(output), output
    assert (tmp_path / "back.ahead").exists(), "the rank asked for the time"
    if rank == 0:  # another rank asks for it at its start alone
        assert (tmp_path / "back.behind").exists(), "and again after the jump"
    lines = metrics(run)
    steady = [line["steady_seconds"] for line in lines]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(later > earlier for earlier, later in zip(steady, steady[1:])), "each line has its step and the time of the steady clock"
    assert 6 < steady[-1] - steady[0] < 1800, "no jump shows in it"
    if rank == 0:
        times = [json.loads(line)["time"] for line in (run / "log.jsonl").read_text().splitlines()]
        assert min(times) < max(times) - 3600, "the clock that jumped is the one the log is written by"
    require_all_is_well(run)
    record(26, "clock skew and jump", f"LD_PRELOAD: rank {rank}'s wall clock an hour ahead, then an hour behind",
           "no time-out, no message: deadlines are of the steady clock, and metrics.jsonl has its time beside each step")


def test_row_37_memory_that_runs_out_on_one_rank_is_said_by_that_rank(config, tmp_path, record):
    run = tmp_path / "run"
    words = program(*train_words(config, run, "data.eval=", "batch.global=32", "model.input.size=1024", "schedule.max_steps=1"))
    begin = time.monotonic()
    with running(two_programs(words, ["prlimit", "--data=1600000000", *words])) as job:
        output, _ = ended(job, 120)
    seconds = round(time.monotonic() - begin, 2)
    assert job.returncode == 1, output
    one_message(output, "catamaran: rank 1: error: out of memory", "lower batch.per_device")
    require_all_is_well(run, checkpoint=False)
    record(37, "out of memory", "MPMD: rank 1 with a limit of 1.6 GB",
           "exit 1; rank 1 says it and what to lower (time with the start, pictures of 1024 pixels)", seconds)
