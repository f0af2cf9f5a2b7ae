"""Rows 2, 3, 5, 6 and 7: a rank that hangs in a step or never comes, one that throws, gradients that are no numbers and losses that jump on one rank."""
import json
import re
import signal
import time
import urllib.request

import numpy as np
import pytest
from jobs import HOST, ended, injected, latest, one_message, program, require_all_is_well, train_words, two_programs, wait_for_steps
from runs import catamaran, metrics, running, started
from test_spikes import names_the_images_of, same_files, skipped

TIMEOUT = 5


def failure(run):
    return json.loads((run / "failure.json").read_text())


@pytest.mark.parametrize("kind", ["sleep", "spin"])
def test_row_02_a_rank_that_hangs_in_a_step_is_named_with_its_place(config, tmp_path, record, kind):
    run = tmp_path / "run"
    done = catamaran(*train_words(config, run, f"comm.timeout_seconds={TIMEOUT}", *injected(f"rank=1,step=5,kind={kind}")), ranks=2, check=False)
    assert done.returncode == 5, done.stderr
    hung = failure(run)["ranks"][1]
    if hung["state"] == "ended by the launcher":  # it had the time to say so
        assert hung["step"] == 5 and hung["still_seconds"] > 3
        assert "rank 1" in failure(run)["cause"] and ("behind" in failure(run)["cause"] or "hangs: its heartbeats arrive" in failure(run)["cause"])
    else:
        assert hung["state"] in ("alive", "gone") and failure(run)["cause"].startswith("rank 1 ")
    require_all_is_well(run)
    record(2, "rank hung", f"testing.fault: {kind} at a step of rank 1", "exit 5; failure.json names rank 1, how many collectives it is behind and its place")


def test_row_03_a_rank_that_never_comes_ends_the_start_in_bounded_time(config, tmp_path, record):
    words = program(*train_words(config, tmp_path / "run", "comm.timeout_seconds=1"))
    begin = time.monotonic()
    with running(two_programs(words, ["sleep", "60"])) as job:
        output, _ = ended(job, 50)
    seconds = round(time.monotonic() - begin, 2)
    assert job.returncode == 5, output
    assert re.search(rf"rank 0 on {HOST}, start: the ranks did not meet within 5 s", output), output
    require_all_is_well(tmp_path / "run", checkpoint=False)
    record(3, "hung before MPI is up", "MPMD: rank 1 is a program that sleeps, comm.timeout_seconds = 1",
           "exit 5 after five times the time-out, by _exit of a thread of its own; NCCL's start and abort that hang: tests/mpi/nccl (time with the start)",
           seconds)


def test_row_05_an_error_of_one_rank_in_the_step_ends_all_with_its_code_and_is_named(config, tmp_path, record):
    run, fault = tmp_path / "run", injected("rank=1,step=5,kind=throw")
    done = catamaran(*train_words(config, run, *fault), ranks=2, check=False)
    assert done.returncode == 3, done.stderr
    one_message(done.stderr, "rank 1: error: .*an injected fault")
    assert failure(run)["cause"].startswith("rank 1 ") and "an injected fault" in failure(run)["cause"]
    assert json.loads((run / "manifest.json").read_text())["lives"][0]["overrides"][-2:] == list(fault)
    require_all_is_well(run)
    record(5, "rank throws", "testing.fault: throw at a step of rank 1", "exit 3, the original text; failure.json names rank 1, manifest.json the fault")


def test_row_06_gradients_that_are_no_numbers_on_one_rank_cost_one_step_on_all_and_leave_no_trace(config, tmp_path, record):
    run = tmp_path / "run"
    pairs = ["schedule.max_steps=8", "numerics.consistency_every_steps=1", "ema.decay=0.9", "train.log_samples=true", "checkpoint.every_steps=1",
             "checkpoint.keep=9"]
    done = catamaran(*train_words(config, run, *pairs, *injected("rank=1,step=4,kind=nan_gradient")), ranks=2)
    lines = metrics(run)
    assert [line["applied"] for line in lines] == [True] * 3 + [False] + [True] * 4
    assert np.isfinite([line["loss"] for line in lines]).all()
    assert skipped(run) == {4: "not finite"}
    same_files(run, 3, 4, ("model", "optimizer", "ema"))
    names_the_images_of(done, run, 4)
    require_all_is_well(run)
    record(6, "gradient not finite on one rank", "testing.fault: NaN gradients of rank 1 at a step, its loss stays finite",
           "both ranks skip that step; weights, average, optimizer and statistics bit by bit as before; its images are in the log")


def test_row_06_too_many_steps_in_a_row_that_are_not_finite_end_the_job(config, tmp_path, record):
    run = tmp_path / "run"
    faults = injected("; ".join(f"rank=1,step={step},kind=nan_gradient" for step in (4, 5, 6)))
    done = catamaran(*train_words(config, run, "numerics.max_consecutive_skips=3", *faults), ranks=2, check=False)
    assert done.returncode == 6, done.stderr
    one_message(done.stderr, "step 6: 3 steps in a row were not finite")
    assert latest(run) == "step-00000003"
    require_all_is_well(run)
    record(6, "gradient not finite on one rank", "the same at three steps in a row, numerics.max_consecutive_skips = 3", "exit 6; the newest checkpoint loads")


SPIKE = ["data.eval=", "numerics.spike_factor=100", "numerics.consistency_every_steps=1", "train.log_samples=true"]


def spike_at(step):
    """The loss of rank 1 alone, and the gradients from it, ten thousand times as large."""
    return injected(f"rank=1,step={step},kind=scale_loss,value=1e4")


def test_row_07_a_spike_on_another_rank_than_0_stops_all_of_them_where_that_is_asked_for(config, tmp_path, record):
    run = tmp_path / "run"
    done = catamaran(*train_words(config, run, *SPIKE, "numerics.on_spike=stop", *spike_at(26)), ranks=2, check=False)
    assert done.returncode == 6, done.stderr
    one_message(done.stderr, r"step 26: a spike: (loss|gradient norm) \S+ is \S+ times the median")
    assert skipped(run) == {26: "spike"} and latest(run) == "step-00000024"
    names_the_images_of(done, run, 26)
    require_all_is_well(run)
    record(7, "loss spike on rank 1", "testing.fault: its loss 1e4 times as large at a step, numerics.on_spike = stop",
           "exit 6 by both ranks before the weights are touched; the event in log and metrics.jsonl")


def test_row_07_a_spike_on_another_rank_than_0_is_skipped_by_all_of_them_where_that_is_asked_for(config, tmp_path, record):
    run = tmp_path / "run"
    pairs = ["numerics.on_spike=skip", "checkpoint.every_steps=1", "checkpoint.keep=5", "ema.decay=0.9", "schedule.max_steps=28"]
    done = catamaran(*train_words(config, run, *SPIKE, *pairs, *spike_at(26)), ranks=2)
    assert skipped(run) == {26: "spike"} and len(metrics(run)) == 28
    same_files(run, 25, 26, ("model", "optimizer", "ema"))
    names_the_images_of(done, run, 26)
    require_all_is_well(run)
    record(7, "loss spike on rank 1", "the same, numerics.on_spike = skip", "both ranks skip the step; weights, average and optimizer bit by bit as before")


def test_row_07_after_a_spike_on_another_rank_than_0_all_go_back_where_that_is_asked_for(config, tmp_path, record):
    run = tmp_path / "run"
    with started(*train_words(config, run, *SPIKE, "numerics.on_spike=rollback", *spike_at(26)), ranks=2) as job:
        wait_for_steps(run, job, 30)
        page = urllib.request.urlopen((run / "metrics-address.txt").read_text().strip(), timeout=10).read().decode()
        job.send_signal(signal.SIGUSR1)
        output, _ = ended(job, 60)
    assert job.returncode == 75, output
    assert "step 26: back to the weights of step 24 " in output
    assert skipped(run) == {26: "spike"}
    assert 'catamaran_steps_total{result="skipped_spike"} 1\n' in page
    losses = {line["step"]: line["loss"] for line in metrics(run)}
    assert all(losses[step] < 10 * losses[24] for step in (27, 28, 29))
    require_all_is_well(run)
    record(7, "loss spike on rank 1", "the same, numerics.on_spike = rollback",
           "both ranks take the newest checkpoint's weights, the data goes on; the event in log, metrics.jsonl and catamaran_steps_total")
