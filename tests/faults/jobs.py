"""Jobs that a test does harm to: how they are started and watched, and what must hold after each of them."""
import os
import re
import socket
import time

from runs import BINARY, SMALL, catamaran, ranks_of, running, settings, wait_for

HOST = re.escape(socket.gethostname())
STEPS = 48  # of the runs that are compared with an undisturbed one; faults come before
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]


def train_words(config, run, *pairs):
    """The arguments of a run that ends only at schedule.max_steps, with a checkpoint every three steps and an evaluation every six.

    It may be started however often, as tests kill it before it gets any further (row 39 is about that).
    """
    return ["train", "--config", config,
            *settings(*SMALL, "schedule.epochs=2000", "checkpoint.every_steps=3", "checkpoint.most_starts_without_progress=0", *pairs), "--run-dir", run]


def injected(fault):
    """The settings of a fault that the program does to itself (trainer/fault_plan.h)."""
    return [f"testing.fault={fault}", "testing.enabled=true"]


def two_programs(first, second):
    """Words of mpirun for two ranks that are started differently."""
    return [*MPIRUN, "-n", "1", *first, ":", "-n", "1", *second]


def program(*arguments):
    return [BINARY, *arguments]


def steps_done(run):
    """Lines of metrics.jsonl that are whole."""
    try:
        return (run / "metrics.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def wait_for_steps(run, job, count, seconds=120):
    def has_them():
        assert job.poll() is None or steps_done(run) >= count, f"ended with {job.returncode} early:\n{job.communicate()[0]}"
        return steps_done(run) >= count
    wait_for(f"{count} steps", has_them, seconds)


def wait_for_writing(run, step):
    """Until the checkpoint of this step is being written."""
    wait_for("the writing of a checkpoint", lambda: list(run.glob(f"checkpoints/.step-{step:08d}.tmp.*")))


def wait_for_ranks(job, count):
    wait_for("the ranks' start", lambda: len(ranks_of(job)) == count, 60)
    return ranks_of(job)


def ended(job, seconds):
    """What the job said, and how long it took to end from now on."""
    begin = time.monotonic()
    output, _ = job.communicate(timeout=seconds)
    return output, round(time.monotonic() - begin, 2)


def processes_of(run):
    """The living processes whose command line names the run directory."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as file:
                if str(run).encode() in file.read():
                    found.append(int(process))
        except OSError:
            continue
    return found


def latest(run):
    return (run / "checkpoints/latest").read_text().strip()


def require_all_is_well(run, checkpoint=True):
    """The end of each row: no process is left, and the newest checkpoint loads, its checksums verified."""
    wait_for("the end of all processes", lambda: not processes_of(run), 10)
    if checkpoint:
        done = catamaran("weights", "inspect", run / "checkpoints" / latest(run))
        assert "warning" not in done.stderr


def one_message(output, *parts):
    """The one error of the job, which has all these parts (regular expressions)."""
    assert len(errors_in(output)) == 1, output
    return first_message(output, *parts)


def errors_in(output):
    return re.findall(r"^.*\berror: .*$", output, re.MULTILINE)


def first_message(output, *parts):
    """The first error: mpirun wakes a stopped rank when it ends it, which may then say that it got no answer, too."""
    found = errors_in(output)
    assert found, output
    for part in parts:
        assert re.search(part, found[0]), (part, found[0])
    return found[0]


def weights_of(run):
    folder = run / "checkpoints" / latest(run)
    return {name: (folder / name).read_bytes() for name in ("model.safetensors", "optimizer.safetensors")}


def resume_and_compare(config, run, reference, ranks, *pairs):
    """Goes on to the end with the undisturbed run's weights; the seconds from the start to the first new step."""
    old = os.stat(run / "metrics.jsonl").st_ino if (run / "metrics.jsonl").exists() else None
    begin, first_step = time.monotonic(), None
    words = program(*train_words(config, run, f"schedule.max_steps={STEPS}", *pairs))
    with running([*MPIRUN, "-n", ranks, *words]) as job:
        while job.poll() is None:
            if first_step is None and has_new_steps(run, old):
                first_step = time.monotonic() - begin
            time.sleep(0.01)
        output, _ = job.communicate()
    assert job.returncode == 0, output
    assert weights_of(run) == weights_of(reference), "the weights are not those of the undisturbed run"
    require_all_is_well(run)
    return round(first_step if first_step is not None else time.monotonic() - begin, 2)


def has_new_steps(run, old_file):
    """A start replaces metrics.jsonl by one with the lines up to its checkpoint alone."""
    try:
        if os.stat(run / "metrics.jsonl").st_ino == old_file:
            return False
        kept = int(latest(run).removeprefix("step-")) if (run / "checkpoints/latest").exists() else 0
        return steps_done(run) > kept
    except OSError:
        return False
