"""`catamaran train --trace`: RUN/trace.json, as a viewer of Chrome's trace format reads it."""
import json

import pytest
from runs import SMALL, catamaran, settings

STEPS = ["schedule.max_steps=8", "data.prefetch_batches=1", "trace.first_step=3", "trace.steps=3", "data.threads=2", "reducer.bucket_bytes=100000", "reducer.first_bucket_bytes=20000"]


def strict(path):
    def refuse(word):
        raise ValueError(word)
    return json.loads(path.read_text(), parse_constant=refuse)


def by_lane(events, rank):
    lanes = {e["tid"]: e["args"]["name"] for e in events if e["pid"] == rank and e["name"] == "thread_name"}
    found = {}
    for event in events:
        if event["ph"] == "X" and event["pid"] == rank:
            found.setdefault(lanes[event["tid"]], []).append(event)
    return found


def require_nested(events):
    """Events of a lane lie beside each other or one inside the other; a viewer draws nothing else."""
    open_until = []
    for event in sorted(events, key=lambda e: (e["ts"], -e["dur"])):
        start, end = event["ts"], event["ts"] + event["dur"]
        while open_until and open_until[-1] <= start + 0.002:
            open_until.pop()
        assert not open_until or end <= open_until[-1] + 0.002, event
        open_until.append(end)


@pytest.mark.parametrize("ranks", [0, 2])
def test_a_trace_holds_the_steps_asked_for_of_every_rank(config, tmp_path, ranks):
    run = tmp_path / "run"
    done = catamaran("train", "--config", config, "--trace", *settings(*SMALL, *STEPS), "--run-dir", run, ranks=ranks)
    assert str(run / "trace.json") in done.stdout + done.stderr and "ui.perfetto.dev" in done.stdout + done.stderr
    events = strict(run / "trace.json")
    assert {e["pid"] for e in events} == set(range(max(1, ranks)))
    assert {e["ph"] for e in events} == {"X", "M"}
    assert all(e["ts"] >= 0 and e["dur"] >= 0 for e in events if e["ph"] == "X")
    spans = {}
    for rank in range(max(1, ranks)):
        lanes = by_lane(events, rank)
        steps = lanes["step loop"]
        require_nested(steps)
        assert [e["args"]["step"] for e in steps if e["name"] == "step"] == [3, 4, 5]
        for name in ("data wait", "to device", "forward", "backward", "wait for exchange", "optimizer", "average of weights"):
            assert sum(e["name"] == name for e in steps) == 3, name
        assert any(lane.startswith("loader") for lane in lanes)
        for lane, inside in lanes.items():
            if lane.startswith("loader"):
                require_nested(inside)
        spans[rank] = [(e["ts"], e["ts"] + e["dur"], e["args"]["bytes"]) for e in lanes.get("gradient exchange", [])]
        assert strict(run / f"trace/rank-{rank:05d}.json")
    if ranks == 2:  # on one clock: no rank ends a sum before the other has started it
        assert len(spans[0]) > 3 and [s[2] for s in spans[0]] == [s[2] for s in spans[1]]
        assert all(a[0] < b[1] and b[0] < a[1] for a, b in zip(spans[0], spans[1]))
    forward = {rank: [e["ts"] for e in by_lane(events, rank)["step loop"] if e["name"] == "step"] for rank in spans}
    if ranks == 2:  # ranks begin a step together, after the sums of the step before
        length = max(e["dur"] for e in events if e["name"] == "step")
        assert all(abs(a - b) < length for a, b in zip(forward[0], forward[1]))


def test_the_end_of_a_traced_run_is_in_it(config, tmp_path):
    run = tmp_path / "run"
    catamaran("train", "--config", config, *settings(*SMALL, "trace.enabled=true", "trace.first_step=1", "schedule.max_steps=2"), "--run-dir", run)
    lanes = by_lane(strict(run / "trace.json"), 0)
    assert {"evaluation", "checkpoint stall"} <= {e["name"] for e in lanes["step loop"]}
    write, = lanes["checkpoint writer"]
    assert write["args"]["bytes"] > 0


def test_a_run_without_trace_writes_none_and_a_window_that_never_came_is_said(config, tmp_path):
    catamaran("train", "--config", config, *settings(*SMALL, "schedule.max_steps=2"), "--run-dir", tmp_path / "plain")
    assert not (tmp_path / "plain/trace.json").exists()
    done = catamaran("train", "--config", config, "--trace", *settings(*SMALL, "schedule.max_steps=2"), "--run-dir", tmp_path / "late")
    assert "trace.first_step" in done.stdout + done.stderr and not (tmp_path / "late/trace.json").exists()
    wrong = catamaran("train", "--config", config, *settings("trace.steps=0"), "--run-dir", tmp_path / "wrong", check=False)
    assert wrong.returncode == 2 and "trace.steps" in wrong.stderr
