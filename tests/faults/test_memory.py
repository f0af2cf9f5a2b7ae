"""Row 37: memory that runs out. The kernel's killer says nothing to the job: what was heard of the rank does."""
import json
import os
import re
import signal
import time

from jobs import HOST, ended, one_message, require_all_is_well, train_words, wait_for_ranks, wait_for_steps
from runs import catamaran, started, wait_for

ALLOWED, HELD = 1000, 800  # MiB: of the job on this host, and that rank 1 takes more than it needs


def cause_after_a_kill(config, run, *pairs):
    """What failure.json says of rank 1, killed some heartbeats after its fifth step; its process; the seconds to the end."""
    with started(*train_words(config, run, *pairs), ranks=2) as job:
        wait_for_steps(run, job, 5)
        time.sleep(5)  # a heartbeat comes every second
        process = wait_for_ranks(job, 2)[1]
        os.kill(process, signal.SIGKILL)
        output, seconds = ended(job, 20)
    assert job.returncode == 137, output
    wait_for("failure.json", lambda: (run / "failure.json").exists(), 10)
    failure = json.loads((run / "failure.json").read_text())
    assert failure["cause"].startswith(f"rank 1 (process {process} on "), failure["cause"]
    assert re.search(r"rank 1's last heartbeat came from step \d+, ", failure["cause"]), failure["cause"]
    assert output.count("why the job ends: rank 1") == 1, output
    return failure, seconds


def test_row_37_a_kill_while_a_hosts_ranks_hold_most_of_its_memory_is_said_to_be_of_memory(config, tmp_path, monkeypatch, record):
    run = tmp_path / "run"
    monkeypatch.setenv("SLURM_MEM_PER_NODE", str(ALLOWED))
    failure, seconds = cause_after_a_kill(config, run, "testing.enabled=true", f"testing.fault=rank=1,step=3,kind=hoard,value={HELD}")
    found = re.search(r"probably memory: rank 1's resident memory was (\S+) GiB at its last heartbeat, and all ranks of its host held (\S+) of 0\.98 GiB",
                      failure["cause"])
    assert found, failure["cause"]
    assert HELD / 1024 < float(found[1]) < float(found[2])
    assert failure["ranks"][1]["heartbeat"]["resident_bytes"] > HELD * 2**20
    require_all_is_well(run)
    record(37, "out of memory", f"kill -9 of rank 1 with {HELD} MiB more than it needs, SLURM_MEM_PER_NODE = {ALLOWED}",
           "exit 137; failure.json and stderr: probably memory, with what the rank and its host's ranks held; and its last step and phase", seconds)


def test_row_37_a_kill_is_not_said_to_be_of_memory_where_there_is_plenty(config, tmp_path, record):
    run = tmp_path / "run"
    failure, seconds = cause_after_a_kill(config, run)
    assert "probably memory" not in failure["cause"], failure["cause"]
    require_all_is_well(run)
    record(37, "out of memory", "kill -9 of rank 1 on a host with plenty of memory", "exit 137; gone without a word, its last step and phase, no guess at memory",
           seconds)


def test_row_37_an_allocation_that_fails_names_rank_step_and_phase_and_the_job_goes_on(config, tmp_path, record):
    run = tmp_path / "run"
    begin = time.monotonic()
    done = catamaran(*train_words(config, run, "testing.enabled=true", "testing.fault=rank=1,step=5,kind=bad_alloc"), ranks=2, check=False)
    seconds = round(time.monotonic() - begin, 2)
    assert done.returncode == 1, done.stderr
    one_message(done.stderr, rf"catamaran: rank 1: error: out of memory \(rank 1 on {HOST}, step 5, .+\): ", "lower batch.per_device")
    cause = json.loads((run / "failure.json").read_text())["cause"]
    assert cause.startswith("rank 1 ") and "failed: out of memory" in cause and "step 5" in cause, cause
    require_all_is_well(run, checkpoint=(run / "checkpoints/latest").exists())
    again = catamaran(*train_words(config, run, "schedule.max_steps=8"), ranks=2)
    assert "the start before this one failed: rank 1" in again.stderr
    record(37, "out of memory", "testing.fault: std::bad_alloc in step 5 of rank 1",
           "exit 1; one message with rank, host, step, phase and what to lower; the same command goes on (time with the start)", seconds)
