#!/usr/bin/env python3
"""What monitoring costs: the same training with all of it and a scrape a second, and with none of it, in turns of two seconds.

usage: monitoring.py [--rounds 3] [--case NAME]...       prints a table, writes build/bench/monitoring.json

2 ranks x 1 thread. Three jobs of the same training are there at once and take turns, the other two stopped (SIGSTOP), in another order each time, so that what the machine does
meanwhile meets all of them: `off` and `control` without metrics and with every GROUP-th step logged, `on` with all that is on by default, a discovery file, and a scrape a second. A turn's step
time is that of its whole groups of steps, mean; a group that was stopped in between is left out. Shares are medians over the turns; the interval is that of 95 % of resampled medians.
  overhead_share   step time of on / off - 1         noise_share   of control / off - 1: what this machine makes of no difference at all
The three see the same pictures; their losses must be the same to the last digit, and every scrape must be a whole page.
  scrape           build/release/bench/bench_metrics: a page of 64 ranks, while idle and garbage connections are open
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

from checkpoint import ENDLESS, environment_of, kill_all, wait_for, whole_lines
from common import ROOT, arguments, train_command, write_results
from step import COMMON, DEMO, make_data

CASES = {"demo_64_b4": (4, 10), "demo_64_b32": (32, 3)}  # images a rank; steps of a group
SIDES = ("off", "on", "control")
SCRAPE = "scrape"
TURN = 2.0  # seconds
TURNS = 15  # of each side in a round
FIRST_STEPS = 30  # before the first turn
OVERHEAD_BUDGET, SCRAPE_BUDGET = 0.005, 0.005  # share; seconds
BENCH = ROOT / "build/release/bench/bench_metrics"


def stop_for_good(what):
    sys.exit(f"monitoring.py: {what}")


class Job:
    """A training that runs only during its turns."""

    def __init__(self, side, folder, pack, images, group):
        self.side, self.folder, self.run, self.group = side, folder / side, folder / side / "run", group
        self.folder.mkdir()
        settings = [*DEMO, *(setting for setting in COMMON if not setting.startswith(("monitoring.", "schedule.epochs"))), f"data.train={pack}", f"batch.global={2 * images}",
                    f"batch.per_device={images}", f"schedule.max_steps={ENDLESS}", "schedule.epochs=1000000", *self.watched()]
        words = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", *train_command(settings, self.run)]
        with open(self.folder / "log", "wb") as log:
            self.job = subprocess.Popen(words, env=environment_of(self.folder), stdout=log, stderr=log)
        wait_for(f"the first steps of {side} ({self.folder}/log)", lambda: self.steps_done() >= FIRST_STEPS, self.job)
        self.ranks = [int(child) for child in subprocess.run(["pgrep", "-P", str(self.job.pid)], capture_output=True, text=True).stdout.split()]
        self.signal(signal.SIGSTOP)

    def watched(self):
        if self.side == "on":
            return ["monitoring.enabled=true", "monitoring.address=127.0.0.1", f"monitoring.discovery_folder={self.folder}/discovery", "log.every_steps=1"]
        return ["monitoring.enabled=false", f"log.every_steps={self.group}"]

    def steps_done(self):
        lines = whole_lines(self.run / "metrics.jsonl")
        return lines[-1]["step"] if lines else 0

    def signal(self, number):
        for rank in self.ranks:
            try:
                os.kill(rank, number)
            except ProcessLookupError:
                stop_for_good(f"{self.side} has ended: {self.folder}/log")

    def turn(self, meanwhile):
        begin = time.monotonic()
        self.signal(signal.SIGCONT)
        meanwhile(begin)
        self.signal(signal.SIGSTOP)
        return begin, time.monotonic()

    def end(self):
        kill_all(self.job, self.run)


def scrape(address):
    """Seconds that it took; of a plain socket, since a client that thinks would cost more than the page."""
    begin = time.monotonic()
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        parts = []
        while part := client.recv(1 << 16):
            parts.append(part)
    page = b"".join(parts)
    if not page.startswith(b"HTTP/1.1 200") or b"\ncatamaran_step " not in page:
        stop_for_good(f"a scrape was not answered with a whole page: {page[:200]!r}")
    return time.monotonic() - begin


def sleep_until(moment):
    time.sleep(max(0.0, moment - time.monotonic()))


def step_seconds(lines, begin, end, group):
    """Mean over the groups of steps that lie in the turn; None without any."""
    ends = {line["step"]: line["steady_seconds"] for line in lines if line["step"] % group == 0}
    inside = [(ends[step - group], ends[step]) for step in ends if step - group in ends and begin <= ends[step - group] and ends[step] <= end]
    return sum(after - before for before, after in inside) / (group * len(inside)) if inside else None


def interval(shares, resamples=2000):
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(shares, k=len(shares))) for _ in range(resamples))
    return medians[int(0.025 * resamples)], medians[int(0.975 * resamples)]


def require_same_losses(lines):
    """Steps that off and on both logged."""
    off, on = ({line["step"]: line["loss"] for line in lines[side]} for side in ("off", "on"))
    shared = sorted(off.keys() & on.keys())
    if not shared or any(off[step] != on[step] for step in shared):
        stop_for_good(f"losses differ with monitoring and without, or no step was logged by both ({len(shared)} shared)")
    return len(shared)


def turns_of(jobs, rounds, name):
    """[{side: (begin, end)}] and the times of the scrapes."""
    parts = urllib.parse.urlsplit((jobs["on"].run / "metrics-address.txt").read_text().strip())
    scrapes, turns, draw = [], [], random.Random(1)

    def with_scrapes(begin):
        for moment in (0.5, 1.5):
            sleep_until(begin + moment)
            scrapes.append(scrape((parts.hostname, parts.port)))
        sleep_until(begin + TURN)

    for number in range(rounds * TURNS):
        if number % TURNS == 0:
            print(f"{name}: round {number // TURNS + 1} of {rounds}", file=sys.stderr)
        order = list(SIDES)
        draw.shuffle(order)
        turns.append({side: jobs[side].turn(with_scrapes if side == "on" else lambda begin: sleep_until(begin + TURN)) for side in order})
    return turns, scrapes


def bench(name, rounds):
    images, group = CASES[name]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = pathlib.Path(temporary)
        pack, jobs = make_data(folder, 64), {}
        try:
            for side in SIDES:
                jobs[side] = Job(side, folder, pack, images, group)
            turns, scrapes = turns_of(jobs, rounds, name)
        finally:
            for job in jobs.values():
                job.end()
        lines = {side: whole_lines(jobs[side].run / "metrics.jsonl") for side in SIDES}
    compared = require_same_losses(lines)
    seconds = [{side: step_seconds(lines[side], *turn[side], group) for side in SIDES} for turn in turns]
    whole = [turn for turn in seconds if None not in turn.values()]
    if len(whole) < len(turns) / 2:
        stop_for_good(f"{name}: steps are too slow for turns of {TURN} s: {len(whole)} of {len(turns)} have a whole group of {group} steps")
    shares = {side: [turn[side] / turn["off"] - 1 for turn in whole] for side in ("on", "control")}
    low, high = interval(shares["on"])
    return {"case": name, "overhead_share": statistics.median(shares["on"]), "overhead_share_low": low, "overhead_share_high": high,
            "noise_share": statistics.median(shares["control"]), "step_seconds_off": statistics.median(turn["off"] for turn in whole),
            "step_seconds_on": statistics.median(turn["on"] for turn in whole), "scrape_seconds": statistics.median(scrapes), "scrapes": len(scrapes), "turns": len(whole),
            "steps_compared": compared, "images_per_rank": images, "rounds": rounds}


def bench_scrape():
    if not BENCH.exists():
        stop_for_good(f"{BENCH} is missing: ninja -C build/release bench_metrics")
    done = subprocess.run([BENCH, "--json"], capture_output=True, text=True)
    try:
        found = json.loads(done.stdout)
        values = {key: found[key] for key in ("scrape_p50_seconds", "scrape_p99_seconds", "render_p50_seconds", "series", "idle_connections")}
    except (ValueError, KeyError, TypeError):
        stop_for_good(f"bench_metrics ended with code {done.returncode} and no result: {(done.stdout + done.stderr)[-500:]}")
    return {"case": SCRAPE, **values}


def print_table(results):
    def verdict(value, budget):
        return "within" if value < budget else "OVER"
    print(f"{'case':12} {'step off':>10} {'step on':>10} {'overhead':>9} {'95 % of medians':>19} {'noise':>8} {'a scrape':>9}   budget {OVERHEAD_BUDGET:.1%}")
    for r in (r for r in results if r["case"] != SCRAPE):
        print(f"{r['case']:12} {1000 * r['step_seconds_off']:7.2f} ms {1000 * r['step_seconds_on']:7.2f} ms {r['overhead_share']:9.2%} {r['overhead_share_low']:8.2%} to {r['overhead_share_high']:7.2%} "
              f"{r['noise_share']:8.2%} {1000 * r['scrape_seconds']:6.2f} ms   {verdict(r['overhead_share'], OVERHEAD_BUDGET)}")
    for r in (r for r in results if r["case"] == SCRAPE):
        print(f"a scrape of {r['series']} series beside {r['idle_connections']} idle and garbage connections: p50 {1000 * r['scrape_p50_seconds']:.2f} ms, p99 {1000 * r['scrape_p99_seconds']:.2f} ms, "
              f"of which making the page {1000 * r['render_p50_seconds']:.2f} ms   budget {1000 * SCRAPE_BUDGET:.0f} ms: {verdict(r['scrape_p99_seconds'], SCRAPE_BUDGET)}")


def main():
    options = arguments(__doc__, [*CASES, SCRAPE])
    if shutil.which("pgrep") is None:
        stop_for_good("there is no program pgrep: apt-get install procps")
    results = [bench_scrape() if name == SCRAPE else bench(name, options.rounds) for name in options.case or [*CASES, SCRAPE]]
    print_table(results)
    write_results("monitoring.json", results)


if __name__ == "__main__":
    main()
