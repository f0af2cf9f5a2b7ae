"""Rows 8, 8b, 9 and 36: one flipped bit, one wrong gradient, ranks that exchange different gradients, and errors of GPUs that are not there."""
import json
import os
import re
import socket
import subprocess

import pytest
from jobs import injected, latest, one_message, require_all_is_well, train_words
from runs import catamaran, metrics


def failure(run):
    return json.loads((run / "failure.json").read_text())


# A rate that moves nothing: an average forgets what lies below rounding. The flip and the comparison come after the same step.
STILL = ["ema.decay=0.9", "optimizer.name=sgd", "optimizer.learning_rate=1e-30", "numerics.consistency_every_steps=5", "schedule.max_steps=20"]
FLIPS = {"weight": ("flip_weight", [], r"tensor '(?!average/)"), "optimizer slot": ("flip_optimizer", [], "tensor '"),
         "average of weights": ("flip_average", [], "tensor 'average/"),
         "statistic of batch norm over all ranks": ("flip_buffer", ["model.backbone.bn=sync"], r"tensor '\S+running_"),
         "frozen statistic of batch norm": ("flip_buffer", ["model.backbone.bn=frozen"], r"tensor '\S+running_")}


@pytest.mark.parametrize("case", FLIPS)
def test_row_08_one_flipped_bit_is_found_named_and_in_no_checkpoint(config, tmp_path, record, case):
    run = tmp_path / "run"
    kind, pairs, tensor = FLIPS[case]
    done = catamaran(*train_words(config, run, *STILL, *pairs, *injected(f"rank=1,step=5,kind={kind}")), ranks=2, check=False)
    assert done.returncode == 6, done.stderr
    one_message(done.stderr, tensor, "differs from rank 0 on rank 1", "consistency check at step 5")
    assert latest(run) == "step-00000003"
    require_all_is_well(run)
    record(8, "ranks differ by one bit", f"testing.fault: the lowest bit of one {case}, of rank 1",
           "exit 6 at the next comparison; tensor and rank named, the checkpoint before it is the newest")


def test_row_08_a_comparison_comes_before_each_checkpoint_too(config, tmp_path, record):
    run = tmp_path / "run"
    done = catamaran(*train_words(config, run, "numerics.consistency_every_steps=0", "schedule.max_steps=20", *injected("rank=1,step=6,kind=flip_weight")),
                     ranks=2, check=False)
    assert done.returncode == 6, done.stderr
    one_message(done.stderr, "differs from rank 0 on rank 1", "consistency check at step 6")
    assert latest(run) == "step-00000003"
    require_all_is_well(run)
    record(8, "ranks differ by one bit", "the same of a weight, numerics.consistency_every_steps = 0", "exit 6 before the next checkpoint is written")


def test_row_08_statistics_that_each_rank_takes_for_itself_differ_by_design(config, tmp_path, record):
    run = tmp_path / "run"
    pairs = ["numerics.consistency_every_steps=1", "schedule.max_steps=8"]
    catamaran(*train_words(config, run, *pairs, *injected("rank=1,step=5,kind=flip_buffer")), ranks=2)
    assert len(metrics(run)) == 8
    require_all_is_well(run)
    record(8, "ranks differ by one bit", 'the same of a statistic of batch norm, model.backbone.bn = "local"',
           "not found: with local batch norm each rank has statistics of its own; their mean over ranks is what is evaluated and saved, so a bit is a rounding")


def test_row_08b_a_wrong_gradient_is_found_by_the_probe_and_its_rank_and_host_are_named(config, tmp_path, record):
    run = tmp_path / "run"
    pairs = ["batch.global=24", "batch.per_device=8", "numerics.probe_every_steps=2", "schedule.max_steps=20"]
    done = catamaran(*train_words(config, run, *pairs, *injected("rank=1,step=4,kind=flip_gradient")), ranks=3, check=False)
    assert done.returncode == 6, done.stderr
    one_message(done.stderr, "rank 1 on .* computes other gradients than the others", "probe at step 4", "bad node: start again without")
    assert failure(run)["kind"] == "bad node" and failure(run)["exclude_hosts"] == [socket.gethostname()]
    require_all_is_well(run)
    record("8b", "wrong gradient before the exchange", "testing.fault: an exponent bit of one gradient of rank 1 of 3, numerics.probe_every_steps = 2",
           "exit 6 at the probe; rank and host named, the host in exclude_hosts of failure.json; the checkpoint before goes on")


BUCKETS = ["reducer.first_bucket_bytes=100000", "reducer.bucket_bytes=200000", "reducer.last_bucket_bytes=100000", "comm.timeout_seconds=5"]
MISMATCHES = {"skip_bucket": "rank 1 leaves a bucket out", "swap_buckets": "rank 1 takes the second bucket before the first",
              "cut_bucket": "a bucket of rank 1 is one number shorter"}


@pytest.mark.parametrize("kind", MISMATCHES)
def test_row_09_ranks_that_sum_different_buckets_are_ended_and_both_operations_are_told(config, tmp_path, record, kind):
    run = tmp_path / "run"
    done = catamaran(*train_words(config, run, *BUCKETS, *injected(f"rank=1,step=5,kind={kind}")), ranks=2, check=False)
    assert done.returncode == 5, done.stderr
    one = r"\d+ elements of type \d+ at byte \d+ of memory \d+"
    assert re.search(rf"error: .*the ranks have started different all-reduces: rank \d has {one}, this one {one}", done.stderr), done.stderr
    assert len(metrics(run)) == 4 and failure(run)["kind"] == "bug"
    require_all_is_well(run)
    record(9, "ranks sum different buckets", f"testing.fault: {MISMATCHES[kind]}", "exit 5 in that step, without a time-out; both operations in the message")


@pytest.mark.parametrize("kind", MISMATCHES)
def test_row_09_ranks_that_sum_different_buckets_over_mpi_are_ended_within_the_time_out(config, tmp_path, record, kind):
    """What MPI makes of it is its own: an error, a wait that ends at the time-out, or wrong sums, which the digest in the step's sums finds."""
    run = tmp_path / "run"
    done = catamaran(*train_words(config, run, *BUCKETS, "comm.backend=mpi", *injected(f"rank=1,step=5,kind={kind}")), ranks=2, check=False)
    assert done.returncode == 5, done.stderr
    assert re.search(r"error: .*(all-reduce|the ranks have exchanged different gradients)", done.stderr), done.stderr
    assert len(metrics(run)) == 4, "the step is not applied"
    require_all_is_well(run)
    record(9, "ranks sum different buckets", f"the same by MPI: {MISMATCHES[kind]}",
           "exit 5 within the time-out, the step not applied; MPI's own error, or both operations")


def test_row_36_errors_of_gpus_and_nccl_say_whether_node_or_program_is_to_blame(record):
    test = os.environ.get("CATAMARAN_NCCL_TEST")
    if not test:
        pytest.skip("CATAMARAN_NCCL_TEST names no test program: a build without NCCL has none")
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    done = subprocess.run(["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", test, "--gtest_filter=NcclFaults.*"], env=environment,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Row36" in done.stdout, done.stdout
    record(36, "errors of GPUs and NCCL",
           "libraries that stand for CUDA's and NCCL's (tests/fakes): ECC, NVLink, launch failures, ncclRemoteError, ncclSystemError, hangs",
           "an error that names rank, host and collective, and is retryable, bad node or bug")
