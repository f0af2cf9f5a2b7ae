"""Row 39: a job that fails at the same step each time is not started for ever."""
import errno
import json
import re

import pytest
from jobs import MPIRUN, latest, program, require_all_is_well, resume_and_compare, train_words
from runs import catamaran, running

LOOP = ["checkpoint.most_starts_without_progress=3", "testing.enabled=true"]


def end_of_start(config, run, ranks, *pairs):
    with running([*MPIRUN, "-n", ranks, *program(*train_words(config, run, *pairs))]) as job:
        output, _ = job.communicate(timeout=120)
    return job.returncode, output


@pytest.mark.parametrize("ranks, fault, code", [(1, "rank=0,step=8,kind=throw", 3), (2, "rank=1,step=8,kind=throw", 3)])
def test_row_39_the_fourth_start_in_a_row_that_would_fail_at_the_same_step_is_refused_with_the_cause(config, tmp_path, undisturbed, record, ranks, fault, code):
    run, pairs = tmp_path / "run", [*LOOP, f"testing.fault={fault}"]
    first, _ = end_of_start(config, run, ranks, *pairs)
    checkpoint = latest(run)
    assert checkpoint == "step-00000006", "the first start got so far; the next three get no further"
    codes = [end_of_start(config, run, ranks, *pairs)[0] for _ in range(3)]
    assert all(failed not in (0, 75) for failed in [first, *codes]), (first, codes)
    refused, output = end_of_start(config, run, ranks, *pairs)
    assert refused == code, output
    assert re.search(r"error: checkpoint.most_starts_without_progress: 3 starts in a row ended without a new checkpoint after step 6, the last in step 8: ",
                     output), output
    assert "to start again all the same, set this key to 0" in output
    assert latest(run) == checkpoint
    lives = json.loads((run / "manifest.json").read_text())["lives"]
    assert len(lives) == 4, "a start that was refused is none"
    assert all(life["failure"]["step"] == 8 and life["failure"]["kind"] == "data" for life in lives[:3]), lives
    again, output = end_of_start(config, run, ranks, *pairs, "checkpoint.most_starts_without_progress=0")
    assert again not in (0, 75) and "starts in a row" not in output, output
    require_all_is_well(run)
    back = resume_and_compare(config, run, undisturbed(ranks), ranks)
    record(39, "crash loop", f"testing.fault: {fault}, {ranks} rank(s), the same command again and again",
           f"three starts without a new checkpoint, then exit {code} with the cause and how to go on; without the fault as undisturbed", None, back)


def test_row_39_starts_before_the_first_checkpoint_count_too(config, tmp_path, record):
    run, pairs = tmp_path / "run", ["checkpoint.most_starts_without_progress=1", "testing.enabled=true", "testing.fault=rank=0,step=2,kind=exit"]
    for _ in range(3):  # three times the key's number, as nobody says why
        code, output = end_of_start(config, run, 1, *pairs)
        assert code not in (0, 75) and "starts in a row" not in output, output
    code, output = end_of_start(config, run, 1, *pairs)
    assert code == 5 and "3 starts in a row ended without a new checkpoint after step 0, the last killed, or lost without a word" in output, output
    catamaran(*train_words(config, run, "schedule.max_steps=3"))
    require_all_is_well(run)
    record(39, "crash loop", "a process that ends without a word in step 2, before the first checkpoint",
           "three times as many starts as the key says of failures, then exit 5; with another configuration it starts")


def test_row_39_a_start_that_ends_before_its_first_step_is_not_given_the_failure_of_the_one_before(config, tmp_path, preload, monkeypatch, record):
    run, pairs = tmp_path / "run", ["checkpoint.every_steps=100", "testing.enabled=true", "testing.fault=rank=0,step=2,kind=throw"]
    code, output = end_of_start(config, run, 1, *pairs)
    assert code == 3, output
    preload("failing_storage", FAULT_PATH="/checkpoints/", FAULT_CALLS="write", FAULT_ERRNO=errno.ENOSPC)  # the self-test, before any post-mortem
    code, output = end_of_start(config, run, 1, *pairs)
    assert code == 4 and "the start before this one failed: rank 0" in output, output
    monkeypatch.delenv("LD_PRELOAD")
    done = catamaran(*train_words(config, run, "schedule.max_steps=3"))
    assert re.search(r"an earlier start failed \(.* UTC\): rank 0", done.stderr) and "the start before this one failed" not in done.stderr, done.stderr
    first, second, third = json.loads((run / "manifest.json").read_text())["lives"]
    assert first["failure"]["kind"] == "data" and "failure" not in second, (first, second)
    assert third["ended"]["reason"] == "done" and len({life["id"] for life in (first, second, third)}) == 3
    assert (run / "failure-before.json").exists() and not (run / "failure.json").exists()
    require_all_is_well(run)
    record(39, "cause of a failure", "testing.fault: throw in step 2, then no room for the self-test of the next start",
           "the failure stays that of the start that wrote it down; the next one has none, and says so of an earlier start")
