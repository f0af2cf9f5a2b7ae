"""Reads that stall, as on storage that hangs: the job ends with code 3 and names host, image and pack, and no process waits for the read."""
import os
import re
import socket
import subprocess
import time

import pytest
from runs import ROOT, SMALL, catamaran, settings, wait_for
from test_bad_samples import damaged

HOST = re.escape(socket.gethostname())


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    out = tmp_path_factory.mktemp("preload") / "slow_storage.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", out, ROOT / "tests/fakes/slow_storage.c"], check=True)
    return out


@pytest.fixture
def slow(library, monkeypatch):
    """slow(path, seconds): every program that the test starts then meets such storage."""
    def begin(path, seconds, **more):
        for name, value in {"LD_PRELOAD": library, "SLOW_PATH": path, "SLOW_SECONDS": seconds, **more}.items():
            monkeypatch.setenv(name, str(value))
    return begin


def of_this_test(run):
    """The processes whose command line names the run directory."""
    return [p for p in os.listdir("/proc") if p.isdigit() and str(run).encode() in read(f"/proc/{p}/cmdline")]


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def train(config, run, *pairs, ranks=0):
    """What it said, and whether it ended in time: the time-outs here are 2 s, and a start takes a few seconds."""
    begin = time.monotonic()
    done = catamaran("train", "--config", config, *settings(*SMALL, "schedule.max_steps=20", "data.timeout_seconds=2", *pairs), "--run-dir", run,
                     ranks=ranks, check=False, timeout=120)
    assert time.monotonic() - begin < 40
    wait_for("the ranks' end", lambda: not of_this_test(run), 10)
    return done


def test_a_stalled_read_of_training_ends_the_run(config, packs, tmp_path, slow):
    slow("pack-train/shard", 120)
    done = train(config, tmp_path / "run")
    assert done.returncode == 3, done.stderr
    assert re.search(rf"error: {packs}/pack-train: host {HOST} has been reading image 'train\d+\S*' for \d+\.\d s; see whether the storage", done.stderr), done.stderr
    assert "data.timeout_seconds" in done.stderr and done.stderr.count("error:") == 1
    assert "has been reading image" in (tmp_path / "run/log.jsonl").read_text()


def test_a_stalled_read_of_one_rank_ends_all_and_that_rank_says_it(config, packs, tmp_path, slow):
    slow("pack-train/shard", 120, SLOW_RANK=1)
    done = train(config, tmp_path / "run", "comm.timeout_seconds=60", ranks=2)
    assert done.returncode == 3, done.stderr
    assert re.search(rf"catamaran: rank 1: error: {packs}/pack-train: host {HOST} has been reading image", done.stderr), done.stderr
    assert len(re.findall(r"rank \d: error:", done.stderr)) == 1


def test_a_stalled_read_of_an_evaluation_ends_the_run(config, packs, tmp_path, slow):
    slow("pack-test/shard", 120)
    done = train(config, tmp_path / "run")
    assert done.returncode == 3, done.stderr
    assert re.search(rf"error: {packs}/pack-test: host {HOST} has been reading image 'test\d+", done.stderr), done.stderr


def test_a_slow_read_within_the_time_out_is_waited_for(config, tmp_path, slow):
    slow("pack-test/shard", 0.2)
    done = train(config, tmp_path / "run", "schedule.max_steps=2", "data.threads=8")
    assert done.returncode == 0, done.stderr


def test_a_measurement_of_the_loader_ends_where_a_read_stalls(packs, slow):
    slow("pack-train/shard", 120)
    done = catamaran("bench", "loader", "--data", packs / "pack-train", *settings("data.timeout_seconds=1"), check=False, timeout=60)
    assert done.returncode == 3 and "has been reading image" in done.stderr, done.stderr


def test_a_copy_to_scratch_that_stalls_ends_all_ranks_and_the_next_one_tidies_up(config, packs, tmp_path, slow):
    slow("pack-train/shard", 120)
    done = train(config, tmp_path / "run", f"data.stage={tmp_path}/scratch", ranks=2)
    assert done.returncode == 3, done.stderr
    assert re.search(rf"error: {packs}/pack-train: host {HOST} has been copying shard-00000.h5 to {tmp_path}/scratch for \d+\.\d s", done.stderr), done.stderr
    assert done.stderr.count("error:") == 1
    assert not (tmp_path / "run").exists(), "a failed start leaves no run directory"
    slow("pack-train/shard", 0)
    train(config, tmp_path / "run", "schedule.max_steps=1", f"data.stage={tmp_path}/scratch", ranks=2)
    assert not [file for file in os.listdir(tmp_path / "scratch") if ".tmp." in file]


def test_a_pack_that_cannot_be_staged_is_copied_by_one_rank_alone(config, packs, tmp_path, slow):
    damaged(packs, tmp_path / "pack", [5])
    slow("pack/shard", 0.5, SLOW_LOG=tmp_path / "reads")
    done = train(config, tmp_path / "run", f"data.train={tmp_path}/pack", f"data.stage={tmp_path}/scratch", "batch.global=18", ranks=3)
    assert done.returncode == 3, done.stderr
    assert "shard-00000.h5: the copy's SHA-256 is not the one in pack.json" in done.stderr and done.stderr.count("error:") == 1
    assert (tmp_path / "reads").read_text() == "read\n", "the others do not copy it again"


def test_ranks_of_one_job_stage_once_and_train_from_the_copy(config, tmp_path, slow):
    slow("pack-train/shard", 0, SLOW_LOG=tmp_path / "reads")
    done = train(config, tmp_path / "run", "schedule.max_steps=2", f"data.stage={tmp_path}/scratch", "batch.global=18", ranks=3)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reads").read_text() == "read\n"
