#!/usr/bin/env python3
"""`catamaran predict` against the same model in PyTorch, eager and compiled, in turn.

usage: infer.py [--rounds 3] [--case NAME]...      prints a table, writes build/bench/infer.json

One and two threads, each program bound to as many cores. Catamaran reads, decodes and resizes JPEG files meanwhile; PyTorch (eval
mode, inference_mode, channels_last, eager and torch.compile) takes the same batches from memory, where they lie ready. Images/s count
from the end of the warm-up; memory is the highest resident size of the process, start and compilation included. Medians over rounds.
"""
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from common import BINARY, ROOT, arguments, make_pack, make_pictures, train_command, write_results

CASES = {  # model settings, input size, images of a batch, batches after the warm-up
    "demo_64_b32": (["model.backbone.name=resnet10_narrow", "model.attention.dim=96", "model.attention.heads=4", "model.attention.ffn_dim=192"], 64, 32, 120),
    "cat_lite0_128_b16": (["model.backbone.name=tf_efficientnet_lite0", "model.attention.dim=256", "model.attention.ffn_dim=1024"], 128, 16, 64),
    "cat_resnet50_224_b8": (["model.backbone.name=resnet50"], 224, 8, 12),
    "cat_resnext50_448_b4": (["model.backbone.name=resnext50_32x4d"], 448, 4, 5),
}
WARM_UP = 2  # batches
PEERS = ("eager", "compile")


def make_model(folder, model, size):
    """A model file of random weights: a run of one step."""
    pack = make_pack(folder / "pictures", [[f"c{i}"] for i in range(10)], folder / "pack")
    settings = [*model, f"model.input.size={size}", "model.attention.dropout=0", "data.augment.crop=none", "ema.decay=0", f"data.train={pack}", "batch.global=2",
                "batch.per_device=2", "schedule.max_steps=1", "monitoring.enabled=false"]
    subprocess.run(train_command(settings, folder / "run"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return next((folder / "run/checkpoints").glob("step-*")) / "model.safetensors"


def cores(threads):
    return ["taskset", "-c", ",".join(map(str, range(threads)))]


def run(command, threads, take):
    """take(line) -> True at the end of the warm-up; the last line ends the time. Returns lines after it per second, and MiB."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), TORCHINDUCTOR_COMPILE_THREADS="1")
    job = subprocess.Popen([*cores(threads), *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    began, lines, last = None, 0, None
    for line in job.stdout:
        now = time.perf_counter()
        if began is not None:
            lines, last = lines + 1, now
        elif take(line):
            began = now
    _, status, usage = os.wait4(job.pid, 0)
    job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode != 0:
        sys.exit(f"infer.py: exit {job.returncode} of {' '.join(map(str, command[:6]))} ...")
    return lines / (last - began), usage.ru_maxrss / 1024


def run_catamaran(weights, pictures, batch, threads):
    seen = 0

    def warm(_):
        nonlocal seen
        seen += 1
        return seen == WARM_UP * batch
    return run([BINARY, "predict", "--checkpoint", weights, pictures, "--format", "jsonl", "--batch", batch, "--threads", threads], threads, warm)


def run_peer(kind, weights, size, batch, batches, threads):
    task = json.dumps({"kind": kind, "weights": str(weights), "size": size, "batch": batch, "batches": batches, "threads": threads})
    return run([sys.executable, __file__, "--peer", task], threads, lambda line: line == "warm\n")


def peer(task):
    """As a PyTorch user would write it. Prints a line an image."""
    import torch
    sys.path.insert(0, str(ROOT / "scripts"))
    import cat_pytorch
    torch.set_num_threads(task["threads"])
    model, _, _ = cat_pytorch.load(task["weights"])
    model = model.to(memory_format=torch.channels_last)
    if task["kind"] == "compile":
        model = torch.compile(model)
    x = torch.randn(task["batch"], 3, task["size"], task["size"]).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        for i in range(WARM_UP + task["batches"]):
            if i == WARM_UP:
                print("warm", flush=True)
            probabilities = model(x).sigmoid()
            if i >= WARM_UP:
                print("\n".join(str(p) for p in probabilities[:, 0].tolist()), flush=True)


def bench(name, rounds):
    model, size, batch, batches = CASES[name]
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        make_pictures(folder / "pictures", size, (WARM_UP + batches) * batch)
        weights = make_model(folder, model, size)
        for threads in (1, 2):
            if threads > os.cpu_count():
                continue
            runs = {"catamaran": [], **{kind: [] for kind in PEERS}}
            for number in range(rounds):
                print(f"{name}, {threads} thread(s): round {number + 1} of {rounds}", file=sys.stderr)
                runs["catamaran"].append(run_catamaran(weights, folder / "pictures", batch, threads))
                for kind in PEERS:
                    runs[kind].append(run_peer(kind, weights, size, batch, batches, threads))
            row = {"case": name, "threads": threads, "rounds": rounds}
            for program, figures in runs.items():
                row[program] = {"images_per_second": statistics.median(f[0] for f in figures), "mib": statistics.median(f[1] for f in figures)}
            for kind in PEERS:
                row[f"ratio_to_{kind}"] = statistics.median(ours[0] / theirs[0] for ours, theirs in zip(runs["catamaran"], runs[kind]))
            results.append(row)
    return results


def main():
    options = arguments(__doc__, CASES)
    if options.peer:
        return peer(options.peer)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    results = [row for name in options.case or CASES for row in bench(name, options.rounds)]
    print(f"{'case':22} {'threads':>7} {'img/s':>9} {'eager':>9} {'compile':>9} {'/ eager':>8} {'/ compile':>9} {'MiB':>7} {'eager':>7} {'compile':>8}")
    for r in results:
        ours, eager, compiled = r["catamaran"], r["eager"], r["compile"]
        print(f"{r['case']:22} {r['threads']:7} {ours['images_per_second']:9.1f} {eager['images_per_second']:9.1f} {compiled['images_per_second']:9.1f} "
              f"{r['ratio_to_eager']:8.2f} {r['ratio_to_compile']:9.2f} {ours['mib']:7.0f} {eager['mib']:7.0f} {compiled['mib']:8.0f}")
    write_results("infer.json", results)


if __name__ == "__main__":
    main()
