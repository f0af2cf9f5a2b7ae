"""Faults that the program does to itself when it is asked to (testing.fault): refused where nobody allows them, and a probe that leaves no trace. What
they do to a job: tests/faults."""
import numpy as np
from runs import SMALL, catamaran, metrics, newest_weights, settings
from safetensors.numpy import load_file


def train(config, run, *pairs, fault="", ranks=2, **more):
    wanted = [f"testing.fault={fault}", "testing.enabled=true"] if fault else []
    return catamaran("train", "--config", config, *settings(*SMALL, *pairs, *wanted), "--run-dir", run, ranks=ranks, **more)


def test_a_fault_is_refused_where_tests_are_not_enabled_or_it_is_none(config, tmp_path):
    done = train(config, tmp_path / "run", "testing.fault=rank=1,step=3,kind=exit", ranks=0, check=False)
    assert done.returncode == 2 and "testing.enabled" in done.stderr
    done = train(config, tmp_path / "run", fault="rank=1,step=3,kind=nap", ranks=0, check=False)
    assert done.returncode == 2 and "rank=1,step=3,kind=nap" in done.stderr and "scale_loss" in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_probe_leaves_no_trace_in_the_run(config, tmp_path):
    for name, every in (("without", 0), ("with", 1)):
        train(config, tmp_path / name, "schedule.max_steps=6", "ema.decay=0.9", f"numerics.probe_every_steps={every}")
    one, two = (load_file(newest_weights(tmp_path / name)) for name in ("without", "with"))
    assert one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)
    assert [line["loss"] for line in metrics(tmp_path / "without")] == [line["loss"] for line in metrics(tmp_path / "with")]
