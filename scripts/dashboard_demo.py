#!/usr/bin/env python3
"""`make dashboard-picture`: the demo's training, watched by Debian's Prometheus, and the picture of its dashboard in README.

usage: dashboard_demo.py [--out docs/pictures/dashboard.png] [--epochs 4]

Makes the demo's scenes and packs where they are missing (build/demo, as scripts/demo.sh does), trains on 2 ranks with the shipped rules and example
configuration beside it, and draws the first rows of "one run" when nine tenths are done; the rest of the training is broken off. A few minutes on two cores.
"""
import argparse
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from local_prometheus import LocalPrometheus, PrometheusError

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = ROOT / "build/release/bin/catamaran"
DEMO = ROOT / "build/demo"
WORK = ROOT / "build/dashboard-demo"
ROWS = "Now,Learning,Accuracy,Speed"
LONGEST = 3600  # seconds


def run(*words):
    subprocess.run([str(word) for word in words], cwd=ROOT, check=True)


def make_packs():
    if not (DEMO / "data").exists():
        run(sys.executable, "scripts/fashion_scenes.py", DEMO / "data")
    for split in ("train", "test"):
        if not (DEMO / "packs" / split).exists():
            run(BINARY, "pack", "coco", "--images", DEMO / "data" / split, "--annotations", DEMO / f"data/{split}.json", "--name", "garment scenes", "--out", DEMO / "packs" / split)


def training(epochs):
    pairs = [f"data.train={DEMO}/packs/train", f"data.eval={DEMO}/packs/test", f"schedule.epochs={epochs}", f"monitoring.discovery_folder={WORK}/discovery",
             "monitoring.address=127.0.0.1", "checkpoint.every_steps=100", "evaluate.every_epochs=0.25"]
    words = [BINARY, "train", "--config", "configs/demo/cat.toml", *[part for pair in pairs for part in ("--set", pair)], "--run-dir", WORK / "garments", "--max-time", "2h", "--ranks", "2"]
    log = open(WORK / "log", "wb")
    return subprocess.Popen([str(word) for word in words], cwd=ROOT, stdout=log, stderr=log)


def wait_until_nearly_done(job, prometheus):
    deadline = time.monotonic() + LONGEST
    while not any(value >= 0.9 for _, value in prometheus.query("catamaran_progress_ratio")):
        if job.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"dashboard_demo.py: the training ended with code {job.poll()} before nine tenths: {WORK}/log")
        time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/pictures/dashboard.png", metavar="FILE")
    parser.add_argument("--epochs", type=int, default=4)
    given = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    try:
        make_packs()
        with LocalPrometheus(WORK / "prometheus", WORK / "discovery") as prometheus:
            begin, job = time.monotonic(), training(given.epochs)
            try:
                wait_until_nearly_done(job, prometheus)
                run(sys.executable, "scripts/dashboard_picture.py", "catamaran-run", "--prometheus", prometheus.url, "--last", f"{round(time.monotonic() - begin)}s", "--rows", ROWS,
                    "--out", given.out)
            finally:
                job.send_signal(signal.SIGUSR1)
                job.wait()
    except (PrometheusError, OSError, subprocess.CalledProcessError) as problem:
        sys.exit(f"dashboard_demo.py: {problem}")
    print(f"{given.out}: {ROWS} of catamaran-run")


if __name__ == "__main__":
    main()
