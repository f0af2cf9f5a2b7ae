#!/usr/bin/env python3
"""Trains the demo's model on generated pictures with a fault every so often, and starts the same command again each time, as a batch system would.

usage: soak.py [--seconds 3600] [--interval 60] [--seed N] [--kinds KIND,...] [--checkpoint-steps 100] [--ranks 2] [--compare] [--folder build/soak]
               [--json FILE]

A fault, chosen at random with the printed seed: rank, mpirun or all killed (-9); a rank stopped, until the others give it up after comm.timeout_seconds = 5;
USR1 and TERM to mpirun; checkpoints that find no room, or slow storage, for some seconds; a rank that is stopped for a second, four times; garbage at the
metrics port. Nobody helps: what the command, started again, makes of it is what counts. The end is a stop by USR1. Then a table, and with --json a file:

  goodput_steps    steps of the final history / all steps that were computed
  goodput_time     steps of the final history times their median duration / wall time
  recoveries       of faults that ended the job: from the fault to the first new step, and from the end of the job to it; median and worst
  memory           of rank 0, MiB: at the first and last quarter of lives that are long enough, and the slope between them, MiB an hour
  leaks            processes, files, sockets, shared memory that are left, and memory that grows; must be none

--compare trains the same steps undisturbed afterwards, and asks for the same weights and optimizer state bit by bit (statistics of batch norm to rounding:
each rank has its own, and the mean over ranks at another checkpoint is another rounding). Exit codes: 0 all is well; 1 something leaked, does not load,
differs, or the job would not run; 2 usage.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))
from common import BINARY, make_pack, make_pictures  # noqa: E402
from soak_report import newest_line, print_table, summary, whole_lines  # noqa: E402

KINDS = ["kill rank", "kill mpirun", "kill all", "stop rank", "usr1", "term", "no space", "slow storage", "slow rank", "garbage"]
TIMEOUT = 5  # comm.timeout_seconds
HEALING = 20  # seconds in which ranks whose launcher was killed must be gone
LONGEST_GROWTH = 64  # MiB of rank 0 within a life; a tenth of its size if that is more
MOST_FRUITLESS = 5  # ends in a row without a fault or a new step
COMMON = ["data.eval=", "evaluate.every_epochs=0", "data.allow_overlap=true", "schedule.name=constant", "schedule.epochs=1000000", "comm.threads_per_rank=1",
          "monitoring.address=127.0.0.1", f"comm.timeout_seconds={TIMEOUT}", "checkpoint.every_epochs=0", "checkpoint.most_starts_without_progress=0"]


def say(text):
    print(f"soak: {text}", file=sys.stderr, flush=True)


def signal_to(process, number):
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


def is_alive(process, run):
    try:
        return str(run).encode() in pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def resident_mib(process):
    try:
        for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


class Job:
    """The command, its folders, and one life after the other of it."""

    def __init__(self, folder, options):
        self.run, self.options, self.lives = folder / "run", options, []
        self.gate = folder / "storage-fails"
        self.output = open(folder / "output.txt", "w")  # of all lives
        self.segments = pathlib.Path(tempfile.mkdtemp(prefix="catamaran-soak-", dir="/dev/shm"))
        self.sessions, self.temporary = folder / "sessions", folder / "temporary"
        for made in (self.sessions, self.temporary):
            made.mkdir()
        library = folder / "failing_storage.so"
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", library, ROOT / "tests/fakes/failing_storage.c"], check=True)
        self.environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1", TMPDIR=str(self.temporary),
                                OMPI_MCA_orte_tmpdir_base=str(self.sessions), OMPI_MCA_btl_vader_backing_directory=str(self.segments))
        self.faulty = dict(self.environment, LD_PRELOAD=str(library), FAULT_PATH=f"{self.run}/checkpoints/", FAULT_CALLS="write,fsync", FAULT_SWITCH=str(self.gate))

    def words(self, run, *pairs):
        settings = [*COMMON, f"data.train={self.options.pack}", f"checkpoint.every_steps={self.options.checkpoint_steps}", *pairs]
        return ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(self.options.ranks), str(BINARY), "train", "--config",
                str(ROOT / "configs/demo/cat.toml"), *[part for pair in settings for part in ("--set", pair)], "--run-dir", str(run), "--resume", "auto"]

    def start(self):
        self.process = subprocess.Popen(self.words(self.run), stdout=self.output, stderr=self.output, env=self.faulty)
        self.lives.append({"start": time.monotonic(), "ranks": {}, "rss": [], "fault": None, "end": None, "computed": 0, "first_new_step": None})

    def life(self):
        return self.lives[-1]

    def look(self):
        """Who the ranks are, and what rank 0 holds."""
        try:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except OSError:
            return
        for child in children if len(self.life()["ranks"]) < self.options.ranks else []:
            try:
                entries = pathlib.Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            self.life()["ranks"].update({int(e.split(b"=")[1]): int(child) for e in entries if e.startswith(b"OMPI_COMM_WORLD_RANK=")})
        mib = resident_mib(self.life()["ranks"].get(0, 0))
        if mib:
            self.life()["rss"].append((time.monotonic() - self.life()["start"], mib))

    def has_new_steps(self):
        """Of this life: lines whose steady time, of the same clock as ours, is after its start."""
        line = newest_line(self.run / "metrics.jsonl")
        return line is not None and line["steady_seconds"] > self.life()["start"]

    def end_of_life(self):
        """Once per life, before the next start drops the lines of steps that it repeats."""
        life = self.life()
        if life["end"]:
            return
        life["end"], life["code"] = time.monotonic(), self.process.returncode
        lines = [line for line in whole_lines(self.run / "metrics.jsonl") if line["steady_seconds"] > life["start"]]
        life["computed"] = len(lines)
        life["first_new_step"] = lines[0]["steady_seconds"] if lines else None
        self.gate.unlink(missing_ok=True)


def throw_garbage(job):
    try:
        parts = urllib.parse.urlsplit((job.run / "metrics-address.txt").read_text().strip())
        for request in (bytes(range(256)) * 8, b"GET /met", b"POST / HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 2**20):
            with socket.create_connection((parts.hostname, parts.port), timeout=5) as client:
                client.sendall(request)
    except OSError:
        pass  # refused, or closed in the middle: as it should be


def inject(job, kind, draw):
    """Does it; what lasts some seconds is over when this returns."""
    life = job.life()
    ranks = life["ranks"]
    rank = ranks[draw.randrange(job.options.ranks)]
    life["fault"], life["fault_at"] = kind, time.monotonic()
    say(f"fault: {kind}, {life['fault_at'] - life['start']:.1f} s after the start of life {len(job.lives)}")
    if kind in ("kill rank", "stop rank"):
        signal_to(rank, signal.SIGKILL if kind == "kill rank" else signal.SIGSTOP)
    elif kind in ("kill mpirun", "usr1", "term"):
        job.process.send_signal({"kill mpirun": signal.SIGKILL, "usr1": signal.SIGUSR1, "term": signal.SIGTERM}[kind])
    elif kind == "kill all":
        for process in (*ranks.values(), job.process.pid):
            signal_to(process, signal.SIGKILL)
    elif kind in ("no space", "slow storage"):
        job.gate.write_text("28 0\n" if kind == "no space" else "0 0.05\n")
        wait_while_running(job, min(10, job.options.interval / 3))
        job.gate.unlink(missing_ok=True)
    elif kind == "slow rank":
        for _ in range(4):
            signal_to(rank, signal.SIGSTOP)
            time.sleep(1)
            signal_to(rank, signal.SIGCONT)
            time.sleep(0.2)
    else:
        throw_garbage(job)


def wait_while_running(job, seconds):
    """False: the job has ended meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if job.process.poll() is not None:
            return False
        job.look()
        time.sleep(max(0, min(0.5, end - time.monotonic())))
    return job.process.poll() is None


def run_with_faults(job, draw):
    """The time that was asked for; then a stop by USR1 with a checkpoint."""
    begin = time.monotonic()
    end, next_fault = begin + job.options.seconds, begin + job.options.interval
    faults, fruitless = [], 0
    while time.monotonic() < end:
        job.start()
        while wait_while_running(job, min(1, max(0.05, end - time.monotonic()))):
            now = time.monotonic()
            if now >= end:
                break
            if now < next_fault or len(job.life()["ranks"]) < job.options.ranks or not job.has_new_steps():
                continue
            faults.append(draw.choice(job.options.kinds))
            inject(job, faults[-1], draw)
            next_fault = max(next_fault + job.options.interval, time.monotonic() + 1)
        if job.process.poll() is None:
            break
        job.end_of_life()
        life = job.life()
        fruitless = 0 if life["fault"] or life["computed"] else fruitless + 1
        say(f"life {len(job.lives)} ended with code {life['code']} after {life['computed']} steps; started again")
        if fruitless >= MOST_FRUITLESS:
            raise SystemExit(f"soak: the job ended {fruitless} times in a row before a step; its words are in {job.output.name}")
    stop(job)
    return faults, time.monotonic() - begin


def stop(job):
    """Until the job has ended with a checkpoint of its last step: the last life may have been hit, and is then begun once more."""
    for _ in range(4):
        if job.process.poll() is not None:
            job.end_of_life()
            job.start()
        deadline = time.monotonic() + 120
        while job.process.poll() is None and not job.has_new_steps() and time.monotonic() < deadline:
            job.look()
            time.sleep(0.2)
        if job.process.poll() is None:
            job.process.send_signal(signal.SIGUSR1)
        try:
            job.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            job.process.kill()
            job.process.wait()
        job.end_of_life()
        if job.life()["code"] == 75:
            return
    raise SystemExit(f"soak: the job does not stop with a checkpoint, it ended with code {job.life()['code']}; its words are in {job.output.name}")


def leaks_of(job, grown):
    found = {}
    ranks = [process for life in job.lives for process in life["ranks"].values()]
    deadline = time.monotonic() + HEALING
    while (left := [process for process in ranks if is_alive(process, job.run)]) and time.monotonic() < deadline:
        time.sleep(0.2)
    found["processes"] = left
    found["files"] = [str(path) for path in job.run.rglob(".*.tmp.*")]
    found["sockets"] = [line.split()[-1] for line in pathlib.Path("/proc/net/unix").read_text().splitlines() if str(job.run) in line]
    found["shared memory"] = [path.name for path in pathlib.Path("/dev/shm").iterdir() if path.name.startswith("catamaran-exchange")]
    if not any(life["fault"] in ("kill mpirun", "kill all") for life in job.lives):  # Open MPI leaves its own where its launcher is killed
        found["shared memory"] += [str(path) for path in job.segments.iterdir()]
        found["files"] += [str(path) for path in job.temporary.rglob("*") if not path.is_dir()]
    found["memory"] = [f"rank 0 grew from {life['start_mib']:.0f} to {life['end_mib']:.0f} MiB in one life" for life in grown
                       if life["end_mib"] - life["start_mib"] > max(LONGEST_GROWTH, 0.1 * life["start_mib"])]
    return {what: names for what, names in found.items() if names}


def newest_checkpoint(run):
    return run / "checkpoints" / (run / "checkpoints/latest").read_text().strip()


def loads(run):
    """With its checksums."""
    done = subprocess.run([BINARY, "weights", "inspect", newest_checkpoint(run)], capture_output=True, text=True)
    return done.returncode == 0 and "warning" not in done.stderr


def difference(job, folder, steps):
    """Trains the same steps undisturbed; the first tensor that is another, or none."""
    import numpy as np
    from safetensors.numpy import load_file
    other = folder / "undisturbed"
    done = subprocess.run(job.words(other, f"schedule.max_steps={steps}"), env=job.environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"soak: the undisturbed run ended with code {done.returncode}\n{done.stderr[-2000:]}")
    for file in ("model.safetensors", "optimizer.safetensors"):
        mine, theirs = (load_file(newest_checkpoint(run) / file) for run in (job.run, other))
        for name, tensor in theirs.items():
            same = np.allclose(mine[name], tensor, rtol=1e-5, atol=1e-6) if ".running_" in name else np.array_equal(mine[name], tensor)
            if not same:
                return f"{file}: {name}"
    return None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--interval", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=KINDS, help=", ".join(KINDS))
    parser.add_argument("--checkpoint-steps", type=int, default=100)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "build/soak")
    parser.add_argument("--json", type=pathlib.Path)
    given = parser.parse_args()
    if not set(given.kinds) <= set(KINDS):
        parser.error(f"--kinds: of {', '.join(KINDS)}")
    if given.seconds <= 0 or given.interval <= 0 or given.ranks < 1 or given.checkpoint_steps < 1:
        parser.error("--seconds, --interval, --ranks and --checkpoint-steps are above 0")
    if given.folder.exists() and any(given.folder.iterdir()) and not (given.folder / "output.txt").exists():
        parser.error(f"--folder: {given.folder} holds other files than a soak's")
    return given


def make_data(folder):
    draw = random.Random(1)
    make_pictures(folder / "pictures", 64, 1024)
    return make_pack(folder / "pictures", [[f"c{c}" for c in range(10) if c == i % 10 or draw.random() < 0.2] for i in range(1024)], folder / "pack")


def main():
    options = arguments()
    folder = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"seed {options.seed} (--seed repeats the order of faults); {options.seconds:.0f} s, a fault every {options.interval:.0f} s; all words of the job: {folder}/output.txt")
    options.pack = make_data(folder)
    job = Job(folder, options)
    try:
        faults, wall = run_with_faults(job, random.Random(options.seed))
        result = summary(job, faults, wall)
        result["leaks"] = leaks_of(job, result["memory"])
        result["loads"] = loads(job.run)
        result["difference"] = difference(job, folder, result["steps"]) if options.compare and result["loads"] else None
        result["same_as_undisturbed"] = result["difference"] is None if options.compare and result["loads"] else None
    finally:
        if getattr(job, "process", None) and job.process.poll() is None:
            job.process.kill()
        for life in job.lives:
            for process in life["ranks"].values():
                if is_alive(process, job.run):
                    signal_to(process, signal.SIGKILL)
        shutil.rmtree(job.segments, ignore_errors=True)
    print_table(result)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0 if not result["leaks"] and result["loads"] and result["same_as_undisturbed"] is not False else 1


if __name__ == "__main__":
    sys.exit(main())
