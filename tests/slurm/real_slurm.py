"""What the tests on a real Slurm share. They run under one_machine.sh, CATAMARAN_BIN is the program, argv[1] a folder of their own."""
import json
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from generated import generated_packs  # noqa: E402
from runs import BINARY, SMALL, catamaran, metrics, newest_weights, settings  # noqa: E402,F401

OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    generated_packs(folder)
    (folder / "c.toml").write_text(f'[data]\ntrain = "{folder}/pack-train"\neval = "{folder}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n'
                                   "[schedule]\nepochs = 20000\n[evaluate]\nevery_epochs = 100000\n")
    # A job takes all memory of the node where it does not say how much: then jobs would wait for one another.
    (folder / "site.toml").write_text('[partitions.test]\nmemory = "2G"\n[slurm]\npartition = "test"\n')
    return folder


def submit(folder, *words):
    """What `catamaran submit --json` tells; the program says everything else on stderr."""
    done = subprocess.run([str(BINARY), "submit", "--site", str(folder / "site.toml"), "--json", *map(str, words)], capture_output=True, text=True, cwd=folder)
    print(done.stderr, end="")
    assert done.returncode == 0, f"submit ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def show(job):
    text = subprocess.run(["scontrol", "show", "job", job], capture_output=True, text=True, check=True).stdout
    return dict(pair.split("=", 1) for pair in text.split() if "=" in pair)


def wait_for(what, condition, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.3)
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: waited {seconds} s in vain for: {what}")


def bring_back(job):
    """Starts a job that is requeued.

    It waits two minutes, until the credential of its first life has expired. Asked for at once it may start in the second in which that
    was revoked, and the node refuses the new one with it.
    """
    wait_for("the end of the life before", lambda: show(job)["JobState"] == "PENDING")
    time.sleep(3)
    subprocess.run(["scontrol", "update", f"jobid={job}", "StartTime=now"], check=True)


def steps_done(run):
    return len(metrics(run)) if (run / "metrics.jsonl").exists() else 0


def newest_step(run):
    latest = run / "checkpoints/latest"
    return int(latest.read_text().strip().removeprefix("step-")) if latest.exists() else 0


def require_same_weights(one, other):
    """As of a run that nothing happened to: bit by bit, but for running statistics of batch norm, which are averaged over ranks at every
    checkpoint, so that one checkpoint more is one rounding more."""
    mine, theirs = load_file(newest_weights(one)), load_file(newest_weights(other))
    assert mine.keys() == theirs.keys()
    for name, tensor in theirs.items():
        if ".running_" in name:
            np.testing.assert_allclose(mine[name], tensor, rtol=1e-5, atol=1e-6, err_msg=name)
        else:
            assert np.array_equal(mine[name], tensor), name
    optimizer = [newest_weights(run).with_name("optimizer.safetensors").read_bytes() for run in (one, other)]
    assert optimizer[0] == optimizer[1], "the optimizer's state differs"


def require_each_step_once(run, steps):
    assert [line["step"] for line in metrics(run)] == list(range(1, steps + 1))


def log_of(run):
    return "".join(path.read_text() for path in sorted(run.glob("job-*.log")))
