"""Rows 1, 2, 4, 16, 18, 20 and 35 together: a short run of scripts/soak.py, which does random harm and starts the same command again.

CATAMARAN_SEED: of the faults; it is printed, so that they can be repeated. `make soak` runs for an hour.
"""
import json
import os
import subprocess
import sys
import time

from runs import ROOT

SECONDS, INTERVAL = 45, 10
SEED = int(os.environ.get("CATAMARAN_SEED", time.time_ns() % 1_000_000))


def test_row_18_a_run_that_meets_random_faults_needs_nobody_and_ends_with_the_undisturbed_weights(tmp_path, record):
    print(f"CATAMARAN_SEED={SEED}")
    out = tmp_path / "soak.json"
    done = subprocess.run([sys.executable, ROOT / "scripts/soak.py", "--seconds", str(SECONDS), "--interval", str(INTERVAL), "--seed", str(SEED),
                           "--checkpoint-steps", "5", "--compare", "--folder", tmp_path / "soak", "--json", out],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"CATAMARAN_SEED={SEED}\n{done.stdout}\n{done.stderr[-5000:]}"
    found = json.loads(out.read_text())
    assert sum(found["faults"].values()) >= 1 and found["manual_steps"] == 0 and not found["leaks"], found
    assert found["loads"] and found["same_as_undisturbed"], found
    assert 0 < found["goodput_steps"] <= 1 and 0 < found["goodput_time"] <= 1, found
    assert found["steps"] <= found["steps_computed"]
    worst = found["recovery_from_fault_seconds"]["worst"] if found["recoveries"] else None
    record(18, "random faults of every kind", f"scripts/soak.py: {SECONDS} s, a fault every {INTERVAL} s, 2 ranks",
           "the same command started again each time, nothing by hand: undisturbed weights, nothing left behind (recovery: the worst, from the fault)",
           None, None if worst is None else round(worst, 2))
