"""`catamaran sweep`: points from a file, run several at once without a scheduler, stopped, killed, gone on with, shown."""
import csv
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest
from runs import BINARY, ROOT, SMALL, catamaran, metrics, running, wait_for

SHIPPED = sorted((ROOT / "configs/sweeps").glob("*.toml"))
THROWS = '"testing.enabled" = true\n"testing.fault" = "rank=0,step=3,kind=throw"\n'
SLOW = '"testing.enabled" = true\n"testing.fault" = "rank=0,step=1,kind=slow,value=0.15"\n'


def toml_line(pair):
    key, value = pair.split("=", 1)
    try:
        float(value)
    except ValueError:
        value = value if value in ("true", "false") else json.dumps(value)
    return f"{key} = {value}\n"


@pytest.fixture
def sweep(packs, tmp_path):
    """Writes a sweep of short runs: an epoch is 6 steps of 16 images; one thread each."""
    base = [*SMALL, f"data.train={packs}/pack-train", f"data.eval={packs}/pack-test", "batch.global=16", "batch.per_device=16", "schedule.epochs=1"]
    (tmp_path / "base.toml").write_text("".join(map(toml_line, base)))

    def write(text, name="s.toml"):
        (tmp_path / name).write_text(f'config = "base.toml"\nout = "{tmp_path}/out"\n{text}')
        return tmp_path / name
    return write


def seeds(count, failing=()):
    """Points that differ in run.seed; those in `failing` throw at their third step."""
    return "".join(f'[[axes.list]]\n"run.seed" = {seed}\n{THROWS if seed in failing else ""}' for seed in range(1, count + 1))


def shown(what):
    return json.loads(catamaran("sweep", "show", what, "--json").stdout)


def points(what):
    """By index."""
    return sorted(shown(what)["points"], key=lambda point: point["index"])


def states(what):
    return [point["state"] for point in points(what)]


def lives(point):
    manifest = pathlib.Path(point["folder"]) / "manifest.json"
    return len(json.loads(manifest.read_text())["lives"]) if manifest.exists() else 0


def steps(point):
    return [line["step"] for line in metrics(pathlib.Path(point["folder"]))]


def outcome(point):
    return json.loads((pathlib.Path(point["folder"]) / "outcome.json").read_text())


def run(file, *more, check=True, **kwargs):
    return catamaran("sweep", "run", file, *more, check=check, **kwargs)


def started(*arguments):
    return running([BINARY, *arguments], dict(os.environ))


def wait_until_they_train(file, count):
    logs = [pathlib.Path(point["folder"]) / "metrics.jsonl" for point in points(file)]
    wait_for("the first steps", lambda: sum(log.exists() and log.read_bytes().count(b"\n") >= 3 for log in logs) >= count)


# What ships


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_sweep_plans_without_problems(file):
    plan = json.loads(catamaran("sweep", "plan", file, "--no-sizes", "--json", cwd=ROOT).stdout)
    assert len(plan["points"]) == len({point["id"] for point in plan["points"]}) >= 6 and not plan["duplicates"]
    assert len({point["samples"] for point in plan["points"]}) == 1, "every batch sees as many images"
    assert all(point["batch"] * point["steps"] == point["samples"] for point in plan["points"])


def test_the_shipped_sweeps_are_what_they_say():
    assert {"demo", "demo_search", "large_batch"} <= {file.stem for file in SHIPPED}
    plan = json.loads(catamaran("sweep", "plan", ROOT / "configs/sweeps/large_batch.toml", "--no-sizes", "--json", cwd=ROOT).stdout)
    assert {point["batch"] for point in plan["points"]} == {2 ** k for k in range(5, 14)}
    assert {point["values"]["optimizer.name"] for point in plan["points"]} == {'"sgd"', '"lars"', '"lamb"'}
    assert all(point["values"]["optimizer.scaling"] == ('"sqrt"' if point["values"]["optimizer.name"] == '"lamb"' else '"linear"') for point in plan["points"])


def test_the_example_of_the_page_plans_without_problems(tmp_path):
    page = (ROOT / "docs/sweeps.md").read_text()
    block = page.partition("## An example with everything in it\n\n")[2].partition("\n\nKeys of the configuration")[0]
    text = "".join(line.removeprefix("    ") + "\n" for line in block.splitlines())
    assert 'config = "../coco2014' in text
    (tmp_path / "rates.toml").write_text(text.replace('"../coco2014', f'"{ROOT}/configs/coco2014'))
    plan = json.loads(catamaran("sweep", "plan", tmp_path / "rates.toml", "--no-sizes", "--json", cwd=tmp_path).stdout)
    assert len(plan["points"]) == 2 * 2 * 2 * 2 * 20 * 3 and not plan["duplicates"] and len(plan["groups"]) == 320
    for point in plan["points"]:
        values = point["values"]
        assert ("optimizer.trust_cap" in values) == (values["optimizer.name"] == '"lamb"')
        assert ("model.head.topk" in values) == (values["model.head.pool"] == '"topk"')
        assert point["samples"] == 3_276_800


# Planning


def test_a_plan_writes_nothing_and_tells_points_steps_and_cost(sweep, tmp_path):
    file = sweep('samples = 192\nseeds = [1, 2]\n[axes.grid]\n"batch.global" = [16, 32, 64]\n')
    done = catamaran("sweep", "plan", file, "--step-seconds", 0.5, "--ranks-per-node", 4)
    assert "sweep s: 6 points" in done.stdout and "6 pending" in done.stdout and "with work left: 0-5" in done.stdout
    plan = json.loads(catamaran("sweep", "plan", file, "--step-seconds", 0.5, "--json").stdout)
    assert not (tmp_path / "out").exists()
    assert [point["steps"] for point in plan["points"]] == [12, 12, 6, 6, 3, 3]
    cost = plan["cost"]
    assert (cost["points"], cost["steps"], cost["samples"]) == (6, 42, 6 * 192)
    # 0.5 s for 16 images, which is a step of the first two points and parts of a step of the others
    assert cost["node_hours"] == pytest.approx(6 * 192 / 16 * 0.5 / 3600, rel=0.05)
    assert cost["disk_bytes"] > 1e6
    table = list(csv.DictReader(io.StringIO(catamaran("sweep", "plan", file, "--csv").stdout)))
    assert [(row["batch.global"], row["run.seed"], row["state"]) for row in table][2] == ("32", "1", "pending")


def test_ranks_that_a_batch_cannot_be_cut_for_are_told_before_anything_starts(sweep, tmp_path):
    file = sweep('[axes.grid]\n"batch.global" = [16, 18]\n')
    done = run(file, "--ranks", 4, check=False)
    assert done.returncode == 2 and "point 1 (batch.global = 18)" in done.stderr and "4 ranks" in done.stderr
    assert not (tmp_path / "out").exists()


def test_all_mistakes_of_a_file_are_told_at_once_and_nothing_is_made(sweep, tmp_path):
    file = sweep('metrik = "best_map"\n[axes.grid]\n"batch.globl" = [16]\n"optimizer.name" = ["sgd", "adamv"]\n"batch.global" = [16, 1000]\n')
    for command in ("plan", "run", "show"):
        done = catamaran("sweep", command, file, check=False)
        assert done.returncode == 2 and done.stderr.startswith("catamaran: error: sweep "), done.stderr
        for said in (f"{file}:3:10: there is no key 'metrik' (did you mean 'metric'?)", f"{file}:5:17: there is no configuration key 'batch.globl'",
                     f"{file}:6:20: optimizer.name: 'adamv' is not known (did you mean 'adamw'?)"):
            assert said in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content, said", [("", "config: names the configuration"), ("[axes", "not valid TOML"), ("\0", "not valid TOML"),
                                           ('config = "none.toml"\n', "there is no such file"), ("x = 1\n" * 200_000, "more than 1 MiB")])
def test_a_file_that_is_no_sweep_is_refused_in_a_sentence(tmp_path, content, said):
    (tmp_path / "bad.toml").write_text(content)
    done = catamaran("sweep", "run", tmp_path / "bad.toml", check=False)
    assert done.returncode == 2 and said in done.stderr and "bad.toml" in done.stderr


def test_a_folder_that_is_no_sweep_and_a_pack_that_is_not_there_are_named(sweep, tmp_path):
    done = catamaran("sweep", "show", tmp_path, check=False)
    assert done.returncode == 2 and "sweep.json is not in it" in done.stderr
    file = sweep(f'[set]\n"data.train" = "{tmp_path}/nowhere"\n[axes.grid]\n"batch.global" = [16, 32]\n')
    done = run(file, check=False)
    assert done.returncode == 2 and done.stderr.count("nowhere") == 1 and "there is no pack at" in done.stderr
    assert not (tmp_path / "out").exists()


# Running


def test_of_six_points_one_fails_five_have_results_and_the_same_command_runs_that_one_only(sweep, tmp_path):
    file = sweep(seeds(6, failing={4}))
    done = run(file, "--jobs", 2, check=False)
    assert done.returncode == 7, done.stderr
    assert done.stderr.count("an injected fault") >= 1 and "1 failed (3): " in done.stderr and "5 done, 1 failed" in done.stderr
    found = points(file)
    assert [point["state"] for point in found] == ["done", "done", "done", "failed", "done", "done"]
    for point in found:
        if point["index"] != 3:
            assert steps(point) == list(range(1, 7)) and 0 <= point["value"] <= 1
            assert json.loads((pathlib.Path(point["folder"]) / "manifest.json").read_text())["run"] == f"s-{point['id']}"
    assert "step 3" in found[3]["reason"] and "an injected fault" in found[3]["reason"]
    assert outcome(found[3])["code"] == 3 and outcome(found[3])["failures"] == 1
    summary = shown(tmp_path / "out")
    assert summary["failures"] == [{"indices": [3], "reason": found[3]["reason"]}] and summary["array"] == "3"

    again = run(file, "--jobs", 2, check=False)
    assert again.returncode == 7 and "1 to train" in again.stderr and again.stderr.count(" begins") == 1
    assert [lives(point) for point in found] == [1, 1, 1, 2, 1, 1]
    run(file, check=False)
    given_up = run(file, check=False)
    assert given_up.returncode == 7 and "0 to train" in given_up.stderr and "--retry-failed" in given_up.stderr
    assert outcome(found[3])["failures"] == 3 and shown(file)["array"] == ""
    tried = run(file, "--retry-failed", check=False)
    assert tried.returncode == 7 and "1 to train" in tried.stderr and outcome(found[3])["failures"] == 4
    assert "an injected fault" in outcome(found[3])["reason"], "and not that it failed too often"


def test_a_start_that_fails_before_there_is_a_run_has_its_reason_all_the_same(sweep, tmp_path):
    file = sweep(f'[[axes.list]]\n"run.seed" = 1\n[[axes.list]]\n"weights.init" = "{tmp_path}/none.safetensors"\n')
    done = run(file, check=False)
    assert done.returncode == 7
    good, bad = points(file)
    assert good["state"] == "done" and bad["state"] == "failed" and "none.safetensors" in bad["reason"]
    assert outcome(bad)["code"] in (2, 3, 4) and "none.safetensors" in (pathlib.Path(bad["folder"]) / "output.log").read_text()


def test_ctrl_c_stops_all_with_checkpoints_and_the_same_command_goes_on(sweep, tmp_path):
    file = sweep('samples = 384\n[set]\n"checkpoint.every_steps" = 2\n' + SLOW + '[axes.grid]\n"run.seed" = [1, 2, 3]\n')
    with started("sweep", "run", file, "--jobs", "2") as job:
        wait_until_they_train(file, 2)
        job.send_signal(signal.SIGINT)
        output, _ = job.communicate(timeout=120)
    assert job.returncode == 75, output
    assert "asking the points to stop with a checkpoint" in output and "the same command goes on from here" in output
    found = points(file)
    assert [point["state"] for point in found] == ["stopped", "stopped", "pending"]
    assert all(0 < point["step"] < 24 for point in found[:2])
    assert run(file, "--jobs", 2).returncode == 0
    assert states(tmp_path / "out") == ["done"] * 3
    assert all(steps(point) == list(range(1, 25)) for point in found)
    assert [lives(point) for point in found] == [2, 2, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL])
def test_however_it_is_ended_the_points_stop_and_it_goes_on(sweep, number):
    file = sweep('samples = 384\n[set]\n' + SLOW + '[axes.grid]\n"run.seed" = [1, 2]\n')
    with started("sweep", "run", file, "--jobs", "2") as job:
        wait_until_they_train(file, 2)
        job.send_signal(number)
        job.wait(timeout=120)
    assert job.returncode == (-9 if number == signal.SIGKILL else 75)
    wait_for("the end of the points", lambda: states(file) == ["stopped"] * 2, 60)
    assert run(file, "--jobs", 2).returncode == 0
    assert all(steps(point) == list(range(1, 25)) for point in points(file))


def test_a_point_that_is_killed_holds_nobody_up_and_is_taken_on_again(sweep):
    file = sweep('samples = 384\n[set]\n"checkpoint.every_steps" = 2\n' + SLOW + '[axes.grid]\n"run.seed" = [1, 2]\n')
    with started("sweep", "run", file, "--jobs", "2") as job:
        wait_until_they_train(file, 2)
        victim = outcome(points(file)[0])
        assert victim["state"] == "started"
        os.kill(victim["process"], signal.SIGKILL)
        output, _ = job.communicate(timeout=120)
    assert job.returncode == 75, output
    assert states(file) == ["lost", "done"]
    assert run(file).returncode == 0 and states(file) == ["done", "done"]
    assert steps(points(file)[0]) == list(range(1, 25))


def test_a_second_ctrl_c_ends_all_at_once(sweep):
    file = sweep('samples = 9600\n[set]\n"testing.enabled" = true\n"testing.fault" = "rank=0,step=4,kind=sleep"\n[axes.grid]\n"run.seed" = [1, 2]\n')
    with started("sweep", "run", file, "--jobs", "2") as job:
        wait_until_they_train(file, 2)
        job.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            job.wait(timeout=3)  # they sleep in a step and cannot stop
        job.send_signal(signal.SIGINT)
        job.wait(timeout=30)
    assert job.returncode == 130
    assert states(file) == ["lost", "lost"]


def test_two_cannot_run_one_sweep_at_once(sweep, tmp_path):
    file = sweep('samples = 9600\n[set]\n' + SLOW + '[axes.grid]\n"run.seed" = [1]\n')
    with started("sweep", "run", file) as job:
        wait_until_they_train(file, 1)
        assert states(file) == ["running"]
        done = run(file, check=False)
        assert done.returncode == 2 and "the sweep is in use by host" in done.stderr
        job.send_signal(signal.SIGTERM)
        job.wait(timeout=60)


def test_max_time_leaves_stopped_points_and_starts_no_other(sweep):
    file = sweep('samples = 96000\n[set]\n' + SLOW + '[axes.grid]\n"run.seed" = [1, 2]\n')
    done = run(file, "--max-time", "50s", check=False)
    assert done.returncode == 75 and "no point is started any more" in done.stderr
    assert states(file) == ["stopped", "pending"]


# What becomes of a sweep that changes


def test_a_larger_file_keeps_the_points_that_are_there(sweep):
    before = points(sweep('[axes.grid]\n"batch.global" = [16, 32]\n'))
    file = sweep('[axes.grid]\n"batch.global" = [16, 32]\n')
    run(file)
    file = sweep('max_parallel = 4\n[set]\n"log.every_steps" = 2\n[axes.grid]\n"batch.global" = [8, 32, 16]\n')
    assert sorted(states(file)) == ["done", "done", "pending"]
    done = run(file)
    assert "1 to train" in done.stderr
    after = {point["id"]: lives(point) for point in points(file)}
    assert len(after) == 3 and set(after.values()) == {1} and {point["id"] for point in before} < set(after)


def test_more_draws_keep_the_earlier_points(sweep):
    axes = '[axes.random]\n"ema.decay" = { uniform = [0.5, 0.9] }\n"model.attention.heads" = { choice = [1, 2, 4] }\n'
    few = [point["id"] for point in points(sweep("points = 2\n" + axes))]
    run(sweep("points = 2\n" + axes))
    file = sweep("points = 3\n" + axes)
    assert [point["id"] for point in points(file)][:2] == few and states(file) == ["done", "done", "pending"]


def test_a_hole_is_filled_and_nothing_else(sweep):
    file = sweep(seeds(3))
    run(file)
    found = points(file)
    shutil.rmtree(found[1]["folder"])
    assert states(file) == ["done", "pending", "done"]
    assert "1 to train" in run(file).stderr
    assert states(file) == ["done"] * 3 and [lives(point) for point in found] == [1, 1, 1]
    assert "0 to train" in run(file).stderr


def test_a_base_that_changes_makes_other_points(sweep, tmp_path):
    file = sweep('[axes.grid]\n"batch.global" = [16]\n')
    run(file)
    old = points(file)
    (tmp_path / "base.toml").write_text((tmp_path / "base.toml").read_text() + "loss.scale = 2.0\n")
    assert states(file) == ["pending"] and points(file)[0]["id"] != old[0]["id"]
    assert states(tmp_path / "out") == ["done"], "the folder still tells of what was run"


# Halving


def test_halving_goes_on_from_checkpoints_and_prunes_the_worse_half(sweep, tmp_path):
    file = sweep('samples = 192\n[axes.grid]\n"optimizer.weight_decay" = [1e-4, 1e-3, 1e-2, 1e-1]\n[halving]\nrungs = [0.5]\nkeep = 0.5\n')
    done = run(file, "--jobs", 2)
    assert "rung 1, 0.5 of the steps: 2 of 4 points go on" in done.stderr
    summary = shown(file)
    assert (summary["counts"]["done"], summary["counts"]["pruned"]) == (2, 2)
    record = json.loads((tmp_path / "out/rungs.json").read_text())["rungs"]
    assert len(record) == 1 and len(record[0]["kept"]) == 2
    values = {one["id"]: one["value"] for one in record[0]["compared"]}
    for point in summary["points"]:
        kept = point["id"] in record[0]["kept"]
        assert point["state"] == ("done" if kept else "pruned")
        assert steps(point) == list(range(1, 13 if kept else 7)), "each step once: resumed, not restarted"
        assert lives(point) == (2 if kept else 1)
        assert kept == (values[point["id"]] >= record[0]["bar"]) or values[point["id"]] == record[0]["bar"]
    assert "0 to train" in run(file).stderr

    # A point that is added later is judged by the bar of those that went on.
    file = sweep('samples = 192\n[axes.grid]\n"optimizer.weight_decay" = [1e-4, 1e-3, 1e-2, 1e-1, 0.5]\n[halving]\nrungs = [0.5]\nkeep = 0.5\n')
    assert "1 to train" in run(file).stderr
    late = points(file)[4]
    at_rung = json.loads((pathlib.Path(late["folder"]) / "eval/epoch-0001.json").read_text())["map"]
    assert late["state"] == ("done" if at_rung >= record[0]["bar"] else "pruned")
    assert json.loads((tmp_path / "out/rungs.json").read_text())["rungs"] == record, "what was decided stays"


def test_a_point_that_fails_does_not_hold_a_rung_up(sweep):
    file = sweep("samples = 192\n" + seeds(3, failing={2}) + "[halving]\nrungs = [0.5]\nkeep = 0.5\n")
    done = run(file, "--jobs", 2, check=False)
    assert done.returncode == 7
    assert states(file)[1] == "failed" and states(file)[0] == states(file)[2] == "done", "seeds of one group go on together"


# One point


def test_a_task_of_an_array_trains_its_point_alone_and_on_two_ranks(sweep, tmp_path):
    file = sweep(seeds(3, failing={3}))
    catamaran("sweep", "train", file, "--index", 0)
    catamaran("sweep", "train", file, "--index", 1, ranks=2)
    assert states(file) == ["done", "done", "pending"]
    failed = catamaran("sweep", "train", file, "--index", 2, ranks=2, check=False)
    assert failed.returncode == 3 and states(file)[2] == "failed" and "an injected fault" in points(file)[2]["reason"]
    done = catamaran("sweep", "train", file, "--index", 3, check=False)
    assert done.returncode == 2 and "it has 3, from 0" in done.stderr
    again = catamaran("sweep", "train", file, "--index", 0)
    assert again.returncode == 0 and lives(points(file)[0]) == 2 and steps(points(file)[0]) == list(range(1, 7))


def test_a_prepared_plan_holds_whatever_becomes_of_the_file(sweep, tmp_path):
    file = sweep(seeds(2))
    run(file, check=False)
    found = points(file)
    shutil.rmtree(found[1]["folder"])
    with started("sweep", "run", file) as job:  # prepares the hole and is stopped at once
        wait_for("the point's folder", (pathlib.Path(found[1]["folder"]) / "point.toml").exists)
        job.send_signal(signal.SIGTERM)
        job.wait(timeout=60)
    file.write_text("broken")
    (tmp_path / "base.toml").write_text("broken")
    assert catamaran("sweep", "train", tmp_path / "out", "--index", 1).returncode == 0
    assert states(tmp_path / "out") == ["done", "done"]
    nothing = catamaran("sweep", "train", tmp_path / "out", "--index", 0)
    assert "had nothing to do" in nothing.stderr and lives(found[0]) == 1


def test_the_command_of_a_point_does_what_the_sweep_does(sweep):
    file = sweep('[axes.grid]\n"model.head.pool" = ["mean", "max"]\n')
    point = json.loads(catamaran("sweep", "point", file, 1, "--json").stdout)
    assert point["values"] == {"model.head.pool": '"max"'} and point["state"] == "pending"
    command = catamaran("sweep", "point", file, 1).stdout.splitlines()[-1]
    assert command.startswith("catamaran train --config ")
    subprocess.run(command.replace("catamaran", str(BINARY), 1), shell=True, check=True, capture_output=True)
    assert states(file) == ["pending", "done"]


def test_points_of_two_ranks_run_side_by_side(sweep):
    file = sweep(seeds(2, failing={2}))
    done = run(file, "--jobs", 2, "--ranks", 2, check=False)
    assert done.returncode == 7
    found = points(file)
    assert [point["state"] for point in found] == ["done", "failed"] and found[0]["world"] == 2
    assert "an injected fault" in found[1]["reason"] and outcome(found[1])["code"] == 3


def test_it_is_not_started_by_a_launcher(sweep):
    done = catamaran("sweep", "run", sweep(seeds(1)), ranks=1, check=False)
    assert done.returncode == 2 and "sweep run starts processes of its own" in done.stderr


# Showing


def test_seeds_have_a_mean_and_a_deviation_in_every_form(sweep, tmp_path):
    file = sweep('seeds = [1, 2, 3]\n[axes.grid]\n"model.head.pool" = ["mean", "max"]\n')
    run(file, "--jobs", 2)
    summary = shown(tmp_path / "out")
    for group in summary["groups"]:
        values = [point["value"] for point in summary["points"] if point["index"] in group["indices"]]
        mean = sum(values) / 3
        assert group["with_value"] == 3 and group["mean"] == pytest.approx(mean)
        assert group["sd"] == pytest.approx((sum((value - mean) ** 2 for value in values) / 2) ** 0.5)
    best = [point["value"] for point in summary["points"]]
    assert best == sorted(best, reverse=True)
    text = catamaran("sweep", "show", file).stdout
    assert "mean ± sd over seeds" in text and "3 of 3" in text and "6 done" in text
    rows = list(csv.DictReader(io.StringIO(catamaran("sweep", "show", file, "--csv", "--by-seed").stdout)))
    assert len(rows) == 2 and float(rows[0]["best_map_mean"]) == pytest.approx(summary["groups"][0]["mean"])
    rows = list(csv.DictReader(io.StringIO(catamaran("sweep", "show", file, "--csv").stdout)))
    assert len(rows) == 6 and float(rows[0]["best_map"]) == pytest.approx(best[0]) and rows[0]["model.head.pool"] in ("mean", "max")
