"""comm.bind from outside: the CPUs that the kernel says each thread of each rank may run on, while it trains."""
import json
import os
import pathlib

import pytest
from runs import SMALL, command, metrics, ranks_of, running, settings, wait_for
from test_bad_input import refused

CPUS = sorted(os.sched_getaffinity(0))
CORES = {pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/core_cpus_list").read_text() for cpu in CPUS}
pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="one core cannot be divided")


def listed(text):
    cpus = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def allowed(process):
    """Of each thread of a process."""
    found = {}
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        try:
            lines = (task / "status").read_text().splitlines()
        except OSError:  # it has ended meanwhile
            continue
        found[int(task.name)] = next(listed(line.split(":")[1]) for line in lines if line.startswith("Cpus_allowed_list"))
    return found


def life_of(run):
    return json.loads((run / "manifest.json").read_text())["lives"][-1]


def trained(config, run, *pairs, ranks=2, launcher=None):
    """CPUs by rank and thread in the middle of a run that goes on for ever, and the life in its manifest; the run's output."""
    words, environment = command(["train", "--config", config, *settings(*SMALL, "schedule.epochs=1000000", "data.eval=", "checkpoint.every_epochs=1000000",
                                                                         "data.threads=2", *pairs), "--run-dir", run], ranks)
    if launcher:
        words = [*launcher, *words[words.index("-n"):]]
    with running(words, environment) as job:
        wait_for("steps", lambda: (run / "metrics.jsonl").exists() and len(metrics(run)) > 3)
        cpus = {rank: allowed(process) for rank, process in ranks_of(job).items()}
        life = life_of(run)
        job.terminate()
        output = job.communicate()[0]
    assert set(cpus) == set(range(ranks))
    return cpus, life, output


def masks(cpus):
    """Of each rank the one mask that all of its threads have."""
    found = []
    for rank in sorted(cpus):
        threads = list(cpus[rank].values())
        assert len(threads) > 2 and all(mask == threads[0] for mask in threads), f"rank {rank}: {cpus[rank]}"
        found.append(threads[0])
    return found


def test_ranks_that_share_a_node_divide_its_cores_and_all_their_threads_obey(config, tmp_path):
    cpus, life, output = trained(config, tmp_path / "run")
    one, other = masks(cpus)
    assert one and other and not set(one) & set(other) and set(one) | set(other) <= set(CPUS)
    assert life["bind"] == "auto" and [listed(text) for text in life["cpus"]] == [one, other]
    assert output.count("cores: each of the 2 ranks of the node takes") == 1


def test_none_leaves_them_as_they_are(config, tmp_path):
    cpus, life, output = trained(config, tmp_path / "run", "comm.bind=none")
    assert masks(cpus) == [CPUS, CPUS]
    assert life["bind"] == "none" and [listed(text) for text in life["cpus"]] == [CPUS, CPUS] and "cores: " not in output


def test_what_the_launcher_bound_stays(config, tmp_path):
    cpus, life, output = trained(config, tmp_path / "run", launcher=["mpirun", "--bind-to", "core"])
    one, other = masks(cpus)
    assert not set(one) & set(other) and "the launcher has bound the ranks, and so they stay" in output
    assert [listed(text) for text in life["cpus"]] == [one, other]


def test_ranks_that_are_more_than_cores_share_them(config, tmp_path):
    under = ["taskset", "-c", str(CPUS[0]), "mpirun", "--oversubscribe", "--bind-to", "none"]
    cpus, _, output = trained(config, tmp_path / "run", launcher=under)
    assert masks(cpus) == [[CPUS[0]]] * 2 and "the 2 ranks of the node share 1 core, fewer than one each" in output


def test_core_is_refused_where_it_cannot_be_had(config, tmp_path):
    message = refused(2, "train", "--config", config, *settings(*SMALL, "comm.bind=core"), "--run-dir", tmp_path / "run", ranks=2, under=["taskset", "-c", str(CPUS[0])])
    assert "comm.bind: 'core' cannot be had on " in message and "fewer than one each" in message
    assert not (tmp_path / "run").exists()


def test_an_unknown_way_to_bind_is_refused(config):
    assert "comm.bind: 'cpu' is not known" in refused(2, "config", "check", "--config", config, "--set", "comm.bind=cpu")


def test_one_rank_keeps_all_cores(config, tmp_path):
    cpus, life, output = trained(config, tmp_path / "run", ranks=1)
    assert masks(cpus) == [CPUS] and "cores: " not in output
