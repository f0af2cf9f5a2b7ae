#!/usr/bin/env python3
"""`catamaran bench allreduce` against plain MPI_Allreduce and gloo (torch.distributed), fp32 sums in place, in turn.

usage: allreduce.py [--rounds 3] [--case NAME]...       prints a table, writes build/bench/allreduce.json

1, 25 and 100 MiB over 2 and 4 ranks of this machine (4 ranks share its cores). Each side times as many sums in a row as take
about 50 ms, five times a round; seconds are those of the slowest rank, medians over rounds. Ours are those of a run on the CPU: the
communicator that comm.backend = "auto" takes.
  ratio_to_mpi, ratio_to_gloo   time of Catamaran / of the peer over 2 ranks; ..._4_ranks: over 4
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from common import BINARY, arguments, write_results

CASES = {"allreduce_1MiB": 1 << 20, "allreduce_25MiB": 25 << 20, "allreduce_100MiB": 100 << 20}
WORLDS = (2, 4)
SIDES = ("catamaran", "mpi", "gloo")
ROUND_SECONDS, PEER_ROUNDS = 0.05, 5
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")


def output_of(words):
    done = subprocess.run([str(word) for word in words], env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"allreduce.py: {words[0]} failed\n{done.stderr[-2000:]}")
    return done.stdout


def mpirun(world, *words):
    return output_of(["mpirun", "--oversubscribe", "--bind-to", "none", "-n", world, *words])


def run_catamaran(world, sizes):
    done = json.loads(mpirun(world, BINARY, "bench", "allreduce", "--json", "--sizes", ",".join(map(str, sizes)), "--rounds", PEER_ROUNDS))
    return {row["bytes"]: row["seconds"] for row in done["sizes"]}


def run_mpi(world, sizes):
    return {int(size): seconds for size, seconds in json.loads(mpirun(world, BINARY.parent / "mpi_allreduce", *sizes)).items()}


def run_gloo(world, sizes):
    done = output_of([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", world, __file__, "--peer", json.dumps(sizes)])
    return {int(size): seconds for size, seconds in json.loads(done.strip().splitlines()[-1]).items()}


def gloo_peer(sizes):
    import torch
    import torch.distributed as dist
    torch.set_num_threads(1)
    dist.init_process_group("gloo")

    def seconds_of(data, repeats):
        dist.barrier()
        start = time.perf_counter()
        for _ in range(repeats):
            dist.all_reduce(data)
        seconds = torch.tensor((time.perf_counter() - start) / repeats, dtype=torch.float64)
        dist.all_reduce(seconds, dist.ReduceOp.MAX)
        return seconds.item()

    found = {}
    for size in sizes:
        data = torch.zeros(size // 4)
        repeats = max(1, min(2000, int(ROUND_SECONDS / seconds_of(data, 1))))
        seconds_of(data, min(repeats, 10))
        found[size] = statistics.median(seconds_of(data, repeats) for _ in range(PEER_ROUNDS))
    if dist.get_rank() == 0:
        print(json.dumps(found))
    dist.destroy_process_group()


def main():
    given = arguments(__doc__, list(CASES))
    if given.peer:
        return gloo_peer(given.peer)
    cases = given.case or list(CASES)
    sizes = [CASES[case] for case in cases]
    seconds = {(side, world, size): [] for side in SIDES for world in WORLDS for size in sizes}
    for _ in range(given.rounds):
        for world in WORLDS:
            for side, run in zip(SIDES, (run_catamaran, run_mpi, run_gloo)):
                for size, took in run(world, sizes).items():
                    seconds[side, world, size].append(took)
    results = {}
    print(f"{'case':18} {'ranks':>5} {'catamaran ms':>13} {'MPI ms':>9} {'gloo ms':>9} {'ratio_to_mpi':>13} {'ratio_to_gloo':>14}")
    for case in cases:
        results[case] = {}
        for world in WORLDS:
            ours, mpi, gloo = (statistics.median(seconds[side, world, CASES[case]]) for side in SIDES)
            suffix = "" if world == WORLDS[0] else f"_{world}_ranks"
            results[case].update({f"ratio_to_mpi{suffix}": ours / mpi, f"ratio_to_gloo{suffix}": ours / gloo,
                                  f"catamaran_seconds{suffix}": ours, f"mpi_seconds{suffix}": mpi, f"gloo_seconds{suffix}": gloo})
            print(f"{case:18} {world:5} {1e3 * ours:13.2f} {1e3 * mpi:9.2f} {1e3 * gloo:9.2f} {ours / mpi:13.3f} {ours / gloo:14.3f}")
    write_results("allreduce.json", results)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # Python finds what is installed, not what lies about
        main()
