"""Row 20: USR1, TERM and INT to mpirun, to one rank and to a launcher of our own, at any time."""
import os
import pathlib
import signal
import time

import numpy as np
import pytest
from jobs import STEPS, ended, latest, processes_of, require_all_is_well, steps_done, train_words, wait_for_ranks, wait_for_steps, wait_for_writing, weights_of
from runs import catamaran, metrics, newest_weights, started, wait_for
from safetensors.numpy import load_file

STOPPED = "stopped with a checkpoint; the same command goes on from there"


def stopped_in_time(job, run, seconds=25):
    """The job ended with code 75 and a checkpoint of the last step that it logged; the seconds that took."""
    output, taken = ended(job, seconds)
    assert job.returncode == 75 and STOPPED in output, output
    assert "error:" not in output, output
    assert int(latest(run).removeprefix("step-")) == metrics(run)[-1]["step"]
    require_all_is_well(run)
    return taken


def go_on_and_compare(config, run, reference):
    """The weights and the optimizer's state at the end are the undisturbed run's.

    So are running statistics of batch norm to rounding: each rank has its own, and they are averaged over ranks at every
    checkpoint, so one checkpoint more is one rounding more.
    """
    begin = time.monotonic()
    catamaran(*train_words(config, run, f"schedule.max_steps={STEPS}"), ranks=2)
    seconds = round(time.monotonic() - begin, 2)
    assert weights_of(run)["optimizer.safetensors"] == weights_of(reference)["optimizer.safetensors"]
    mine, theirs = load_file(newest_weights(run)), load_file(newest_weights(reference))
    for name, tensor in theirs.items():
        if ".running_" in name:
            np.testing.assert_allclose(mine[name], tensor, rtol=1e-5, atol=1e-6, err_msg=name)
        else:
            assert np.array_equal(mine[name], tensor), name
    require_all_is_well(run)
    return seconds


CASES = {"USR1 to mpirun": ("mpirun", [signal.SIGUSR1]), "USR1 to mpirun twice": ("mpirun", [signal.SIGUSR1] * 2),
         "USR1 to rank 1": (1, [signal.SIGUSR1]), "TERM to rank 0": (0, [signal.SIGTERM]), "INT to rank 1": (1, [signal.SIGINT])}


@pytest.mark.parametrize("case", CASES)
def test_row_20_a_signal_in_training_stops_the_job_with_a_checkpoint_and_it_goes_on_as_if_undisturbed(config, tmp_path, undisturbed, record, case):
    run, reference = tmp_path / "run", undisturbed(2)
    to, signals = CASES[case]
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 7)
        receiver = job.pid if to == "mpirun" else wait_for_ranks(job, 2)[to]
        for number in signals:
            os.kill(receiver, number)
            time.sleep(0.02)
        seconds = stopped_in_time(job, run)
    back = go_on_and_compare(config, run, reference)
    record(20, case, "in training, 2 ranks",
           "exit 75, a checkpoint of the last step; the same command ends with the undisturbed weights (recovery: to the end)", seconds, back)


@pytest.mark.parametrize("when, number", [("init", signal.SIGUSR1), ("init", signal.SIGTERM), ("training", signal.SIGTERM), ("training", signal.SIGINT)],
                         ids=["USR1-init", "TERM-init", "TERM-training", "INT-training"])
def test_row_20_a_signal_to_our_own_launcher_stops_all_ranks_with_a_checkpoint(config, tmp_path, record, number, when):
    run = tmp_path / "run"
    with started(*train_words(config, run), "--ranks", 2, ranks=0) as job:
        if when == "training":
            wait_for_steps(run, job, 4)
        else:  # of the launcher: it can hear once it has started mpirun
            wait_for("mpirun", lambda: pathlib.Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text(), 30)
        job.send_signal(number)
        seconds = stopped_in_time(job, run)
    record(20, f"{number.name} to train --ranks 2", f"in {when}", "exit 75 with a checkpoint", seconds)


def test_row_20_a_signal_in_an_evaluation_breaks_it_off_and_it_is_made_up_for(config, tmp_path, preload, record):
    run = tmp_path / "run"
    preload("slow_storage", SLOW_PATH="pack-test/shard", SLOW_SECONDS=0.5)
    with started(*train_words(config, run, "evaluate.batch=2"), ranks=2) as job:
        wait_for_steps(run, job, 6)
        time.sleep(0.5)
        assert steps_done(run) == 6
        job.send_signal(signal.SIGUSR1)
        seconds = stopped_in_time(job, run)
        assert not (run / "eval/epoch-0001.json").exists()
    preload("slow_storage", SLOW_SECONDS=0)
    catamaran(*train_words(config, run, "schedule.max_steps=8"), ranks=2)
    assert (run / "eval/epoch-0001.json").exists()
    require_all_is_well(run)
    record(20, "USR1 to mpirun", "in an evaluation", "exit 75; the evaluation is made up for when the run goes on", seconds)


def test_row_20_a_signal_while_a_checkpoint_is_written_waits_for_it(config, tmp_path, preload, record):
    run = tmp_path / "run"
    preload("failing_storage", FAULT_PATH="/.step-00000006.tmp.", FAULT_CALLS="fsync", FAULT_SECONDS=0.5)
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_writing(run, 6)
        job.send_signal(signal.SIGUSR1)
        seconds = stopped_in_time(job, run)
    assert (run / "checkpoints/step-00000006").exists()
    record(20, "USR1 to mpirun", "while a checkpoint is written, fsync of 0.5 s", "exit 75; that checkpoint and the last one are whole", seconds)


def test_row_20_a_last_checkpoint_that_takes_its_time_is_no_failure_that_ranks_write_down(config, tmp_path, preload, record):
    run, words = tmp_path / "run", set()
    preload("failing_storage", FAULT_PATH="/.step-", FAULT_CALLS="fsync", FAULT_SECONDS=0.8)

    def has_ended():
        words.update(str(path) for path in run.glob("failure/*/rank-*"))
        return job.poll() is not None
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 4)
        os.kill(wait_for_ranks(job, 2)[0], signal.SIGTERM)
        begin = time.monotonic()
        wait_for("the job's end", has_ended, 40)
        seconds = round(time.monotonic() - begin, 2)
        stopped_in_time(job, run)
    assert not words, "nothing has failed"
    record(20, "TERM to rank 0", "each fsync of a checkpoint takes 0.8 s", "exit 75 with a checkpoint; no rank writes of a failure meanwhile", seconds)


def test_row_20_a_second_int_ends_the_job_at_once_without_a_checkpoint(config, tmp_path, preload, record):
    run = tmp_path / "run"
    preload("failing_storage", FAULT_PATH="/.step-00000006.tmp.", FAULT_CALLS="fsync", FAULT_SECONDS=20)
    with started(*train_words(config, run), "--ranks", 2, ranks=0) as job:
        wait_for_writing(run, 6)
        job.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert job.poll() is None, "it saves"
        job.send_signal(signal.SIGINT)
        output, seconds = ended(job, 20)
    assert job.returncode == 130, output
    wait_for("the end of all processes", lambda: not processes_of(run), 10)
    assert latest(run) == "step-00000003"
    require_all_is_well(run)
    record(20, "INT twice to train --ranks 2", "while a checkpoint is written", "exit 130 at once, the checkpoint before loads", seconds)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_row_20_a_plain_mpirun_that_is_told_to_end_leaves_a_checkpoint_that_loads(config, tmp_path, record, number):
    run = tmp_path / "run"
    with started(*train_words(config, run), ranks=2) as job:
        wait_for_steps(run, job, 7)
        job.send_signal(number)
        output, seconds = ended(job, 20)
    assert job.returncode in (1, 75), output
    require_all_is_well(run)
    at = int(latest(run).removeprefix("step-"))
    catamaran(*train_words(config, run, f"schedule.max_steps={at + 3}"), ranks=2)
    assert [line["step"] for line in metrics(run)] == list(range(1, at + 4))
    record(20, f"{number.name} to a plain mpirun", "in training",
           f"exit {job.returncode}, mpirun ends the ranks in two seconds; the newest checkpoint loads and goes on", seconds)
