"""`catamaran submit` on a real Slurm: two tasks by PMIx, USR1, checkpoint, requeue by the script, second life, end; weights as undisturbed.

And what a user cancels does not come again.
"""
import pathlib
import subprocess
import sys

from real_slurm import (OVER, SMALL, bring_back, catamaran, fresh, log_of, newest_step, require_each_step_once, require_same_weights, settings, show, steps_done,
                        submit, wait_for)

STEPS = 600


def words(folder):
    return ("--config", folder / "c.toml", *settings(*SMALL, f"schedule.max_steps={STEPS}"))


def submitted(folder, run):
    told = submit(folder, *words(folder), "--run-dir", run, "--ranks-per-node", "2", "--time", "20m")
    return told["submitted"][0]["job_id"]


def signal_and_requeue(folder):
    run = folder / "run"
    job = submitted(folder, run)
    try:
        wait_for("the first steps", lambda: steps_done(run) > 20)
        second = catamaran("submit", "--site", folder / "site.toml", *words(folder), "--run-dir", run, check=False)
        assert second.returncode == 2 and ("in the queue" in second.stderr or "in use" in second.stderr), second.stderr
        subprocess.run(["scancel", "--batch", "--signal=USR1", job], check=True)
        wait_for("the requeue", lambda: show(job)["Restarts"] == "1")
        stopped = newest_step(run)
        assert 20 <= stopped < STEPS, stopped
        bring_back(job)
        wait_for("the second life", lambda: steps_done(run) > stopped + 20)
        wait_for("the end", lambda: show(job)["JobState"] in OVER, 240)
        assert show(job)["JobState"] == "COMPLETED" and show(job)["ExitCode"] == "0:0", show(job)
    finally:
        print(log_of(run))
        subprocess.run(["scancel", "--quiet", job])
    require_each_step_once(run, STEPS)
    text = log_of(run)
    assert "restart 0, resume step 0" in text and "stopped with a checkpoint; back into the queue at step" in text
    assert f"restart 1, resume step {stopped}" in text and text.rstrip().endswith("slurm: finished")
    catamaran("train", *words(folder), "--run-dir", folder / "undisturbed", ranks=2)
    require_same_weights(run, folder / "undisturbed")
    print(f"stopped after step {stopped}, requeued, all {STEPS} steps once, the weights of an undisturbed run")


def cancel(folder):
    run = folder / "cancelled"
    job = submitted(folder, run)
    wait_for("the first steps", lambda: steps_done(run) > 10)
    subprocess.run(["scancel", job], check=True)
    wait_for("the end of what was cancelled", lambda: show(job)["JobState"] in OVER)
    print(log_of(run))
    described = show(job)
    assert described["JobState"] == "CANCELLED" and described["Restarts"] == "0", described
    assert "back into the queue" not in log_of(run)
    print("what was cancelled stays away")


if __name__ == "__main__":
    place = fresh(pathlib.Path(sys.argv[1]))
    signal_and_requeue(place)
    cancel(place)
