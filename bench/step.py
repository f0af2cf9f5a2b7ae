#!/usr/bin/env python3
"""A training step of Catamaran against PyTorch DistributedDataParallel (gloo), the same model, batch and optimizer, in turn.

usage: step.py [--rounds 3] [--case NAME]...       prints a table, writes build/bench/step.json

2 ranks x 1 thread. Per round and case: Catamaran (its own JPEG loader included), PyTorch DDP (channels_last, batches already
in memory), and the limit: two Catamaran ranks side by side without any exchange; in turn, every other round the other way round.
Numbers are medians over the steps after warm-up, ratios medians over the rounds.
  ratio_to_ddp     images/s of Catamaran / images/s of DDP        share_of_limit   Catamaran / the limit
  overhead_share   share of a step that is not forward, backward, optimizer or waiting for the exchange; the wait for data is in it
  exchange_share   share of a step in which this rank waited for the exchange after backward: for sums, and for a slower rank
  hidden_share     share of the time in which an all-reduce was under way that the backward pass hid
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

from common import ROOT, arguments, make_pack, make_pictures, train_command, write_results

DEMO = ["model.input.size=64", "model.backbone.name=resnet10_narrow", "model.attention.dim=96", "model.attention.heads=4", "model.attention.ffn_dim=192", "model.head.pool=topk"]
CASES = {  # model settings, images a rank, steps after warm-up
    "demo_64_b32": (DEMO, 32, 40),
    "demo_64_b4": (DEMO, 4, 120),
    "cat_resnext50_224": (["model.input.size=224", "model.backbone.name=resnext50_32x4d"], 4, 4),
}
COMMON = ["model.attention.dropout=0", "data.augment.crop=none", "ema.decay=0", "comm.threads_per_rank=1", "monitoring.enabled=false",
          "schedule.name=constant", "optimizer.name=adamw", "optimizer.learning_rate=1e-4", "checkpoint.every_epochs=0", "evaluate.every_epochs=0",
          "numerics.consistency_every_steps=0", "data.allow_overlap=true", "schedule.epochs=1000"]
EXCHANGE = ("exchange_exposed_seconds", "sums_seconds")
WORK = ("to_device_seconds", "forward_seconds", "backward_seconds", "optimizer_seconds", *EXCHANGE)  # what is no overhead of ours
WARM_UP = 3
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1")


def make_data(folder, size):
    random = Random(1)
    make_pictures(folder / "pictures", size, 128)
    return make_pack(folder / "pictures", [[f"c{c}" for c in range(10) if random.random() < 0.3] for _ in range(128)], folder / "pack")


def command(model, pack, batch, steps, run):
    settings = [*model, *COMMON, f"data.train={pack}", f"batch.global={batch}", f"batch.per_device={batch}", f"schedule.max_steps={steps}"]
    return train_command(settings, run)


def read_steps(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][WARM_UP:]
    seconds = statistics.median(line["step_seconds"] for line in lines)
    exchange = statistics.median(sum(line[part] for part in EXCHANGE) / line["step_seconds"] for line in lines)
    overhead = statistics.median(1 - sum(line[part] for part in WORK) / line["step_seconds"] for line in lines)
    hidden = statistics.median(max(0, 1 - line["exchange_exposed_seconds"] / line["all_reduce_seconds"]) if line["all_reduce_seconds"] > 0 else 1 for line in lines)
    return {"seconds": seconds, "overhead": overhead, "exchange": exchange, "hidden": hidden}


def run_catamaran(model, pack, batch, steps, folder):
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    subprocess.run(["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", *command(model, pack, 2 * batch, steps, run)], check=True,
                   env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return read_steps(run)


def run_limit(model, pack, batch, steps, folder):
    """Two ranks side by side that do not talk to each other."""
    runs = [folder / "alone-0", folder / "alone-1"]
    for run in runs:
        shutil.rmtree(run, ignore_errors=True)
    jobs = [subprocess.Popen(command(model, pack, batch, steps, run), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for run in runs]
    for job in jobs:
        if job.wait() != 0:
            sys.exit("step.py: a run without exchange failed")
    return sum(batch / read_steps(run)["seconds"] for run in runs)


def run_ddp(model, batch, steps):
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", __file__, "--peer",
                           json.dumps({"model": model, "batch": batch, "steps": steps})], env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr[-2000:])
    return 2 * batch / float(done.stdout.strip().splitlines()[-1])


def ddp_parts(task):
    """Model, optimizer and a batch of one DDP rank, as a PyTorch user would write it."""
    import torch
    from torch.nn.parallel import DistributedDataParallel
    sys.path.insert(0, str(ROOT / "scripts"))
    import cat_pytorch as cat_reference
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    options = dict(cat_reference.SMALL_OPTIONS, **{"attention.dim": 512, "attention.heads": 8, "attention.ffn_dim": 2048})
    for setting in task["model"]:
        key, value = setting.removeprefix("model.").split("=")
        options[key] = type(options[key])(value)
    torch.manual_seed(1)
    model = cat_reference.Cat(options, 10).to(memory_format=torch.channels_last)
    model = DistributedDataParallel(model, gradient_as_bucket_view=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    x = torch.randn(task["batch"], 3, options["input.size"], options["input.size"]).to(memory_format=torch.channels_last)
    y = (torch.rand(task["batch"], 10) < 0.3).float()
    return model, optimizer, x, y


def ddp_step(model, optimizer, x, y):
    import torch
    optimizer.zero_grad(set_to_none=True)
    torch.nn.functional.binary_cross_entropy_with_logits(model(x), y).backward()
    optimizer.step()


def peer(task):
    import time

    import torch
    parts = ddp_parts(task)
    times = []
    for _ in range(task["steps"]):
        start = time.perf_counter()
        ddp_step(*parts)
        times.append(time.perf_counter() - start)
    if torch.distributed.get_rank() == 0:
        print(statistics.median(times[WARM_UP:]))
    torch.distributed.destroy_process_group()


def bench(name, rounds):
    model, batch, steps = CASES[name]
    size = int(model[0].split("=")[1])
    rows = {"catamaran": [], "ddp": [], "limit": []}
    found = []  # of each run of Catamaran
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        pack = make_data(folder, size)
        for round_number in range(rounds):
            print(f"{name}: round {round_number + 1} of {rounds}", file=sys.stderr)
            jobs = [("catamaran", lambda: run_catamaran(model, pack, batch, steps + WARM_UP, folder)), ("ddp", lambda: run_ddp(model, batch, steps + WARM_UP)),
                    ("limit", lambda: run_limit(model, pack, batch, steps + WARM_UP, folder))]
            for job, work in jobs if round_number % 2 == 0 else jobs[::-1]:
                done = work()
                if job == "catamaran":
                    found.append(done)
                    done = 2 * batch / done["seconds"]
                rows[job].append(done)
    ratio = statistics.median(a / b for a, b in zip(rows["catamaran"], rows["ddp"]))
    share = statistics.median(a / b for a, b in zip(rows["catamaran"], rows["limit"]))
    return {"case": name, "ratio_to_ddp": ratio, "share_of_limit": share, "overhead_share": statistics.median(run["overhead"] for run in found),
            "exchange_share": statistics.median(run["exchange"] for run in found), "hidden_share": statistics.median(run["hidden"] for run in found),
            "catamaran_images_per_second": statistics.median(rows["catamaran"]), "ddp_images_per_second": statistics.median(rows["ddp"]),
            "limit_images_per_second": statistics.median(rows["limit"]), "rounds": rounds, "images_per_rank": batch}


def main():
    options = arguments(__doc__, CASES)
    if options.peer:
        return peer(options.peer)
    results = [bench(name, options.rounds) for name in options.case or CASES]
    print(f"{'case':20} {'img/s':>9} {'DDP':>9} {'limit':>9} {'/ DDP':>7} {'/ limit':>8} {'overhead':>9} {'exchange':>9} {'hidden':>7}")
    for r in results:
        print(f"{r['case']:20} {r['catamaran_images_per_second']:9.1f} {r['ddp_images_per_second']:9.1f} {r['limit_images_per_second']:9.1f} "
              f"{r['ratio_to_ddp']:7.2f} {r['share_of_limit']:8.2f} {r['overhead_share']:9.1%} {r['exchange_share']:9.1%} {r['hidden_share']:7.1%}")
    write_results("step.json", results)


if __name__ == "__main__":
    main()
