"""bench allreduce from outside: alone, under mpirun, by --ranks; what it prints, writes and refuses."""
import json

import pytest
from runs import catamaran
from test_bad_input import refused


def check(measured, world, backend, sizes):
    assert measured["format_version"] == 1 and measured["world"] == world and measured["nodes"] == 1 and measured["backend"] == backend
    assert measured["type"] == "float32" and measured["host"]
    assert [row["bytes"] for row in measured["sizes"]] == sizes
    for row in measured["sizes"]:
        assert row["wrong_elements"] == 0 and row["seconds"] > 0 and row["count"] == row["bytes"] // 4
        assert row["algorithm_bytes_per_second"] == pytest.approx(row["bytes"] / row["seconds"])
        assert row["bus_bytes_per_second"] == pytest.approx(row["algorithm_bytes_per_second"] * 2 * (world - 1) / world)


@pytest.mark.parametrize("backend, name", [("auto", "node"), ("node", "node"), ("mpi", "mpi")])
def test_all_sums_are_right_and_measured_under_mpirun(backend, name):
    done = catamaran("bench", "allreduce", "--sizes", "4,4KiB,1MiB,3MiB", "--rounds", 2, "--backend", backend, "--json", ranks=3)
    measured = json.loads(done.stdout)
    check(measured, 3, name, [4, 4096, 1 << 20, 3 << 20])
    assert measured["bandwidth_bytes_per_second"] > 0 and measured["latency_seconds"] >= 0


@pytest.mark.parametrize("progress", ["thread", "none"])
def test_a_thread_moves_the_same_sums_on(progress):
    done = catamaran("bench", "allreduce", "--sizes", "64KiB,1MiB", "--rounds", 1, "--progress", progress, "--json", ranks=2)
    check(json.loads(done.stdout), 2, "node", [1 << 16, 1 << 20])


def test_starts_its_ranks_itself_and_writes_what_it_printed(tmp_path):
    done = catamaran("bench", "allreduce", "--ranks", 2, "--sizes", "64KiB,1MiB", "--rounds", 1, "--out", tmp_path / "network.json", "--json")
    written = json.loads((tmp_path / "network.json").read_text())
    assert written == json.loads(done.stdout)
    check(written, 2, "node", [1 << 16, 1 << 20])


def test_prints_a_table_for_people():
    said = catamaran("bench", "allreduce", "--sizes", "4KiB,1MiB", "--rounds", 1, ranks=2).stdout
    assert "2 rank(s) on 1 node(s), backend node" in said and "bus GB/s" in said and "wrong" in said
    assert "1 MiB" in said and "262144" in said and "time = " in said


def test_alone_it_measures_a_world_of_one():
    check(json.loads(catamaran("bench", "allreduce", "--sizes", "1MiB", "--rounds", 1, "--json").stdout), 1, "self", [1 << 20])


@pytest.mark.parametrize("arguments, says", [
    (["--sizes", "1MB"], "'1MB' is no size"), (["--sizes", "6"], "whole number of fp32 values"), (["--backend", "gloo"], "comm.backend"),
    (["--progress", "fast"], "comm.progress"), (["--out", "/proc/x.json"], "/proc")])
def test_what_cannot_be_is_refused_before_ranks_start(arguments, says):
    assert says in refused(2, "bench", "allreduce", *arguments)
