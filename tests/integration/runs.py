"""Where the binary and the data are, and how a run is started. The binary: CATAMARAN_BIN; real photographs: CATAMARAN_TEST_DATA."""
import contextlib
import json
import os
import pathlib
import subprocess
import time

from safetensors import safe_open
from safetensors.numpy import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CATAMARAN_BIN", ROOT / "build/release/bin/catamaran"))
DATA = pathlib.Path(os.environ.get("CATAMARAN_TEST_DATA", ROOT.parent / "shared/data"))
SMALL = ["model.input.size=64", "model.backbone.name=resnet10_narrow", "model.attention.dim=32", "model.attention.heads=4",
         "model.attention.ffn_dim=64", "model.attention.dropout=0", "data.augment.crop=none", "ema.decay=0", "comm.threads_per_rank=1",
         "monitoring.address=127.0.0.1", "optimizer.learning_rate=2e-3", "schedule.name=constant"]


def command(arguments, ranks):
    launcher = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks)] if ranks else []
    return [*launcher, str(BINARY), *map(str, arguments)], dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def catamaran(*arguments, ranks=0, check=True, timeout=240, cwd=None, under=()):
    """Runs the program; under mpirun when ranks > 0, and all of it under the command `under`."""
    words, environment = command(arguments, ranks)
    done = subprocess.run([*under, *words], capture_output=True, text=True, timeout=timeout, env=environment, cwd=cwd)
    if check:
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@contextlib.contextmanager
def running(words, environment=None, cwd=None):
    """These words as a process, while the test does something to it; its output is that of communicate()."""
    job = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd,
                           env=environment or dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1"))
    try:
        yield job
    finally:
        job.kill()
        job.wait()


def started(*arguments, ranks):
    """The program under mpirun, as running()."""
    return running(*command(arguments, ranks))


def wait_for(what, condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.1)


def ranks_of(job):
    """The process of each rank that this mpirun started."""
    children = subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True).stdout.split()
    found = {}
    for child in children:
        try:
            environment = pathlib.Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        found.update({int(entry.split(b"=")[1]): int(child) for entry in environment if entry.startswith(b"OMPI_COMM_WORLD_RANK=")})
    return found


def settings(*pairs):
    return [part for pair in pairs for part in ("--set", pair)]


def newest_weights(run):
    """The model.safetensors of the checkpoint that `latest` names."""
    return run / "checkpoints" / (run / "checkpoints/latest").read_text().strip() / "model.safetensors"


def changed(file, to, change):
    """A safetensors file with other tensors or metadata: change(tensors, metadata) writes into both."""
    with safe_open(file, "numpy") as given:
        tensors, metadata = {name: given.get_tensor(name) for name in given.keys()}, dict(given.metadata())
    change(tensors, metadata)
    save_file(tensors, to, metadata)
    return to


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
