"""slurm/train.sbatch without a Slurm: a made srun and scontrol note what they are asked, and the script's signals and codes are seen.

argv[1]: a folder for the made programs.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "slurm/train.sbatch"
# Ranks that take their time: USR1 ends them with 75, TERM kills them, as it would without a trap in the script.
SRUN = """#!/bin/bash
trap 'echo USR1 >>"$HERE/signals"; sleep "${CHECKPOINT_SECONDS:-0}"; exit 75' USR1
printf '%s\\n' "$@" >"$HERE/arguments"
if [[ ${END:-} ]]; then exit "$END"; fi
touch "$HERE/started"
for _ in $(seq 900); do sleep 0.1; done
"""
SCONTROL = """#!/bin/bash
echo "$@" >>"$HERE/requeues"
"""


def start(folder, **environment):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL), ("catamaran", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return subprocess.Popen(["bash", str(SCRIPT), "--config", "a b.toml"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
                            env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "HERE": str(folder), "CATAMARAN_BIN": str(folder / "catamaran"),
                                 "SLURM_JOB_ID": "7", **environment})


def wait_for(path):
    deadline = time.monotonic() + 90
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def ended(job):
    try:
        output, _ = job.communicate(timeout=90)
    finally:
        job.kill()
    return job.returncode, output


def stopped(folder, signals, **environment):
    job = start(folder, **environment)
    wait_for(folder / "started")
    time.sleep(0.3)  # the script notes srun's number a moment after srun starts
    for number in signals:
        job.send_signal(number)
        time.sleep(0.2)
    return ended(job)


def main(folder):
    job = start(folder, END="0", SLURM_CPUS_PER_TASK="3")
    code, output = ended(job)
    assert code == 0 and "slurm: finished" in output, output
    assert lines(folder / "arguments") == ["--mpi=pmix", "--kill-on-bad-exit=1", "--cpus-per-task=3", str(folder / "catamaran"), "train", "--resume", "auto",
                                           "--config", "a b.toml"]
    assert not lines(folder / "requeues")

    job = start(folder, END="3")
    code, output = ended(job)
    assert code == 3 and "ended with code 3" in output and not lines(folder / "requeues"), output
    assert not any("--cpus-per-task" in argument for argument in lines(folder / "arguments"))

    for signals in ([signal.SIGUSR1], [signal.SIGTERM], [signal.SIGUSR1, signal.SIGUSR1], [signal.SIGUSR1, signal.SIGTERM]):
        code, output = stopped(folder, signals, CHECKPOINT_SECONDS="0.5")
        assert code == 75 and lines(folder / "requeues") == ["requeue 7"], (signals, code, output)
        assert set(lines(folder / "signals")) == {"USR1"}

    # srun is gone before the script looks again: its code counts, not that of the interrupted wait.
    slow_kill = {"BASH_FUNC_kill%%": '() { builtin kill "$@"; local code=$?; sleep 0.5; return $code; }'}
    code, output = stopped(folder, [signal.SIGUSR1], **slow_kill)
    assert code == 75 and lines(folder / "requeues") == ["requeue 7"], (code, output)
    print("train.sbatch: arguments, codes and signals are right")


main(pathlib.Path(sys.argv[1]).resolve())
