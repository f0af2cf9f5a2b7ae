"""A job of one minute on a real Slurm: it stops by itself in time, requeues itself until the work is done, and ends as undisturbed.

There is no signal in so short a job: the end that squeue tells is what the ranks keep to.
"""
import pathlib
import subprocess
import sys
import time

from real_slurm import OVER, SMALL, bring_back, catamaran, fresh, log_of, metrics, require_each_step_once, require_same_weights, settings, show, submit, wait_for

TRIAL = 60  # steps that tell how many a life has time for


def steps_of_two_lives(folder):
    run = folder / "trial"
    catamaran("train", "--config", folder / "c.toml", *settings(*SMALL, f"schedule.max_steps={TRIAL}"), "--run-dir", run, ranks=2)
    seconds = sum(line["step_seconds"] for line in metrics(run)[10:]) / (TRIAL - 10)
    return int(75 / seconds)  # a life of a minute has less


def main(folder):
    steps, run = steps_of_two_lives(folder), folder / "run"
    words = ("--config", folder / "c.toml", *settings(*SMALL, f"schedule.max_steps={steps}"))
    job = submit(folder, *words, "--run-dir", run, "--ranks-per-node", "2", "--time", "1m")["submitted"][0]["job_id"]
    assert "#SBATCH --signal" not in (run / "submit.sbatch").read_text()
    lives = 1

    def ended(described):
        return described["JobState"] in OVER or (described["JobState"] == "PENDING" and int(described["Restarts"]) == lives)
    try:
        while True:
            wait_for("the end of a life", lambda: ended(show(job)), 150)
            if show(job)["JobState"] in OVER:
                break
            assert lives < 8, "it gets nowhere"
            bring_back(job)
            wait_for("the next life", lambda: show(job)["JobState"] != "PENDING")
            lives += 1
        assert show(job)["JobState"] == "COMPLETED" and show(job)["ExitCode"] == "0:0", show(job)
    finally:
        print(log_of(run))
        subprocess.run(["scancel", "--quiet", job])
    assert lives >= 2, "it was done within one minute"
    text = log_of(run)
    assert text.count("Slurm's end of the job") >= lives and "DUE TO TIME LIMIT" not in text, "Slurm had to end it"
    require_each_step_once(run, steps)
    catamaran("train", *words, "--run-dir", folder / "undisturbed", ranks=2, timeout=600)
    require_same_weights(run, folder / "undisturbed")
    print(f"{lives} lives of a minute, all {steps} steps once, the weights of an undisturbed run")


if __name__ == "__main__":
    started = time.monotonic()
    main(fresh(pathlib.Path(sys.argv[1])))
    print(f"{time.monotonic() - started:.0f} s")
