"""ONNX out of trained weights: onnxruntime gives the probabilities that `catamaran predict` gives for the same pictures."""
import contextlib
import io
import json
import os
import re
import shutil
import signal
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from runs import DATA, ROOT, SMALL, catamaran, changed, settings
from safetensors.torch import save_file
from test_weights_from_python import half_written
from torchvision.transforms import v2

sys.path.insert(0, str(ROOT / "scripts"))
import cat_pytorch  # noqa: E402
import export_onnx  # noqa: E402

CLASSES = ["top left", "top right", "bottom left", "bottom right", "caf\u00e9"]
CASES = {  # every ablation row, head pool and switch at least once; 72 px: odd sides, pooling windows cut off by the border
    "cat": {"head.pool": "topk"}, "no_lrd": {"lrd.enabled": False, "head.pool": "max"}, "no_pma": {"cla.pma": False, "head.pool": "csra"},
    "no_clf": {"cla.enabled": False}, "backbone_fpn": {"lrd.enabled": False, "cla.enabled": False},
    "backbone": {"fpn.enabled": False, "lrd.enabled": False, "cla.enabled": False},
    "upsampled": {"cla.query": "upsampled", "input.size": 72, "fpn.topdown": "upsample_then_conv", "attention.norm": "pre"},
    "odd_pooling": {"input.size": 72, "cla.kv_stride_p3": 5, "attention.position": "sine2d", "cla.residual": False, "fpn.share_td_conv": True},
    "deconv_resnet18": {"fpn.topdown": "deconv", "backbone.name": "resnet18", "head.pool": "max", "input.size": 96},
}


def export(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = export_onnx.main([str(a) for a in arguments])
    return code, out.getvalue(), err.getvalue()


def weights(path, changes):
    """Random weights that spread the probabilities: a default model says 0.5 to everything."""
    options = {**cat_pytorch.SMALL_OPTIONS, **changes}
    torch.manual_seed(2)
    model = cat_pytorch.Cat(options, len(CLASSES))
    for head in (m for m in model.modules() if isinstance(m, cat_pytorch.Head)):
        torch.nn.init.normal_(head.fc.weight, std=0.5)
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.momentum = 1.0
        torch.nn.init.uniform_(norm.weight, 0.6, 1.0)
    with torch.no_grad():
        model.train()(torch.randn(8, 3, options["input.size"], options["input.size"]))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path,
              metadata={"catamaran.model": json.dumps(options), "catamaran.classes": json.dumps(CLASSES)})


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three made pictures and, where they are at hand, photographs."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(3)
    for i, shape in enumerate([(64, 64, 3), (100, 150, 3), (301, 97, 3)]):
        coarse = Image.fromarray(random.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        coarse.resize((shape[1], shape[0]), Image.BICUBIC).save(folder / f"{i}.jpg", quality=90)
    return sorted(folder.glob("*.jpg")) + sorted(DATA.rglob("*.jpg"))[:3]


def with_onnxruntime(path, pictures):
    """Only what the file itself says is used: names, size, mean, std."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    how = json.loads(metadata["catamaran.preprocessing"])
    assert how["layout"] == "NCHW" and how["colour"] == "RGB" and "bilinear" in how["resize"]
    shown = lambda image: image.resize(tuple(how["size"]), Image.BILINEAR)  # noqa: E731
    if how["crop"] == "center":
        shown = v2.Compose([v2.Resize(how["shorter_side"]), v2.CenterCrop(how["size"])])
    pixels = np.stack([np.asarray(shown(Image.open(p).convert("RGB")), dtype=np.float32) for p in pictures])
    pixels = (pixels * how["scale"] - np.array(how["mean"])) / np.array(how["std"])
    logits, probabilities = session.run(["logits", "probabilities"], {"pixels": pixels.transpose(0, 3, 1, 2).astype(np.float32)})
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)), atol=1e-6)
    return json.loads(metadata["catamaran.classes"]), probabilities


def with_catamaran(path, pictures, classes):
    said = json.loads(catamaran("predict", "--checkpoint", path, *pictures, "--top", len(classes), "--json").stdout)
    rows = [{label["label"]: label["probability"] for label in image["labels"]} for image in said]
    return np.array([[row[name] for name in classes] for row in rows])


@pytest.mark.parametrize("case", CASES)
def test_onnxruntime_agrees_with_predict(tmp_path, pictures, case):
    weights(tmp_path / "model.safetensors", CASES[case])
    code, out, err = export(tmp_path / "model.safetensors", tmp_path / "model.onnx")
    assert code == 0, err
    assert "opset 18" in out
    onnx.checker.check_model(str(tmp_path / "model.onnx"))
    classes, probabilities = with_onnxruntime(tmp_path / "model.onnx", pictures)
    assert classes == CLASSES
    wanted = with_catamaran(tmp_path / "model.safetensors", pictures, classes)
    assert np.ptp(wanted) > 0.2, "the comparison would see nothing"
    np.testing.assert_allclose(probabilities, wanted, atol=1e-4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.onnx", "model.safetensors"]


def test_the_file_says_that_the_middle_of_a_picture_is_shown(tmp_path, pictures):
    weights(tmp_path / "whole.safetensors", {})
    record = {"catamaran.evaluation": json.dumps({"crop": "center", "resize": 73})}
    changed(tmp_path / "whole.safetensors", tmp_path / "middle.safetensors", lambda _, metadata: metadata.update(record))
    seen = {}
    for name in ("whole", "middle"):
        code, _, err = export(tmp_path / f"{name}.safetensors", tmp_path / f"{name}.onnx")
        assert code == 0, err
        _, seen[name] = with_onnxruntime(tmp_path / f"{name}.onnx", pictures)
        np.testing.assert_allclose(seen[name], with_catamaran(tmp_path / f"{name}.safetensors", pictures, CLASSES), atol=1e-4)
    assert np.abs(seen["whole"] - seen["middle"]).max() > 1e-2


def test_a_run_exports_its_newest_checkpoint(tmp_path, packs, config, pictures):
    catamaran("train", "--config", config, *settings(*SMALL, "ema.decay=0.9", "schedule.epochs=1"), "--run-dir", tmp_path / "run")
    for chosen in ("auto", "raw"):
        code, _, err = export(tmp_path / "run", tmp_path / f"{chosen}.onnx", "--weights", chosen)
        assert code == 0, err
    classes, averaged = with_onnxruntime(tmp_path / "auto.onnx", pictures)
    np.testing.assert_allclose(averaged, with_catamaran(tmp_path / "run", pictures, classes), atol=1e-4)
    assert np.abs(averaged - with_onnxruntime(tmp_path / "raw.onnx", pictures)[1]).max() > 1e-4
    for chosen, name in (("auto", "ema"), ("ema", "ema"), ("raw", "model")):
        said = json.loads(catamaran("weights", "inspect", tmp_path / "run", "--weights", chosen, "--json").stdout)
        assert said["file"].endswith(f"/{name}.safetensors")


def test_the_checkpoint_of_a_run_is_the_one_that_catamaran_takes(tmp_path, packs, config, pictures):
    run, checkpoints = tmp_path / "run", tmp_path / "run/checkpoints"
    catamaran("train", "--config", config, *settings(*SMALL, "schedule.max_steps=3", "checkpoint.every_steps=1", "checkpoint.keep=3"), "--run-dir", run)

    def taken(step):
        said = catamaran("predict", "--checkpoint", run, pictures[0]).stderr
        assert re.search(r"using (\S+)", said)[1] == str(checkpoints / f"step-{step:08d}"), said
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            assert export_onnx.weights_file(run, "auto") == checkpoints / f"step-{step:08d}/model.safetensors"
        return err.getvalue()

    (checkpoints / "latest").write_text("step-00000002\n")  # the run went back: step 3 is abandoned
    assert taken(2) == ""
    code, _, err = export(run, tmp_path / "ema.onnx", "--weights", "ema")
    assert code == 4 and "no averaged weights" in err
    code, out, err = export(run, tmp_path / "out.onnx")
    assert code == 0 and f"{checkpoints}/step-00000002/model.safetensors" in out, (out, err)

    (checkpoints / "step-00000002/optimizer.safetensors").unlink()
    assert re.search("optimizer.safetensors: the file is missing; .*trying an older checkpoint\n", taken(1))
    model = checkpoints / "step-00000001/model.safetensors"
    whole = model.read_bytes()
    model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert f"{model}: the file is damaged" in taken(3)
    code, _, err = export(checkpoints / "step-00000001", tmp_path / "no.onnx")
    assert code == 4 and "damaged" in err and not (tmp_path / "no.onnx").exists()
    (checkpoints / "latest").write_text("nonsense\n")
    assert taken(3).splitlines() == [f"{checkpoints}/latest: it names no checkpoint, or cannot be read; the newest complete one is taken"]
    (checkpoints / "step-00000003/state.json").write_text("{}")
    code, _, err = export(run, tmp_path / "no.onnx")
    assert code == 4 and "none of the 3 checkpoints can be read" in err and not (tmp_path / "no.onnx").exists()
    shutil.rmtree(checkpoints)
    assert "there is no checkpoint" in export(run, tmp_path / "no.onnx")[2]


def test_what_cannot_be_exported_is_one_sentence_and_leaves_nothing(tmp_path):
    weights(tmp_path / "model.safetensors", {})
    (tmp_path / "empty").mkdir()
    save_file({"w": torch.zeros(1)}, tmp_path / "bare.safetensors")
    content = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[:-8])
    before = sorted(tmp_path.iterdir())
    for source, why in (("empty", "no checkpoint"), ("bare.safetensors", "which model and classes"), ("cut.safetensors", "cannot be used")):
        code, _, err = export(tmp_path / source, tmp_path / "out.onnx")
        assert code == 4 and why in err and err.count("\n") == 1, err
    code, _, err = export(tmp_path / "model.safetensors", tmp_path / "none/out.onnx")
    assert code == 4 and "cannot be written" in err
    assert sorted(tmp_path.iterdir()) == before


def test_a_result_replaces_nothing_but_an_onnx_file(tmp_path):
    weights(tmp_path / "model.safetensors", {})
    (tmp_path / "notes.txt").write_text("mine")
    os.mkfifo(tmp_path / "fifo.onnx")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack/pack.json").write_text("{}")
    os.link(tmp_path / "model.safetensors", tmp_path / "model.onnx")
    before = {p: p.lstat() for p in tmp_path.rglob("*") if not p.is_dir()}
    for out, why in (("notes.txt", "does not end in .onnx"), ("fifo.onnx", "no file"), ("pack/a.onnx", "is in the pack"), ("pack", "is a folder"),
                     ("model.onnx", "names the same file"), ("model.safetensors", "does not end in .onnx"), ("new.bin", "does not end in .onnx")):
        code, _, err = export(tmp_path / "model.safetensors", tmp_path / out)
        assert code == 2 and why in err and err.count("\n") == 1, (out, err)
    assert {p: p.lstat() for p in tmp_path.rglob("*") if not p.is_dir()} == before


def test_a_signal_ends_it_and_leaves_nothing(tmp_path):
    weights(tmp_path / "model.safetensors", {})
    job = half_written(tmp_path, "export_onnx.py", "model.safetensors", "out.onnx")
    assert any(p.name.startswith(".out.onnx.") for p in tmp_path.iterdir())
    job.send_signal(signal.SIGTERM)
    assert (job.communicate(timeout=30)[0], job.returncode) == (None, -signal.SIGTERM)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.safetensors", "ready"]


def test_an_opset_that_the_exporter_cannot_write_is_refused_and_each_end_of_the_range_is_written(tmp_path):
    weights(tmp_path / "model.safetensors", {})
    for opset in (-1, 0, 1, 17, 99):
        code, _, err = export(tmp_path / "model.safetensors", tmp_path / "out.onnx", "--opset", opset)
        assert code == 2 and re.search(f"--opset {opset} is .*; give one from ([0-9]+) to ([0-9]+)\n", err) and err.count("\n") == 1, err
        assert not (tmp_path / "out.onnx").exists()
    for opset in map(int, re.search("from ([0-9]+) to ([0-9]+)", err).groups()):
        code, out, err = export(tmp_path / "model.safetensors", tmp_path / "out.onnx", "--opset", opset)
        assert code == 0 and f"opset {opset}," in out, err
        assert {o.domain: o.version for o in onnx.load(tmp_path / "out.onnx").opset_import}[""] == opset


@pytest.mark.parametrize("name, value, why", [
    ("head1.fc.bias", float("nan"), "tensor head1.fc.bias holds"), ("backbone.conv1.weight", float("inf"), "tensor backbone.conv1.weight holds"),
    ("backbone.bn1.running_var", -1.0, "outputs are not finite"), ("head2.fc.weight", 3e38, "outputs are not finite")])
def test_weights_and_outputs_that_are_not_finite_are_refused(tmp_path, name, value, why):
    weights(tmp_path / "model.safetensors", {})
    changed(tmp_path / "model.safetensors", tmp_path / "odd.safetensors", lambda tensors, _: tensors[name].fill(value))
    code, _, err = export(tmp_path / "odd.safetensors", tmp_path / "out.onnx")
    assert code == 6 and why in err and err.count("\n") == 1, err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.safetensors", "odd.safetensors"]


def test_without_catamaran_a_run_is_refused_and_a_file_is_not(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    for binary, why in (("/nonexistent/catamaran", "cannot be run"), ("/bin/false", "ended with code 1 and said nothing"), ("/bin/true", "does not answer as catamaran")):
        monkeypatch.setattr(export_onnx, "BINARY", binary)
        code, _, err = export(tmp_path / "run", tmp_path / "out.onnx")
        assert code == 4 and why in err and err.count("\n") == 1, err
    weights(tmp_path / "model.safetensors", {})
    assert export_onnx.weights_file(tmp_path / "model.safetensors", "auto") == tmp_path / "model.safetensors"


def test_a_tensor_too_many_or_too_few_is_refused(tmp_path):
    weights(tmp_path / "model.safetensors", {})
    for name, change in (("more", lambda tensors, _: tensors.update(more=np.zeros(1, np.float32))),
                         ("head1.fc.bias", lambda tensors, _: tensors.pop("head1.fc.bias"))):
        changed(tmp_path / "model.safetensors", tmp_path / "odd.safetensors", change)
        code, _, err = export(tmp_path / "odd.safetensors", tmp_path / "out.onnx")
        assert code == 4 and name in err


def test_the_export_command_names_the_script(tmp_path):
    weights(tmp_path / "model.safetensors", {})
    done = catamaran("weights", "export", tmp_path / "model.safetensors", "--out", tmp_path / "m.onnx", check=False)
    assert done.returncode == 2 and "scripts/export_onnx.py" in done.stderr
