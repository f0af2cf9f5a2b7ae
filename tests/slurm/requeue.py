"""A job through slurm/train.sbatch on a real Slurm: two ranks by PMIx, USR1, checkpoint, requeue, second life, end.

Runs under one_machine.sh: CATAMARAN_BIN is the program, argv[1] a folder for packs and run.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from generated import generated_packs  # noqa: E402
from runs import BINARY, SMALL, metrics, settings  # noqa: E402


def show(job):
    text = subprocess.run(["scontrol", "show", "job", job], capture_output=True, text=True, check=True).stdout
    return dict(pair.split("=", 1) for pair in text.split() if "=" in pair)


def wait_for(what, condition, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.3)
    sys.exit(f"requeue.py: waited {seconds} s in vain for: {what}")


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packs = generated_packs(folder)
    config, run, log = folder / "config.toml", folder / "run", folder / "log"
    config.write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n'
                      "[schedule]\nepochs = 100\n")
    steps = 600
    environment = dict(os.environ, CATAMARAN_BIN=str(BINARY))
    submitted = subprocess.run(["sbatch", "--parsable", "--ntasks=2", f"--output={log}", "--time=5", f"--chdir={folder}", str(ROOT / "slurm/train.sbatch"),
                                "--config", str(config), *settings(*SMALL, "evaluate.every_epochs=1000"), "--run-dir", str(run)],
                               capture_output=True, text=True, check=True, env=environment)
    job = submitted.stdout.strip()
    try:
        wait_for("the first steps", lambda: (run / "metrics.jsonl").exists() and len(metrics(run)) > 20)
        subprocess.run(["scancel", "--batch", "--signal=USR1", job], check=True)
        wait_for("the requeue", lambda: show(job)["Restarts"] == "1")
        stopped = json.loads((run / "checkpoints" / (run / "checkpoints/latest").read_text().strip() / "state.json").read_text())["step"]
        assert 20 <= stopped < steps, stopped
        # A requeued job waits two minutes, until the credential of its first life has expired. Asked for at once it may start in the second
        # in which that was revoked, and the node refuses the new one with it.
        wait_for("the end of the first life", lambda: show(job)["JobState"] == "PENDING")
        time.sleep(3)
        subprocess.run(["scontrol", "update", f"jobid={job}", "StartTime=now"], check=True)
        wait_for("the second life", lambda: len(metrics(run)) > stopped + 20)
        wait_for("the end", lambda: show(job)["JobState"] not in ("RUNNING", "PENDING", "COMPLETING"), 240)
        assert show(job)["JobState"] == "COMPLETED", show(job)["JobState"]
    finally:
        print(log.read_text() if log.exists() else "no log")
        subprocess.run(["scancel", "--quiet", job])
    assert [line["step"] for line in metrics(run)] == list(range(1, steps + 1))
    text = log.read_text()
    assert "life 1, 2 ranks" in text and "back into the queue" in text and "life 2, 2 ranks" in text and "slurm: finished" in text
    print(f"stopped after step {stopped}, requeued, all {steps} steps once")


main(pathlib.Path(sys.argv[1]))
