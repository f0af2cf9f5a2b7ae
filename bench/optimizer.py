#!/usr/bin/env python3
"""One thread's optimizer step on the parameters of CAT-ResNeXt50 against PyTorch's and timm's, in turn, and against the memory.

usage: optimizer.py [--rounds 3] [--case NAME]...       prints a table, writes build/bench/optimizer.json

  adamw         torch.optim.AdamW(fused=True)                     norm      torch.nn.utils.get_total_norm of all gradients
  sgd_nesterov  torch.optim.SGD(foreach=True, nesterov=True)      average   torch._foreach_lerp_, as torch's EMA averages weights
  lars, lamb    timm.optim.Lars, timm.optim.Lamb
Times are a thread's own seconds on the processor, medians over the steps of a round and over rounds. Catamaran's step multiplies the
gradients by a factor (mean, clip) as well; the peers' gradients are taken as they are. The first step must move the weights alike.
  ratio_to_pytorch  seconds of the peer / of Catamaran
  share_of_limit    seconds of a loop that moves the same memory, run beside each step / of Catamaran
"""
import json
import os
import statistics
import subprocess
import sys

from common import ROOT, arguments, write_results

PROGRAM = ROOT / "build/release/bin/bench_optimizer"
CASES = ["adamw", "sgd_nesterov", "lars", "lamb", "norm", "average"]
STEPS = 9
TOLERANCE = 5e-4  # PyTorch's fp32 norm of nine million values is wrong by 1.3e-4
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1")


def run(*command):
    done = subprocess.run([str(part) for part in command], env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr[-2000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def make_optimizer(name, weights):
    import timm.optim
    import torch
    groups = [{"params": [w for w in weights if w.ndim >= 2], "weight_decay": 0.01}, {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0}]
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=0.001, eps=1e-8, fused=True)
    if name == "sgd_nesterov":
        return torch.optim.SGD(groups, lr=0.001, momentum=0.9, nesterov=True, foreach=True)
    if name == "lars":
        return timm.optim.Lars(groups, lr=0.001, momentum=0.9, trust_coeff=1e-3)
    return timm.optim.Lamb(groups, lr=0.001, eps=1e-8, max_grad_norm=None)


def peer(task):
    """A step as a PyTorch user has it; the same weights and gradients as in bench/optimizer.cpp."""
    import time

    import torch
    torch.set_num_threads(1)

    def ramp(shape, start, end):
        return torch.linspace(start, end, torch.Size(shape).numel()).reshape(shape)

    weights = [ramp(shape, -0.05, 0.06).requires_grad_() for shape in task["shapes"]]
    for weight, shape in zip(weights, task["shapes"]):
        weight.grad = ramp(shape, 0.02, -0.01)
    gradients = [weight.grad for weight in weights]
    moved = 0.0
    if task["case"] == "norm":
        moved = torch.nn.utils.get_total_norm(gradients).item()
        step = lambda: torch.nn.utils.get_total_norm(gradients).item()
    elif task["case"] == "average":
        averages, values = [torch.zeros_like(weight) for weight in weights], [weight.detach() for weight in weights]
        step = lambda: torch._foreach_lerp_(averages, values, 0.001)
    else:
        before = [weight.detach().clone() for weight in weights]
        optimizer = make_optimizer(task["case"], weights)
        step = optimizer.step
        step()
        moved = sum((weight.detach().double() - old).abs().sum().item() for weight, old in zip(weights, before))
        del before
    step()
    seconds = []
    for _ in range(STEPS):
        start = time.thread_time()
        step()
        seconds.append(time.thread_time() - start)
    print(json.dumps({"seconds": seconds, "moved": moved}))


def bench(name, shapes, rounds):
    ours, limit, theirs = [], [], []
    for round_number in range(rounds):
        print(f"{name}: round {round_number + 1} of {rounds}", file=sys.stderr)
        mine = run(PROGRAM, name, STEPS)
        other = run(sys.executable, __file__, "--peer", json.dumps({"case": name, "shapes": shapes}))
        if abs(mine["moved"] - other["moved"]) > TOLERANCE * abs(other["moved"]):
            sys.exit(f"optimizer.py: {name}: the first step moved the weights by {mine['moved']}, the peer's by {other['moved']}")
        ours.append(statistics.median(mine["seconds"]))
        limit.append(statistics.median(mine["limit_seconds"]))
        theirs.append(statistics.median(other["seconds"]))
    return {"case": name, "ratio_to_pytorch": statistics.median(b / a for a, b in zip(ours, theirs)),
            "share_of_limit": statistics.median(b / a for a, b in zip(ours, limit)), "seconds": statistics.median(ours),
            "pytorch_seconds": statistics.median(theirs), "limit_seconds": statistics.median(limit), "rounds": rounds}


def main():
    options = arguments(__doc__, CASES)
    if options.peer:
        return peer(options.peer)
    shapes = run(PROGRAM, "shapes")
    results = [bench(name, shapes, options.rounds) for name in options.case or CASES]
    print(f"{'case':14} {'ms':>8} {'PyTorch':>8} {'limit':>8} {'PyTorch /':>10} {'/ limit':>8}")
    for r in results:
        print(f"{r['case']:14} {r['seconds'] * 1e3:8.1f} {r['pytorch_seconds'] * 1e3:8.1f} {r['limit_seconds'] * 1e3:8.1f} "
              f"{r['ratio_to_pytorch']:10.2f} {r['share_of_limit']:8.2f}")
    write_results("optimizer.json", results)


if __name__ == "__main__":
    main()
