#!/usr/bin/env python3
"""`catamaran plan` against real runs on 1, 2 and 4 ranks of this machine, and against published scaling.

usage: plan.py [--rounds 3] [--case NAME]...       prints a table, writes build/bench/plan.json

Each round measures, in turn: a step of one rank alone (`bench step`), the same of n ranks side by side that do not talk, all-reduces
of n ranks (`bench allreduce`), and `train` on n ranks. Predictions are made of the round's own measurements:
  alone          from the step of one rank; where ranks outnumber cores, compute takes ranks / cores times as long (--cores-per-node)
  side by side   from the steps of n ranks side by side, so that shared caches and memory are in it, and the exchange alone is predicted
Cores do both compute and exchange here (--exchange-share 1). error: prediction / measured step - 1, medians over the rounds.
`published`: a comparison, no measurement; what the sources do not say (bandwidth) is assumed and printed.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
from random import Random

from common import BINARY, arguments, make_pictures, train_command, write_results
from step import COMMON, DEMO

CASES = {"demo_64_b32": 32, "demo_64_b8": 8, "published": 0}  # images a rank
RANKS = (1, 2, 4)
STEPS = 20
WARM_UP = 3
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1")
PUBLISHED = [  # name, seconds of a step, images, gradients' bytes, GB/s of the bus inside a node, Gbit/s of a node, ranks, from, published efficiency, source
    ("ResNeXt101-32x4d, 8 A100", 256 / 908, 256, 4 * 44.2e6, 235, 1600, (1, 8), 7.58 / 8, "NVIDIA/DeepLearningExamples, DGX A100, AMP"),
    ("ResNeXt101-32x4d, 8 V100", 128 / 535, 128, 4 * 44.2e6, 130, 400, (1, 8), 7.48 / 8, "NVIDIA/DeepLearningExamples, DGX-1, AMP"),
    ("ResNet-50, 8 to 256 P100", 0.23, 32, 4 * 25.6e6, 20, 50, (8, 256), 0.90, "Goyal et al. 2017, arXiv 1706.02677"),
]


def run(command, **more):
    done = subprocess.run([str(word) for word in command], env=ENVIRONMENT, capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"plan.py: {' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    return done.stdout


def mpirun(ranks, command):
    binding = ["--bind-to", "core"] if ranks <= os.cpu_count() else ["--oversubscribe", "--bind-to", "none"]
    return run(["mpirun", *binding, "-n", ranks, *command] if ranks > 1 else command)


def make_pixel_pack(folder):
    """Pixels, so that the loader takes next to nothing from the cores that compute."""
    random = Random(1)
    make_pictures(folder / "pictures", 64, 128)
    lines = [json.dumps({"image": f"{i:04d}.jpg", "labels": [f"c{c}" for c in range(10) if c == i % 10 or random.random() < 0.3]}) for i in range(128)]
    (folder / "pack.jsonl").write_text("\n".join(lines) + "\n")
    run([BINARY, "pack", "manifest", "--images", folder / "pictures", "--manifest", folder / "pack.jsonl", "--out", folder / "pack", "--pixels", 64])
    return folder / "pack"


def settings(pack, batch, ranks):
    return [*DEMO, *COMMON, f"data.train={pack}", f"batch.global={batch * ranks}", f"batch.per_device={batch}", f"schedule.max_steps={STEPS + WARM_UP}"]


def set_options(pairs):
    return [part for pair in pairs for part in ("--set", pair)]


def measure_steps(folder, pairs, ranks):
    """`bench step` in `ranks` processes side by side; the file of the one with the median step."""
    jobs = []
    for rank in range(ranks):
        out = folder / f"step-{ranks}-{rank}.json"
        binding = ["taskset", "-c", str(rank % os.cpu_count())]
        jobs.append((out, subprocess.Popen([*binding, str(BINARY), "bench", "step", "--config", str(folder / "empty.toml"), *set_options(pairs), "--labels", "10",
                                            "--steps", str(2 * STEPS), "--out", str(out)], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)))
    if any(job.wait() != 0 for _, job in jobs):
        sys.exit("plan.py: bench step failed")
    return sorted((out for out, _ in jobs), key=lambda out: statistics.median(json.loads(out.read_text())["step_seconds"]))[ranks // 2]


def predict(folder, pairs, step, network, ranks, cores):
    more = ["--network", network] if network else []
    done = run([BINARY, "plan", "--config", folder / "empty.toml", *set_options(pairs), "--step", step, "--ranks", ranks, "--gpus-per-node", 64,
                "--exchange-share", 1, *(["--cores-per-node", cores] if cores else []), *more, "--json"])
    return json.loads(done)["configs"][0]["scaling"]["rows"][0]


def train(folder, pairs, ranks):
    out = folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    mpirun(ranks, train_command(pairs, out))
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()][WARM_UP:]
    return statistics.median(line["step_seconds"] for line in lines)


def one_round(folder, pack, batch):
    """Per number of ranks: measured step, the two predictions."""
    alone = measure_steps(folder, settings(pack, batch, 1), 1)
    found = {}
    for ranks in RANKS:
        pairs = settings(pack, batch, ranks)
        together = alone if ranks == 1 else measure_steps(folder, pairs, ranks)
        network = None
        if ranks > 1:
            network = folder / f"network-{ranks}.json"
            mpirun(ranks, [BINARY, "bench", "allreduce", "--sizes", "64KiB,256KiB,1MiB,4MiB,16MiB", "--rounds", 5, "--out", network])
        measured = train(folder, pairs, ranks)
        found[ranks] = {"measured": measured, "alone": predict(folder, pairs, alone, network, ranks, os.cpu_count())["step_seconds"],
                        "side_by_side": predict(folder, pairs, together, network, ranks, 0)["step_seconds"]}
    return found


def bench(name, rounds):
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "empty.toml").touch()
        pack = make_pixel_pack(folder)
        found = []
        for number in range(rounds):
            print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr)
            found.append(one_round(folder, pack, CASES[name]))
        for ranks in RANKS:
            row = {"case": name, "ranks": ranks, "measured_seconds": statistics.median(each[ranks]["measured"] for each in found)}
            for way in ("alone", "side_by_side"):
                row[f"{way}_seconds"] = statistics.median(each[ranks][way] for each in found)
                row[f"{way}_error"] = statistics.median(each[ranks][way] / each[ranks]["measured"] - 1 for each in found)
            rows.append(row)
    print(f"{'case':14}{'ranks':>6}{'measured ms':>13}{'alone ms':>10}{'error':>8}{'side by side ms':>17}{'error':>8}")
    for row in rows:
        print(f"{name:14}{row['ranks']:6}{1e3 * row['measured_seconds']:13.1f}{1e3 * row['alone_seconds']:10.1f}{row['alone_error']:8.1%}"
              f"{1e3 * row['side_by_side_seconds']:17.1f}{row['side_by_side_error']:8.1%}")
    return rows


def published():
    rows = []
    print(f"{'published':28}{'efficiency':>11}{'spread 0':>10}{'2 %':>8}{'4 %':>8}  source")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        (folder / "empty.toml").touch()
        for name, seconds, images, gradient_bytes, bus, gbits, (low, high), efficiency, source in PUBLISHED:
            pieces = 50  # evenly over backward, which is two thirds of the step
            backward = 2 * seconds / 3
            (folder / "step.json").write_text(json.dumps({"images": images, "forward_seconds": seconds / 3, "backward_seconds": backward, "optimizer_seconds": 0,
                "spread": 0, "gradients": [{"name": str(i), "bytes": int(gradient_bytes / pieces), "seconds": backward * (i + 1) / pieces} for i in range(pieces)]}))
            predicted = {}
            for spread in (0, 0.02, 0.04):
                done = run([BINARY, "plan", "--config", folder / "empty.toml", "--set", "data.train=none", "--set", f"batch.per_device={images}", "--step", folder / "step.json", "--spread", spread,
                            "--ranks", f"{low},{high}", "--node-bandwidth-gbits", 8 * bus, "--bandwidth-gbits", gbits, "--latency-us", 20, "--json"])
                first, last = json.loads(done)["configs"][0]["scaling"]["rows"]
                predicted[spread] = last["efficiency"] / first["efficiency"]
            print(f"{name:28}{efficiency:11.1%}{predicted[0]:10.1%}{predicted[0.02]:8.1%}{predicted[0.04]:8.1%}  {source}; assumed {bus} GB/s in a node, {gbits} Gbit/s a node")
            rows.append({"case": name, "published_efficiency": efficiency, "source": source, **{f"efficiency_spread_{spread}": value for spread, value in predicted.items()}})
    return rows


def main():
    options = arguments(__doc__, CASES)
    results = []
    for name in options.case or CASES:
        results += published() if name == "published" else bench(name, options.rounds)
    write_results("plan.json", results)


if __name__ == "__main__":
    main()
