#!/usr/bin/env python3
"""What a checkpoint and a restart cost: Catamaran against PyTorch DistributedDataParallel (gloo), the same model, batch and optimizer, in turn.

usage: checkpoint.py [--rounds 3] [--case stall|restart]...       prints a table, writes build/bench/checkpoint.json

2 ranks x 1 thread, the demo's model, 32 images a rank. DDP saves as most scripts do: rank 0 torch.save()s model and optimizer state into the same kind of
folder, the others wait in their next all-reduce; it loads them with torch.load(). Catamaran's checkpoints are durable (fsync) and carry checksums, DDP's
are neither. Both sides in turn, every other round the other way round; medians over the checkpoints of a run, then over the rounds.
  stall     stall_seconds   that the step loop stands still for a checkpoint, beyond what lies between any two steps; stall_steps: in steps
            extra_seconds   that a checkpoint costs in all: so many steps with one, less as many without; slower steps beside the writing are in it
            share_of_a_minute, extra_share_of_a_minute   at one checkpoint a minute
  restart   seconds         from the start of the same command, after kill -9 of all processes, to the first finished new step
"""
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from common import arguments, write_results
from step import DEMO, ENVIRONMENT, command, ddp_parts, ddp_step, make_data

CASES = ("stall", "restart")
BATCH = 32  # images a rank
EVERY = 20  # steps from one checkpoint to the next
CHECKPOINTS = 6  # in a run; the first makes room for the copies, and is not counted
LONGEST_WAIT = 120  # seconds
ENDLESS = 1_000_000  # steps


def mpirun(pack, run, steps, every):
    words = command(DEMO, pack, 2 * BATCH, steps, run)
    return ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", *words, "--set", f"checkpoint.every_steps={every}", "--set", "schedule.epochs=1000000",
            "--resume", "auto"]


def torchrun(task):
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", __file__, "--peer", json.dumps(task)]


def whole_lines(file):
    try:
        return [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    except OSError:
        return []


def finished(words, environment):
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"checkpoint.py: {words[0]} ended with code {done.returncode}\n{done.stderr[-2000:]}")


def times_of_catamaran(folder, pack, every):
    """Of each step: the seconds of the steady clock at its end, and of its work; then what lies between it and the next."""
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    finished(mpirun(pack, run, EVERY * (CHECKPOINTS + 1), every), environment_of(folder))
    lines = whole_lines(run / "metrics.jsonl")
    ends = [line["steady_seconds"] for line in lines]
    pauses = [after["steady_seconds"] - before["steady_seconds"] - after["step_seconds"] for before, after in zip(lines, lines[1:])]
    return ends, pauses


def times_of_ddp(folder, every):
    run = folder / "ddp"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    finished(torchrun({"model": DEMO, "batch": BATCH, "steps": EVERY * (CHECKPOINTS + 1), "every": every, "run": str(run)}), ENVIRONMENT)
    lines = whole_lines(run / "steps.jsonl")
    return [line["end"] for line in lines], [line["pause"] for line in lines[:-1]]


def stall_of(times):
    """times(every): ends of steps and pauses after them, with a checkpoint every so many steps; 0: none."""
    ends, pauses = times(EVERY)
    plain, _ = times(0)
    step = statistics.median(later - earlier for earlier, later in zip(plain[EVERY:], plain[EVERY + 1:]))
    saved = range(2 * EVERY, len(ends), EVERY)  # steps after which there was a checkpoint, but the first and the one at the end
    usual = statistics.median(pause for index, pause in enumerate(pauses) if (index + 1) % EVERY)
    stall = statistics.median(pauses[at - 1] - usual for at in saved)
    cycle = statistics.median(ends[at + EVERY - 1] - ends[at - 1] for at in saved if at + EVERY <= len(ends))
    return {"step_seconds": step, "stall_seconds": stall, "extra_seconds": cycle - EVERY * step}


def environment_of(folder):
    """Open MPI's session and shared memory stay below the folder, since its launcher is killed."""
    (folder / "segments").mkdir(exist_ok=True)
    return dict(ENVIRONMENT, TMPDIR=str(folder), OMPI_MCA_orte_tmpdir_base=str(folder), OMPI_MCA_btl_vader_backing_directory=str(folder / "segments"))


def kill_all(job, run):
    """The launcher and every process that names the run."""
    victims = [job.pid] if job.poll() is None else []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if str(run).encode() in pathlib.Path(f"/proc/{process}/cmdline").read_bytes() and int(process) != os.getpid():
                victims.append(int(process))
        except OSError:
            continue
    for victim in victims:
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            pass
    job.wait()


def wait_for(what, found, job):
    deadline = time.monotonic() + LONGEST_WAIT
    while not (value := found()):
        if job.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"checkpoint.py: in vain for {what}")
        time.sleep(0.02)
    return value


def seconds_to_go_on(words, environment, run, ends_of_steps, has_checkpoint):
    """The job is killed once it has a checkpoint, and started again; until its first new step has ended."""
    job = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("a checkpoint", has_checkpoint, job)
        count = len(ends_of_steps())
        wait_for("some steps more", lambda: len(ends_of_steps()) > count + EVERY // 2, job)
        kill_all(job, run)
        begin = time.monotonic()
        job = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        new = wait_for("a step after the restart", lambda: [end for end in ends_of_steps() if end > begin], job)
        return new[0] - begin
    finally:
        kill_all(job, run)


def restart_of_catamaran(folder, pack):
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    return seconds_to_go_on(mpirun(pack, run, ENDLESS, EVERY), environment_of(folder), run,
                            lambda: [line["steady_seconds"] for line in whole_lines(run / "metrics.jsonl")], (run / "checkpoints/latest").exists)


def restart_of_ddp(folder):
    run = folder / "ddp"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    words = torchrun({"model": DEMO, "batch": BATCH, "steps": ENDLESS, "every": EVERY, "run": str(run)})
    return seconds_to_go_on(words, ENVIRONMENT, run, lambda: [line["end"] for line in whole_lines(run / "steps.jsonl")], (run / "state.pt").exists)


def peer(task):
    """One DDP rank that saves and loads as most scripts do, and writes down when each step ended and how long it then stood still."""
    import torch
    run = pathlib.Path(task["run"])
    parts = ddp_parts(task)
    model, optimizer = parts[0], parts[1]
    first = 0
    if (run / "state.pt").exists():
        state = torch.load(run / "state.pt", weights_only=True)
        model.module.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    is_root = torch.distributed.get_rank() == 0
    log = open(run / "steps.jsonl", "a") if is_root else None
    for step in range(first + 1, task["steps"] + 1):
        ddp_step(*parts)
        end = time.monotonic()
        if is_root and task["every"] and step % task["every"] == 0:
            torch.save({"model": model.module.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, run / "state.pt.new")
            os.replace(run / "state.pt.new", run / "state.pt")
        if is_root:
            log.write(json.dumps({"step": step, "end": end, "pause": time.monotonic() - end}) + "\n")
            log.flush()
    torch.distributed.destroy_process_group()


def in_turn(rounds, name, ours, theirs):
    """The results of each side, the other one first in every other round."""
    found = {ours: [], theirs: []}
    for number in range(rounds):
        print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr)
        for side in (ours, theirs) if number % 2 == 0 else (theirs, ours):
            found[side].append(side())
    return found[ours], found[theirs]


def medians(results):
    return {key: statistics.median(result[key] for result in results) for key in results[0]}


def bench_stall(folder, pack, rounds):
    ours, theirs = (medians(results) for results in in_turn(
        rounds, "stall", lambda: stall_of(lambda every: times_of_catamaran(folder, pack, every)), lambda: stall_of(lambda every: times_of_ddp(folder, every))))
    case = {"case": "stall", "rounds": rounds, "steps_between": EVERY, "ratio_to_ddp": ours["stall_seconds"] / theirs["stall_seconds"]}
    for prefix, side in (("", ours), ("ddp_", theirs)):
        case.update({prefix + key: value for key, value in side.items()})
        case[prefix + "stall_steps"] = side["stall_seconds"] / side["step_seconds"]
        case[prefix + "share_of_a_minute"] = side["stall_seconds"] / 60
        case[prefix + "extra_share_of_a_minute"] = side["extra_seconds"] / 60
    return case


def bench_restart(folder, pack, rounds):
    ours, theirs = (statistics.median(results) for results in in_turn(
        rounds, "restart", lambda: restart_of_catamaran(folder, pack), lambda: restart_of_ddp(folder)))
    return {"case": "restart", "rounds": rounds, "seconds": ours, "ddp_seconds": theirs, "ratio_to_ddp": ours / theirs}


def print_table(results):
    print("| | Catamaran | DDP |\n|---|---|---|")
    for case in results:
        if case["case"] == "restart":
            print(f"| from the start after kill -9 to the first new step | {case['seconds']:.1f} s | {case['ddp_seconds']:.1f} s |")
            continue
        for text, key, factor, form in (("a step", "step_seconds", 1000, "{:.1f} ms"), ("the step loop stands still for a checkpoint", "stall_seconds", 1000, "{:.1f} ms"),
                                        ("that is, in steps", "stall_steps", 1, "{:.2f}"), ("of the time, at one a minute", "share_of_a_minute", 100, "{:.3f} %"),
                                        ("a checkpoint costs, with slower steps beside the writing", "extra_seconds", 1000, "{:.1f} ms"),
                                        ("of the time, at one a minute", "extra_share_of_a_minute", 100, "{:.3f} %")):
            print(f"| {text} | {form.format(factor * case[key])} | {form.format(factor * case['ddp_' + key])} |")


def main():
    options = arguments(__doc__, CASES)
    if options.peer:
        return peer(options.peer)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = pathlib.Path(temporary)
        pack = make_data(folder, 64)
        benches = {"stall": bench_stall, "restart": bench_restart}
        results = [benches[name](folder, pack, options.rounds) for name in options.case or CASES]
    print_table(results)
    write_results("checkpoint.json", results)


if __name__ == "__main__":
    main()
