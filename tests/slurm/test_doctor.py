"""doctor in steps of a real Slurm, by PMIx and without. Runs under one_machine.sh; CATAMARAN_BIN is the program."""
import json
import os
import pathlib
import subprocess

import pytest

BINARY = pathlib.Path(os.environ["CATAMARAN_BIN"])
pytestmark = pytest.mark.skipif("SLURM_CONF" not in os.environ, reason="tests/slurm/one_machine.sh brings Slurm up")


def srun(*words, tasks=2):
    return subprocess.run(["srun", "--ntasks", str(tasks), "--overcommit", "--immediate=60", *words], capture_output=True, text=True, timeout=180)


def test_two_tasks_by_pmix_are_one_world(tmp_path):
    done = srun("--mpi=pmix", str(BINARY), "doctor", "--json", "--quick", "--run-dir", str(tmp_path / "run"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    report = json.loads(done.stdout)
    topics = {finding["topic"]: finding for finding in report["findings"]}
    assert report["world"] == 2 and report["may_train"] and len(report["hosts"]) == 1
    assert "2 rank(s), started by srun, PMIx " in topics["mpi"]["what"]
    for topic in ("all-reduce", "device", "run-directory-everywhere", "versions"):
        assert topics[topic]["level"] == "ok", topics[topic]


def test_what_forbids_training_is_the_code_of_the_step():
    done = srun("--mpi=pmix", str(BINARY), "doctor", "--quick", "--run-dir", "/proc/run")
    assert done.returncode == 1 and done.stdout.startswith("fail  run-directory on "), f"{done.stdout}\n{done.stderr}"


def test_a_step_without_pmix_says_what_to_give_srun():
    done = srun("--mpi=none", str(BINARY), "doctor", "--quick")
    assert done.returncode == 1 and done.stdout.count("fail  launcher on ") == 1 and "--mpi=pmix" in done.stdout, f"{done.stdout}\n{done.stderr}"


def test_in_a_batch_script_without_srun_it_looks_at_the_machine_alone(tmp_path):
    script = tmp_path / "job"
    script.write_text(f"#!/bin/sh\nexec {BINARY} doctor --json --quick\n")
    done = subprocess.run(["sbatch", "--wait", "--time=3", f"--output={tmp_path}/log", f"--error={tmp_path}/errors", str(script)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, (tmp_path / "errors").read_text()
    assert json.loads((tmp_path / "log").read_text())["world"] == 1


def test_ranks_of_a_step_divide_the_cores_that_slurm_left_unbound():
    cpus = len(os.sched_getaffinity(0))
    done = srun("--mpi=pmix", str(BINARY), "doctor", "--json", "--quick")
    binding = [finding for finding in json.loads(done.stdout)["findings"] if finding["topic"] == "binding"]
    assert len(binding) == 1 and ("each of the 2 ranks" in binding[0]["what"]) == (cpus > 1), binding
