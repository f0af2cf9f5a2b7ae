"""A sweep of six points on a real Slurm, one of which fails: five results, one reason; submitted again it runs that one only."""
import json
import pathlib
import subprocess
import sys

from real_slurm import SMALL, catamaran, fresh, submit, wait_for
from test_submit import bare

RATES = [0.001, 0.002, 0.003, 0.004, 0.005, 1e30]  # the last one leaves no number finite


def sweep_file(folder):
    small = "".join(f'"{key}" = {bare(value)}\n' for key, value in (pair.split("=") for pair in SMALL) if key != "optimizer.learning_rate")
    file = folder / "sweep.toml"
    file.write_text(f'name = "rates"\nconfig = "c.toml"\nout = "{folder}/rates"\n[set]\n{small}"schedule.max_steps" = 24\n"checkpoint.every_steps" = 12\n'
                    f'[axes.grid]\n"optimizer.learning_rate" = {RATES}\n')
    return file


def in_queue(job):
    done = subprocess.run(["squeue", "-h", "-r", "-j", job, "-o", "%i"], capture_output=True, text=True)
    return done.stdout.split()


def run_all(folder, file):
    told = submit(folder, "--sweep", file, "--ranks-per-node", "1", "--time", "20m")
    job = told["submitted"][0]["job_id"]
    try:
        wait_for("the end of all points", lambda: not in_queue(job), 400)
    finally:
        for log in sorted((folder / "rates/logs").glob(f"{job}_*.log")):
            print(f"--- {log.name}\n{log.read_text()}")
        subprocess.run(["scancel", "--quiet", job])
    return told, job


def show(folder):
    return json.loads(catamaran("sweep", "show", folder / "rates", "--json").stdout)


def states(shown):
    return [point["state"] for point in sorted(shown["points"], key=lambda point: point["index"])]


def main(folder):
    file = sweep_file(folder)
    told, first = run_all(folder, file)
    assert told["points"] == [0, 1, 2, 3, 4, 5], told
    shown = show(folder)
    assert states(shown) == ["done"] * 5 + ["failed"], shown
    (failure,) = shown["failures"]
    assert failure["indices"] == [5] and "\n" not in failure["reason"] and len(failure["reason"]) > 20, failure
    told, second = run_all(folder, file)
    assert told["points"] == [5] and "#SBATCH --array=5\n" in (folder / "rates/submit.sbatch").read_text(), told
    assert sorted(log.name for log in (folder / "rates/logs").glob(f"{second}_*.log")) == [f"{second}_5.log"]
    assert states(show(folder)) == ["done"] * 5 + ["failed"]
    print(f"five results; one point failed, of one reason: {failure['reason']}; submitted again, that one alone ran")


if __name__ == "__main__":
    main(fresh(pathlib.Path(sys.argv[1])))
