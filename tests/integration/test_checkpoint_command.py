"""Checkpoints that stay, the self-test before the first step, and `catamaran checkpoint list | verify | prune`."""
import contextlib
import fcntl
import json
import os
import re
import shutil
import socket
import subprocess

import h5py
import numpy as np
import pytest
from runs import ROOT, SMALL, catamaran, settings

NO_PROCESS = 2 ** 31 - 1


AVERAGED = [pair if not pair.startswith("ema.") else "ema.decay=0.9" for pair in SMALL]


def train(config, run, *pairs, **kwargs):
    return catamaran("train", "--config", config, *settings(*AVERAGED, *pairs), "--run-dir", run, **kwargs)


@pytest.fixture(scope="module")
def kept(packs, tmp_path_factory):
    """A run of 10 steps, 6 an epoch, with all of its five checkpoints."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "config.toml").write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n'
                                        "[schedule]\nepochs = 4\n")
    train(folder / "config.toml", folder / "run", "schedule.max_steps=10", "checkpoint.every_steps=2", "checkpoint.keep=100")
    return folder / "run"


@pytest.fixture
def run(kept, tmp_path):
    return shutil.copytree(kept, tmp_path / "run")


def at(run, step):
    return run / f"checkpoints/step-{step:08d}"


def steps(run):
    return sorted(int(folder.name[5:]) for folder in (run / "checkpoints").glob("step-*"))


def state(run, step):
    return json.loads((at(run, step) / "state.json").read_text())


def best(run):
    return state(run, 10)["best_step"]


def listed(run):
    return json.loads(catamaran("checkpoint", "list", run, "--json").stdout)


def flip(path, place=-1):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def leftover(run, name="step-00000012", host=None):
    folder = run / f"checkpoints/.{name}.tmp.{host or socket.gethostname()}.{NO_PROCESS}"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"x" * 5000)
    return folder


def everything(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")}


@contextlib.contextmanager
def job_in(run):
    """As a job that trains holds it."""
    with open(run / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def test_the_ends_of_epochs_are_written_and_stay_for_good(config, tmp_path):
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    left = leftover(run, "self-test", "node7")
    often = ["evaluate.every_epochs=0", "checkpoint.every_steps=4", "checkpoint.keep=1", "checkpoint.keep_every_epochs=1"]
    train(config, run, *often, "schedule.max_steps=16")
    assert steps(run) == [6, 12, 16]
    assert not left.exists(), "a killed self-test leaves nothing after the next start"
    train(config, run, *often, "schedule.max_steps=20")
    assert steps(run) == [6, 12, 18, 20] or steps(run) == [6, 12, 16, 18, 20]  # 16 where it is the best
    told = re.findall(r"self-test of checkpoints: 5\.\d MB written, read back and compared in \d+\.\d\d s", (run / "log.jsonl").read_text())
    assert len(told) == 1, "not at a resume"


def test_storage_that_gives_back_other_bytes_is_told_before_the_first_step(config, tmp_path, monkeypatch):
    library = tmp_path / "bad_storage.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", library, ROOT / "tests/fakes/bad_storage.c"], check=True)
    for name, value in {"LD_PRELOAD": library, "BAD_PATH": "checkpoints/.self-test", "BAD_BYTE": 1500000}.items():
        monkeypatch.setenv(name, str(value))
    done = train(config, tmp_path / "run", "schedule.max_steps=2", check=False)
    assert done.returncode == 4, done.stderr
    assert f"error: {tmp_path}/run/checkpoints: the self-test of checkpoints failed: " in done.stderr, done.stderr
    assert re.search(r"/model\.safetensors: byte \d+ of the tensor 'second' is not what was written", done.stderr), done.stderr
    assert not (tmp_path / "run").exists()


def test_list_tells_every_checkpoint_and_what_is_wrong_with_it(run):
    page = listed(run)
    assert [one["step"] for one in page["checkpoints"]] == [10, 8, 6, 4, 2]
    assert [one["epoch"] for one in page["checkpoints"]] == [1, 1, 1, 0, 0] and page["leftovers"] == []
    assert [one["step"] for one in page["checkpoints"] if one["latest"]] == [10]
    assert [(one["step"], one["map"]) for one in page["checkpoints"] if one["best"]] == [(best(run), state(run, 10)["best_map"])]
    for one in page["checkpoints"]:
        assert one["complete"] and "problem" not in one and one["bytes"] == sum(file.stat().st_size for file in at(run, one["step"]).iterdir())
        assert one["written"] == pytest.approx((at(run, one["step"]) / "state.json").stat().st_mtime, abs=1e-3)

    (at(run, 2) / "state.json").unlink()
    (at(run, 4) / "ema.safetensors").unlink()
    os.truncate(at(run, 6) / "optimizer.safetensors", 1000)
    left = leftover(run)
    problems = {one["step"]: one.get("problem", "") for one in listed(run)["checkpoints"]}
    assert problems[10] == problems[8] == ""
    assert "optimizer.safetensors" in problems[6] and "ema.safetensors: the file is missing" in problems[4] and "state.json" in problems[2]
    assert listed(run)["leftovers"] == [{"path": str(left), "bytes": 5000, "host": socket.gethostname(), "process": NO_PROCESS, "writer_is_gone": True}]

    lines = catamaran("checkpoint", "list", run).stdout.splitlines()
    assert re.match(r" +10 +1  \d{4}-\d\d-\d\d \d\d:\d\d UTC +\d\.\d MB  latest.*, complete$", lines[1]), lines[1]
    assert f"damaged: {at(run, 4)}/ema.safetensors: the file is missing" in lines[4]
    assert f"{left}: 0.0 MB, left by process {NO_PROCESS} of host {socket.gethostname()}, which is gone" in lines[6]


def test_verify_reads_everything_and_names_the_file_that_is_damaged(run):
    done = catamaran("checkpoint", "verify", run)
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == [str(at(run, step)) for step in (10, 8, 6, 4, 2)]
    assert all(": whole, " in line for line in done.stdout.splitlines()) and done.stderr == ""

    flip(at(run, 8) / "model.safetensors")
    os.truncate(at(run, 6) / "optimizer.safetensors", 1000)
    (at(run, 4) / "ema.safetensors").unlink()
    done = catamaran("checkpoint", "verify", run, check=False)
    lines = {step: line for step, line in zip((10, 8, 6, 4, 2), done.stdout.splitlines(), strict=True)}
    assert done.returncode == 4
    assert f"damaged: {at(run, 8)}/model.safetensors: the file is damaged" in lines[8] and "resume from another checkpoint" in lines[8]
    assert f"damaged: {at(run, 6)}/optimizer.safetensors" in lines[6] and f"damaged: {at(run, 4)}/ema.safetensors: the file is missing" in lines[4]
    assert ": whole, " in lines[10] and ": whole, " in lines[2]
    assert f"error: 3 of 5 checkpoints are damaged; the first: {at(run, 8)}/model.safetensors" in done.stderr

    assert catamaran("checkpoint", "verify", at(run, 10), f"{at(run, 2)}/").stdout.count(": whole, ") == 2
    done = catamaran("checkpoint", "verify", at(run, 8), "--json", check=False)
    assert done.returncode == 4
    (verdict,) = json.loads(done.stdout)
    assert verdict["path"] == str(at(run, 8)) and verdict["whole"] is False and "model.safetensors" in verdict["problem"]


def test_a_checkpoint_of_parts_of_two_is_not_whole(run):
    own = state(run, 8)
    shutil.copy(at(run, 10) / "state.json", at(run, 8) / "state.json")
    done = catamaran("checkpoint", "verify", at(run, 8), check=False)
    assert done.returncode == 4 and "it is of step 10" in done.stderr
    own["classes"][:2] = reversed(own["classes"][:2])
    (at(run, 8) / "state.json").write_text(json.dumps(own))
    done = catamaran("checkpoint", "verify", at(run, 8), check=False)
    assert done.returncode == 4 and "its classes are not those of state.json" in done.stderr


def test_what_is_no_run_or_checkpoint_is_a_mistake_of_the_command_line(tmp_path):
    for words, why in ((["list", tmp_path], "no folder checkpoints"), (["verify", tmp_path], "neither a run directory nor a checkpoint"),
                       (["prune", tmp_path, "--keep", "1"], "no folder checkpoints"), (["prune", tmp_path, "--keep", "0"], "--keep"),
                       (["list", ""], "is empty")):
        done = catamaran("checkpoint", *words, check=False)
        assert done.returncode == 2 and why in done.stderr, done.stderr
    (tmp_path / "checkpoints").mkdir()
    done = catamaran("checkpoint", "prune", tmp_path, check=False)
    assert done.returncode == 2 and "--keep N" in done.stderr
    assert catamaran("checkpoint", "list", tmp_path).stdout == "no checkpoints\n"
    assert catamaran("checkpoint", "verify", tmp_path, check=False).returncode == 4


def test_prune_deletes_what_training_would_and_a_dry_run_tells_it(run):
    left = leftover(run, host="node7")
    before = everything(run)
    stay = sorted({10, best(run)})
    dry = catamaran("checkpoint", "prune", run, "--keep", 1, "--dry-run").stdout
    assert everything(run) == before
    done = catamaran("checkpoint", "prune", run, "--keep", 1).stdout
    assert steps(run) == stay and not left.exists()
    for step in {2, 4, 6, 8, 10} - set(stay):
        assert f"would delete {at(run, step)} (" in dry and f"\ndeleted {at(run, step)} (" in "\n" + done
    assert f"would delete {left} (0.0 MB)" in dry and f"deleted {left} (0.0 MB)" in done
    assert done.splitlines()[-1] == dry.splitlines()[-1].replace("would be deleted", "deleted")
    assert done.endswith(f"; {len(stay)} checkpoints stay\n")
    report = json.loads(catamaran("checkpoint", "prune", run, "--json").stdout)
    assert report == {"run": str(run), "dry_run": False, "removed": [], "bytes": 0, "staying": len(stay)}, "checkpoint.keep of the run is 100"


def test_prune_keeps_what_the_runs_configuration_keeps_for_good(run):
    config = (run / "config.toml").read_text()
    assert "keep_every_epochs = 0 " in config
    (run / "config.toml").write_text(config.replace("keep_every_epochs = 0 ", "keep_every_epochs = 1 "))
    catamaran("checkpoint", "prune", run, "--keep", 1)
    assert steps(run) == [6, 10]


def test_prune_keeps_the_newest_that_is_whole_its_best_and_the_one_that_latest_names(run):
    flip(at(run, 10) / "model.safetensors")
    catamaran("checkpoint", "prune", run, "--keep", 1)
    assert steps(run) == [6, 8, 10] and state(run, 8)["best_step"] == 6
    for step in (6, 8):
        flip(at(run, step) / "model.safetensors")
    done = catamaran("checkpoint", "prune", run, "--keep", 1, check=False)
    assert done.returncode == 4 and "none of the 3 checkpoints can be read" in done.stderr and steps(run) == [6, 8, 10]


def test_prune_is_refused_while_a_job_has_the_run(run):
    before = everything(run)
    with job_in(run):
        for more in ([], ["--dry-run"]):
            done = catamaran("checkpoint", "prune", run, "--keep", 1, *more, check=False)
            assert done.returncode == 2 and f"error: {run}: the run directory is in use by " in done.stderr, done.stderr
        assert everything(run) == before
        assert len(listed(run)["checkpoints"]) == 5 and catamaran("checkpoint", "verify", run).returncode == 0
    catamaran("checkpoint", "prune", run, "--keep", 1)
    assert steps(run) == sorted({10, best(run)})


def test_a_run_goes_on_after_its_checkpoints_were_pruned(kept, run):
    catamaran("checkpoint", "prune", run, "--keep", 1)
    train(kept.parent / "config.toml", run, "schedule.max_steps=12", "checkpoint.every_steps=2", "checkpoint.keep=100")
    assert steps(run)[-2:] == [10, 12]


@pytest.mark.parametrize("weights", ["raw", "ema"])
def test_the_weights_of_a_checkpoint_alone_give_its_scores(run, packs, tmp_path, weights):
    assert "catamaran weights export CHECKPOINT" in catamaran("checkpoint", "--help").stdout
    catamaran("weights", "export", at(run, 8), "--weights", weights, "--out", tmp_path / "w.safetensors")
    scores = []
    for name, source in (("file", [tmp_path / "w.safetensors"]), ("checkpoint", [at(run, 8), "--weights", weights])):
        catamaran("eval", "--checkpoint", *source, "--data", packs / "pack-test", "--scores", tmp_path / f"{name}.h5")
        with h5py.File(tmp_path / f"{name}.h5") as file:
            scores.append((file["score"][:], list(file.attrs["classes"])))
    assert np.array_equal(scores[0][0], scores[1][0]) and scores[0][1] == scores[1][1]


def test_the_best_and_the_newest_are_taken_by_name(run, tmp_path):
    for name, step in (("best", best(run)), ("latest", 10)):
        assert (run / "checkpoints" / name).read_text().strip() == f"step-{step:08d}"
        named = json.loads(catamaran("weights", "inspect", run / "checkpoints" / name, "--json").stdout)
        assert named["file"] == str(at(run, step) / "ema.safetensors")
    assert "whole" in catamaran("checkpoint", "verify", run / "checkpoints/best").stdout
    (run / "checkpoints/best").unlink()  # as in a run of before
    again = json.loads(catamaran("weights", "inspect", run / "checkpoints/best", "--json").stdout)
    assert again["file"] == str(at(run, best(run)) / "ema.safetensors")


def test_a_new_run_goes_on_from_the_best_of_another_and_says_what_is_different(run, tmp_path):
    config, new = shutil.copy(run / "config.toml", tmp_path / "config.toml"), tmp_path / "new"
    done = catamaran("train", "--config", config, *settings("schedule.max_steps=11", "checkpoint.every_steps=5"), "--run-dir", new,
                     "--resume", run / "checkpoints/best")
    assert f"resumed from {at(run, best(run))} at step {best(run)}" in done.stderr, done.stderr
    changed = json.loads((new / "manifest.json").read_text())["lives"][0]["changed_at_resume"]
    assert changed["schedule.max_steps"] == {"was": "10", "is": "11"} and changed["checkpoint.every_steps"] == {"was": "2", "is": "5"}
    assert not [key for key in changed if key.startswith("model.")]


def test_a_new_run_that_would_go_on_from_a_finished_one_is_refused_and_leaves_nothing(run, tmp_path):
    config = shutil.copy(run / "config.toml", tmp_path / "config.toml")
    done = catamaran("train", "--config", config, "--run-dir", tmp_path / "new", "--resume", at(run, 10), check=False)
    assert done.returncode == 2 and "it is of step 10, the schedule ends at step 10, and nothing is left to train" in done.stderr, done.stderr
    assert "raise schedule.epochs or schedule.max_steps" in done.stderr
    assert not (tmp_path / "new").exists()
