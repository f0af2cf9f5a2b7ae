"""RUN/failure.json: which rank ended the job, where it was, and what the others waited for."""
import json
import os
import signal

from runs import SMALL, catamaran, metrics, ranks_of, settings, started, wait_for


def endless(config, run, *pairs):
    return ["train", "--config", config, *settings(*SMALL, "schedule.epochs=2000", "checkpoint.every_steps=5", *pairs), "--run-dir", run]


def failure_after(config, run, harm, *pairs):
    """The failure.json of a job of two ranks after harm(processes by rank), and its output."""
    with started(*endless(config, run, *pairs), ranks=2) as job:
        wait_for("the first steps", lambda: (run / "metrics.jsonl").exists() and len(metrics(run)) > 6)
        processes = ranks_of(job)
        harm(processes)
        output, _ = job.communicate(timeout=30)
    wait_for("failure.json", lambda: (run / "failure.json").exists(), 10)
    return json.loads((run / "failure.json").read_text()), processes, output


def test_a_killed_rank_is_named_by_the_one_that_is_left_and_the_next_start_tells_it(config, tmp_path):
    run = tmp_path / "run"
    failure, processes, output = failure_after(config, run, lambda ranks: os.kill(ranks[1], signal.SIGKILL))
    survivor, killed = failure["ranks"]
    assert killed["state"] == "gone" and killed["process"] == processes[1]
    assert survivor["state"] == "ended by the launcher" and survivor["step"] >= 6
    threads = json.loads((run / "failure" / failure["start"] / "rank-00000.json").read_text())["threads"]
    assert "threads" not in survivor and "post-mortem" in [thread["name"] for thread in threads]
    assert sum(len(thread["frames"]) > 0 for thread in threads) >= 2
    assert failure["cause"].startswith("rank 1 ") and "gone without a word" in failure["cause"]
    assert output.count("why the job ends: rank 1") == 1, output
    done = catamaran(*endless(config, run, f"schedule.max_steps={metrics(run)[-1]['step'] + 2}"), ranks=2)
    assert "the start before this one failed: rank 1" in done.stderr
    assert not (run / "failure.json").exists() and not (run / "failure").exists() and (run / "failure-before.json").exists()


def test_a_stopped_rank_is_told_from_a_dead_one_and_the_collective_is_named(config, tmp_path):
    failure, _, output = failure_after(config, tmp_path / "run", lambda ranks: os.kill(ranks[1], signal.SIGSTOP), "comm.timeout_seconds=3")
    assert failure["cause"].startswith("rank 1 ") and "stopped by a signal" in failure["cause"], failure["cause"]
    waiting = failure["ranks"][0]
    assert waiting["state"] == "failed" and waiting["error_of_communication"]
    assert "bytes, number" in failure["cause"] and max(waiting[kind]["started"] - waiting[kind]["finished"] for kind in ("gradients", "sums")) >= 1
    assert "why the job ends: rank 1" in output


def test_a_run_that_ends_well_or_is_stopped_by_term_leaves_none(config, tmp_path):
    run = tmp_path / "run"
    with started(*endless(config, run), ranks=0) as job:
        wait_for("the first steps", lambda: (run / "metrics.jsonl").exists() and len(metrics(run)) > 2)
        job.send_signal(signal.SIGTERM)
        job.communicate(timeout=30)
    assert job.returncode == 75
    assert not (run / "failure.json").exists() and not (run / "failure").exists()
