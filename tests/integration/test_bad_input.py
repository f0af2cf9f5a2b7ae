"""Wrong input gets one sentence with what, where and how to go on, the right exit code, and leaves nothing half-written."""
import json
import os
import re
import shutil
import socket
import subprocess

import numpy as np
import pytest
from runs import BINARY, SMALL, catamaran, changed, newest_weights, settings


def refused(code, *arguments, **kwargs):
    done = catamaran(*arguments, check=False, **kwargs)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("error:") == 1, done.stderr
    assert "terminate" not in done.stderr and "Traceback" not in done.stderr
    return done.stderr


def test_every_mistake_of_a_configuration_is_reported_at_once(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('[batch]\nglobl = 3\nper_device = "x"\n[optimizer]\nname = "adam"\n[data]\ntrain = "somewhere"\n'
                    '[model.attention]\nheads = 5\n[model.head]\npool = "maxx"\n[monitoring]\nport = 70000\naddress = "here"\n')
    message = refused(2, "config", "check", "--config", path, "--set", "schedule.epochs=-1", "--set", "comm.timeout_seconds=0",
                      "--set", "comm.threads_per_rank=-1", "--set", "data.augment.scales=[2.0]", "--set", "data.augment.max_distort=-1")
    assert f"{path}:2" in message and "did you mean 'batch.global'" in message
    assert f"{path}:3" in message and "whole number" in message
    assert "did you mean 'adamw'" in message
    assert "--set: schedule.epochs" in message
    assert f"{path}:9" in message and "model.attention.heads: 5 heads do not divide" in message
    assert "model.head.pool: 'maxx' is not known (did you mean 'max'?)" in message
    for key in ("monitoring.port", "monitoring.address", "comm.timeout_seconds", "comm.threads_per_rank", "data.augment.scales", "data.augment.max_distort"):
        assert f" {key}: " in message
    assert "12 mistakes" in message


@pytest.mark.parametrize("text, says", [("[batch\nglobal = 1", "not valid TOML"), ('extends = "nowhere.toml"', "no such file"),
                                        ('extends = "c.toml"', "extends itself"), ("extends = 3", "must be a file name")])
def test_a_broken_file_is_refused(tmp_path, text, says):
    (tmp_path / "c.toml").write_text(text)
    assert says in refused(2, "config", "check", "--config", tmp_path / "c.toml")


@pytest.mark.parametrize("action", ["show", "check"])
def test_config_without_a_configuration_says_what_to_give(action):
    message = refused(2, "config", action)
    assert "no configuration was given" in message and "--config configs/cat.toml" in message and "data.train" not in message
    assert "data.train" in refused(2, "config", action, "--set", "batch.global=16")


def test_unknown_commands_and_options_are_usage_errors():
    refused(2, "trian")
    refused(2, "train", "--confg", "x")


def test_a_missing_pack_is_a_data_error(config, tmp_path):
    assert "pack.json is missing" in refused(3, "train", "--config", config, *settings(*SMALL, f"data.train={tmp_path}/none"), "--run-dir", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_different_class_lists_stop_the_run(config, packs, tmp_path):
    lines = [json.loads(line) for line in (packs / "test.jsonl").read_text().splitlines()]
    (tmp_path / "m.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    (tmp_path / "classes.txt").write_text("top right\ntop left\nbottom left\nbottom right\n")
    catamaran("pack", "manifest", "--images", packs, "--manifest", tmp_path / "m.jsonl", "--classes", tmp_path / "classes.txt", "--out", tmp_path / "other")
    message = refused(3, "train", "--config", config, *settings(*SMALL, f"data.eval={tmp_path}/other"), "--run-dir", tmp_path / "run")
    assert "class 0 is 'top left' in one and 'top right' in the other" in message


def test_an_image_in_both_packs_stops_the_run_on_every_rank(config, packs, tmp_path):
    message = refused(3, "train", "--config", config, *settings(*SMALL, f"data.eval={packs}/pack-train"), "--run-dir", tmp_path / "run", ranks=2)
    assert "96 images are in both packs" in message and "allow_overlap" in message


def test_a_batch_that_does_not_divide_names_the_nearest(config, tmp_path):
    message = refused(2, "train", "--config", config, *settings(*SMALL, "batch.global=15"), "--run-dir", tmp_path / "run", ranks=2)
    assert "14" in message and "16" in message


def test_a_pack_is_no_run_directory_and_a_word_that_is_no_command_is_named(config, packs, tmp_path):
    before = sorted(path.name for path in (packs / "pack-test").iterdir())
    done = catamaran("train", "--config", config, *settings(*SMALL), "--run-dir", packs / "pack-test", check=False)
    assert done.returncode == 2 and "is a pack" in done.stderr
    assert sorted(path.name for path in (packs / "pack-test").iterdir()) == before
    done = catamaran("trian", "--config", config, check=False)
    assert done.returncode == 2 and "there is no command 'trian'" in done.stderr and "train" in done.stderr


def test_a_start_that_fails_leaves_no_run_directory(config, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for code, pair in ((2, "batch.global=15001"), (4, f"weights.backbone={tmp_path}/none.safetensors"), (2, f"monitoring.port={taken.getsockname()[1]} monitoring.strict_port=true")):
            refused(code, "train", "--config", config, *settings(*SMALL, *pair.split()), "--run-dir", tmp_path / "runs/run", ranks=2)
            assert [path.name for path in tmp_path.iterdir()] == ["config.toml"], pair
    (tmp_path / "run").mkdir()
    (tmp_path / "run/notes.txt").write_text("mine")
    refused(4, "train", "--config", config, *settings(*SMALL, f"weights.backbone={tmp_path}/none.safetensors"), "--run-dir", tmp_path / "run", ranks=2)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_nccl_without_a_gpu_is_a_sentence(config, tmp_path):
    message = refused(2, "train", "--config", config, *settings(*SMALL, "comm.backend=nccl"), "--run-dir", tmp_path / "run")
    assert "nccl needs a GPU for every rank, and there is none for rank 0" in message


def test_what_libtorch_refuses_is_one_line_without_a_stack_trace(config, tmp_path):
    one_pixel = settings(*SMALL, "model.backbone.name=resnet18", "model.input.size=32", "batch.global=1", "batch.per_device=1")  # batch norm of a single value
    message = refused(1, "train", "--config", config, *one_pixel, "--run-dir", tmp_path / "run")
    assert "LibTorch: Expected more than 1 value per channel" in message
    assert "Exception raised from" not in message and "frame #" not in message


def test_memory_that_runs_out_is_one_line_that_says_what_to_lower(config, tmp_path):
    large = settings(*SMALL, "model.input.size=4096", "data.prefetch_batches=1", "schedule.max_steps=1", "data.eval=")  # 3.2 GB of pixels as fp32
    message = refused(1, "train", "--config", config, *large, "--run-dir", tmp_path / "run", under=["prlimit", "--data=3000000000"])
    # of the first allocation that is too much, be it in the rehearsal before the first step or in the step; with its place
    assert re.search(r"error: out of memory \(rank 0 on \S+, [^)]+\): can't allocate memory: you tried to allocate \d+ bytes", message) and "lower batch.per_device" in message
    assert "Exception raised from" not in message and "frame #" not in message


def test_plan_says_that_a_picture_is_too_large_for_this_machine(config):
    message = refused(2, "plan", "--config", config, "--set", "model.input.size=2048", "--set", "data.augment.crop=none", under=["prlimit", "--data=3000000000"])
    assert "2048 x 2048" in message and "lower model.input.size" in message


def test_output_that_is_lost_is_no_success(trained, packs):
    weights = newest_weights(trained / "cat")
    for command in (["config", "keys"], ["weights", "inspect", weights, "--json"], ["check", packs / "pack-test"],
                    ["plan", "--config", trained / "cat/config.toml", "--json"], ["eval", "--checkpoint", weights, "--data", packs / "pack-test", "--json"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, *map(str, command)], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 2 and "standard output: not all could be written" in done.stderr, command
    reader = subprocess.Popen([BINARY, "config", "keys"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    reader.stdout.close()  # as `| head` does
    assert reader.stderr.read() == b"" and reader.wait() == 0


def test_what_is_no_utf8_is_a_sentence(tmp_path):
    name = os.fsencode(tmp_path) + b"/c\xff.toml"
    with open(name, "w") as file:
        file.write("[data]\ntrain = \"p\"\n")
    assert "not UTF-8" in refused(2, "config", "show", "--set", os.fsdecode(b"data.train=p\xff"))
    json.loads(catamaran("plan", "--json", "--config", os.fsdecode(name)).stdout)


def test_numbers_out_of_range_name_the_range(tmp_path):
    assert "'-1' is no whole number from 0 on" in refused(2, "predict", "--checkpoint", tmp_path, "a.jpg", "--top", "-1")
    assert "'0' is no whole number from 1 on" in refused(2, "explain", "--checkpoint", tmp_path, "a.jpg", "--out", tmp_path / "x", "--most", "0")
    assert "65536" in refused(2, "plan", "--labels", "65537")


def test_an_empty_list_of_classes_is_refused(trained, tmp_path):
    for text in ("", "\n \n"):
        (tmp_path / "classes.txt").write_text(text)
        message = refused(3, "weights", "import", newest_weights(trained / "cat"), "--classes", tmp_path / "classes.txt", "--out", tmp_path / "w.safetensors")
        assert "the list of classes is empty" in message and not (tmp_path / "w.safetensors").exists()


def test_a_model_with_two_classes_of_one_name_is_refused(trained, packs, tmp_path):
    def twice(_, metadata):
        names = json.loads(metadata["catamaran.classes"])
        metadata["catamaran.classes"] = json.dumps([names[0], *names[:-1]])
    file = changed(newest_weights(trained / "cat"), tmp_path / "w.safetensors", twice)
    assert "two classes have the same name" in refused(4, "predict", "--checkpoint", file, packs / "test0.jpg")


def test_scores_that_are_infinite_are_no_evaluation(trained, packs, tmp_path):
    file = changed(newest_weights(trained / "cat"), tmp_path / "w.safetensors", lambda tensors, _: tensors["head1.fc.bias"].fill(np.inf))
    assert "is not a finite number" in refused(6, "eval", "--checkpoint", file, "--data", packs / "pack-test")


def test_a_pipe_for_thresholds_is_refused_and_not_waited_for(trained, packs, tmp_path):
    os.mkfifo(tmp_path / "t.json")
    assert "no regular file" in refused(3, "predict", "--checkpoint", trained / "cat", packs / "test0.jpg", "--thresholds", tmp_path / "t.json")


def test_a_shard_cut_short_is_refused_before_the_first_step(config, packs, tmp_path):
    shutil.copytree(packs / "pack-train", tmp_path / "cut")
    shard = tmp_path / "cut/shard-00000.h5"
    shard.write_bytes(shard.read_bytes()[:-4096])
    message = refused(3, "train", "--config", config, *settings(*SMALL, f"data.train={tmp_path}/cut"), "--run-dir", tmp_path / "run")
    assert "shard-00000.h5" in message


def test_damaged_weights_are_refused(tmp_path, packs):
    broken = tmp_path / "w.safetensors"
    broken.write_bytes(b"\xff" * 8 + b"{}")
    assert "header" in refused(4, "weights", "inspect", broken)
    assert "no checkpoint" in refused(4, "predict", "--checkpoint", tmp_path, packs / "test0.jpg")


@pytest.mark.parametrize("option", ["--scores", "--out"])
def test_a_folder_as_result_of_eval_is_refused_before_anything_is_read(tmp_path, option):
    message = refused(2, "eval", "--checkpoint", tmp_path / "nowhere", "--data", tmp_path / "nowhere", option, tmp_path)
    assert option in message and f"{tmp_path} is a folder" in message


RESULTS = [("eval --checkpoint {c} --data {p} --out {}", "{p}/pack.json"), ("eval --checkpoint {c} --data {p} --scores {}", "{p}/shard-00000.h5"),
           ("predict --checkpoint {c} {i} --out {}", "{c}/manifest.json"), ("predict --checkpoint {c} {i} --out {}", "{i}"),
           ("report {c} --out {}", "{c}/checkpoints/latest"), ("report {c} --out {}", "{c}/new/../metrics.jsonl"),
           ("weights export {c} --out {}", "{s}/model.safetensors"), ("weights export {c} --out {}", "{s}/new.safetensors"),
           ("thresholds fit --checkpoint {c} --data {p} --out {}", "{p}/new.json"), ("eval --checkpoint {c} --data {p} --out {}", "{c}/eval/epoch-0004.json"),
           ("weights import {s}/model.safetensors --out {}", "{s}/model.safetensors"), ("pack voc --root {i} --split test --out {}", "{p}/new")]


@pytest.mark.parametrize("line, target", RESULTS)
def test_a_result_never_takes_the_place_of_what_a_user_needs(trained, packs, tmp_path, line, target):
    step = sorted((trained / "cat/checkpoints").glob("step-*"))[-1]
    names = {"c": trained / "cat", "p": packs / "pack-test", "i": packs / "test0.jpg", "s": step}
    target = target.format(**names)
    before = {path: path.read_bytes() for folder in (packs, trained / "cat") for path in folder.rglob("*") if path.is_file()}
    message = refused(2, *line.format(target, **names).split())
    assert "--out" in message or "--scores" in message
    assert {path: path.read_bytes() for folder in (packs, trained / "cat") for path in folder.rglob("*") if path.is_file()} == before


def test_results_may_be_replaced_by_results_of_their_kind(trained, packs, tmp_path):
    for _ in range(2):
        catamaran("eval", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--out", tmp_path / "e.json", "--scores", tmp_path / "s.h5")
    assert json.loads((tmp_path / "e.json").read_text())["images"] == 33
    catamaran("weights", "export", trained / "cat", "--out", tmp_path / "w.safetensors")
    assert "same file as the file" in refused(2, "weights", "import", tmp_path / "w.safetensors", "--out", tmp_path / "./w.safetensors")
    (tmp_path / "t.json").write_text("{}")
    for command in (["eval", "--data", packs / "pack-test"], ["predict", packs / "test0.jpg", "--format", "json"]):
        message = refused(2, *command, "--checkpoint", trained / "cat", "--thresholds", tmp_path / "t.json", "--out", tmp_path / "t.json")
        assert "same file as --thresholds" in message
    assert (tmp_path / "t.json").read_text() == "{}"
    assert "same file as --scores" in refused(2, "eval", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--out", tmp_path / "x", "--scores", f"{tmp_path}/./x")


@pytest.mark.parametrize("line", ["train --config= --run-dir r", "train --config c --run-dir=", "eval --checkpoint= --data p", "eval --checkpoint c --data=",
                                  "eval --checkpoint c --data p --out=", "predict --checkpoint= x.jpg", "predict --checkpoint c x.jpg --out=",
                                  "explain --checkpoint c x.jpg --out=", "report r --out=", "config show --config=", "weights export c --out="])
@pytest.mark.parametrize("form", ["=", " "])
def test_an_empty_value_names_its_option(tmp_path, line, form):
    words = [word for part in line.split() for word in ([part] if form == "=" or not part.endswith("=") else [part[:-1], ""])]
    option = next(part for part in line.split() if part.endswith("="))[:-1]
    assert option in refused(2, *words, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", ["nan", "-0.1", "1.5", "half", "inf"])
@pytest.mark.parametrize("command", ["predict", "explain"])
def test_a_threshold_is_a_number_from_0_to_1(tmp_path, command, value):
    more = ["--out", tmp_path / "out"] if command == "explain" else []
    assert "--threshold" in refused(2, command, "--checkpoint", tmp_path, "x.jpg", f"--threshold={value}", *more)


def test_an_error_without_a_launcher_is_one_line(config, packs, tmp_path):
    message = refused(3, "train", "--config", config, *settings(*SMALL, f"data.eval={packs}/pack-train"), "--run-dir", tmp_path / "run")
    assert len([line for line in message.splitlines() if line.strip()]) == 1, message


def test_a_folder_as_configuration_or_manifest_is_called_a_folder(tmp_path):
    assert "is a folder" in refused(2, "config", "show", "--config", tmp_path)
    assert "is a folder" in refused(3, "pack", "manifest", "--images", tmp_path, "--manifest", tmp_path, "--out", tmp_path / "out")
    (tmp_path / "m.jsonl").write_text("\n")
    assert "lists no picture" in refused(3, "pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "out")


def test_a_number_that_does_not_fit_and_a_list_are_said_once(tmp_path):
    message = refused(2, "config", "check", "--set", "batch.global=99999999999999999999", "--set", "model.input.std=[0, 0, 0]")
    assert "batch.global=99999999999999999999: " in message and "must be a whole number" not in message
    assert message.count("model.input.std") == 1


def test_a_picture_that_is_none_is_refused_and_leaves_no_pack(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"\x89PNG\r\n\x1a\nnot a jpeg")
    (tmp_path / "m.jsonl").write_text('{"image": "x.jpg", "labels": ["a"]}\n')
    assert "x.jpg" in refused(3, "pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.jsonl", "x.jpg"]


@pytest.mark.parametrize("line, says", [('{"image": "../x.jpg", "labels": []}', "leads out"), ('{"image": 3, "labels": []}', "wrong type"),
                                        ('{"labels": []}', "is missing"), ("{", "not valid JSON"), ('{"image": "a.jpg", "labels": ["a"], "x": 1}', "not known")])
def test_a_wrong_manifest_line_is_named(tmp_path, line, says):
    (tmp_path / "m.jsonl").write_text(line + "\n")
    message = refused(3, "pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "out")
    assert says in message and "line 1" in message


def test_missing_voc_lists_are_named(tmp_path):
    assert "aeroplane_trainval.txt" in refused(3, "pack", "voc", "--root", tmp_path, "--split", "trainval", "--out", tmp_path / "out")
