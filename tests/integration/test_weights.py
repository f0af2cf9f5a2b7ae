"""weights check, import and export from outside: coverage, classes, partial files, where the weights came from."""
import hashlib
import json
import sys

import numpy as np
import pytest
import timm
import torch
from runs import ROOT, SMALL, catamaran, settings
from safetensors import safe_open
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(ROOT / "scripts"))
import cat_pytorch  # noqa: E402

MODEL = settings(*[s for s in SMALL if s.startswith("model.")])
CORNERS = ["top left", "top right", "bottom left", "bottom right"]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def whole(path, classes=CORNERS, change=lambda tensors: None, **options):
    torch.manual_seed(4)
    options = {**cat_pytorch.SMALL_OPTIONS, **options}
    tensors = {k: v.contiguous() for k, v in cat_pytorch.Cat(options, len(classes)).state_dict().items()}
    change(tensors)
    save_file(tensors, path, metadata={"catamaran.model": json.dumps(options), "catamaran.classes": json.dumps(classes)})
    return path


@pytest.fixture
def classes(tmp_path):
    (tmp_path / "classes.txt").write_text("\n".join(CORNERS) + "\n")
    return tmp_path / "classes.txt"


def test_a_timm_backbone_becomes_a_model_with_new_heads(tmp_path, classes):
    torch.manual_seed(1)
    backbone = timm.create_model("resnet18")
    save_file(backbone.state_dict(), tmp_path / "r18.safetensors")
    done = catamaran("weights", "import", tmp_path / "r18.safetensors", "--set", "model.backbone.name=resnet18", "--classes", classes,
                     "--out", tmp_path / "start.safetensors", "--json")
    report = json.loads(done.stdout)
    assert report["kind"] == "backbone" and report["ratio"] == 1 and not report["missing"] and not report["shape_mismatch"]
    assert report["source"] == {"file": "r18.safetensors", "sha256": sha256(tmp_path / "r18.safetensors")}
    written = load_file(tmp_path / "start.safetensors")
    for name, tensor in backbone.state_dict().items():
        assert name.startswith("fc.") or torch.equal(written[f"backbone.{name}"], tensor), name
    assert written["head1.fc.weight"].shape == (4, 512)
    with safe_open(tmp_path / "start.safetensors", "pt") as file:
        assert json.loads(file.metadata()["catamaran.source"]) == report["source"]
        assert json.loads(file.metadata()["catamaran.classes"]) == CORNERS


def test_a_whole_model_is_taken_as_such_with_and_without_the_pyramid(tmp_path):
    for name, options in (("cat", {}), ("backbone", {"fpn.enabled": False, "lrd.enabled": False, "cla.enabled": False}),
                          ("no_lrd", {"lrd.enabled": False})):
        file = whole(tmp_path / f"{name}.safetensors", **options)
        report = json.loads(catamaran("weights", "import", file, "--out", tmp_path / "out.safetensors", "--json").stdout)
        assert report["kind"] == "whole model" and report["ratio"] == 1, report
        ours, theirs = load_file(tmp_path / "out.safetensors"), load_file(file)
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_a_whole_model_without_a_description_needs_the_options_and_the_classes(tmp_path, classes):
    save_file(load_file(whole(tmp_path / "cat.safetensors")), tmp_path / "bare.safetensors")
    done = catamaran("weights", "import", tmp_path / "bare.safetensors", *MODEL, "--out", tmp_path / "o.safetensors", check=False)
    assert done.returncode == 2 and "--classes" in done.stderr
    done = catamaran("weights", "import", tmp_path / "bare.safetensors", *MODEL, "--classes", classes, "--out", tmp_path / "o.safetensors")
    assert "whole model, SHA-256" in done.stdout and "100.0 %" in done.stdout
    cat_pytorch.load(tmp_path / "o.safetensors")


def lose(*names):
    return lambda tensors: [tensors.pop(name) for name in names]


PARTIAL = {
    "missing": (lose("lrd.norm.weight"), "missing", "lrd.norm.weight"),
    "shape": (lambda t: t.update({"cla3.attention.q.weight": torch.zeros(32, 31)}), "shape_mismatch",
              "cla3.attention.q.weight: file [32, 31], model [32, 32]"),
}


@pytest.mark.parametrize("kind", PARTIAL)
def test_a_partial_file_stops_unless_it_is_allowed(tmp_path, kind):
    change, where, name = PARTIAL[kind]
    file = whole(tmp_path / "partial.safetensors", change=change)
    out = tmp_path / "out.safetensors"
    done = catamaran("weights", "import", file, "--out", out, check=False)
    assert done.returncode == 4 and name in done.stderr and "--allow-partial" in done.stderr
    assert not out.exists()
    check = catamaran("weights", "check", file, "--json", check=False)
    assert check.returncode == 4 and name in json.loads(check.stdout)[where]
    report = json.loads(catamaran("weights", "import", file, "--out", out, "--allow-partial", "--json").stdout)
    assert report[where] == [name] and 0.8 < report["ratio"] < 1
    assert torch.equal(load_file(out)["lrd.attention.q.weight"], load_file(file)["lrd.attention.q.weight"])


def test_the_table_counts_loaded_missing_unexpected_and_misshaped(tmp_path):
    def change(tensors):
        lose("lrd.norm.weight")(tensors)
        tensors.update({"more.weight": torch.zeros(2), "lrd.norm.bias": torch.zeros(3)})
    done = catamaran("weights", "check", whole(tmp_path / "w.safetensors", change=change), check=False)
    counts = {line[:15].strip(): int(line[15:].split()[0]) for line in done.stdout.splitlines() if not line.startswith(" ")}
    assert done.returncode == 4 and "w.safetensors" in done.stderr
    assert (counts["missing"], counts["unexpected"], counts["shape mismatch"]) == (1, 1, 1) and counts["loaded"] > 50


def test_a_check_of_what_covers_the_model_ends_well(tmp_path):
    described = whole(tmp_path / "cat.safetensors")
    bare = tmp_path / "bare.safetensors"  # says no classes: as many as its heads have
    save_file(load_file(whole(tmp_path / "four.safetensors")), bare)
    backbone = tmp_path / "r18.safetensors"
    save_file(timm.create_model("resnet18").state_dict(), backbone)
    for arguments in ([described], [bare, *MODEL], [backbone, "--set", "model.backbone.name=resnet18"]):
        assert "100.0 %" in catamaran("weights", "check", *arguments).stdout


def test_a_deeper_network_of_the_family_is_not_taken_for_a_shallower_one(tmp_path, classes):
    deep = timm.create_model("resnet34").state_dict()  # holds every tensor of resnet18, in its shape
    save_file(deep, tmp_path / "r34.safetensors")
    for command in (["check"], ["import", "--classes", classes, "--out", tmp_path / "o.safetensors"]):
        done = catamaran("weights", command[0], tmp_path / "r34.safetensors", "--set", "model.backbone.name=resnet18", *command[1:], check=False)
        assert done.returncode == 4 and "backbone.layer1.2.bn1.bias" in done.stdout + done.stderr
    assert not (tmp_path / "o.safetensors").exists()


def test_tensors_that_fit_another_function_are_told(tmp_path, classes):
    file = whole(tmp_path / "pre.safetensors", **{"attention.norm": "pre", "attention.dropout": 0.3})
    same = catamaran("weights", "import", file, "--out", tmp_path / "same.safetensors")
    assert "note" not in same.stdout
    other = json.loads(catamaran("weights", "import", file, *MODEL, "--classes", classes, "--out", tmp_path / "other.safetensors", "--json").stdout)
    assert [note for note in other["notes"] if 'attention.norm: "pre" in the file, "post" here' in note]
    assert not [note for note in other["notes"] if "dropout" in note]
    lite = timm.create_model("tf_efficientnet_lite0").state_dict()
    save_file(lite, tmp_path / "lite.safetensors")
    done = catamaran("weights", "import", tmp_path / "lite.safetensors", "--set", "model.backbone.name=tf_efficientnet_lite0",
                     "--classes", classes, "--out", tmp_path / "l.safetensors")
    assert "note: the published weights of tf_efficientnet_lite0 want model.input.mean = [0.5, 0.5, 0.5]" in done.stdout


def test_a_small_file_that_describes_a_huge_model_costs_nothing(tmp_path):
    options = {**cat_pytorch.SMALL_OPTIONS, "attention.dim": 4096, "attention.ffn_dim": 16384, "attention.heads": 8}
    file = tmp_path / "huge.safetensors"
    save_file({"head1.fc.bias": torch.zeros(4), "backbone.x": torch.zeros(1)}, file,
              metadata={"catamaran.model": json.dumps(options), "catamaran.classes": json.dumps(CORNERS)})
    for command in (["check"], ["import", "--out", tmp_path / "o.safetensors"]):
        done = catamaran("weights", command[0], file, *command[1:], check=False)
        assert done.returncode == 4 and "5 values, too few for the model" in done.stderr


def test_heads_for_other_classes_are_not_taken(tmp_path, packs):
    file = whole(tmp_path / "other.safetensors", classes=sorted(CORNERS))
    done = catamaran("weights", "import", file, "--pack", packs / "pack-train", "--out", tmp_path / "o.safetensors", check=False)
    assert done.returncode == 4 and "class 0 is 'bottom left' in one and 'top left' in the other" in done.stderr
    catamaran("weights", "import", file, "--pack", packs / "pack-train", "--out", tmp_path / "o.safetensors", "--allow-partial")
    old, new = load_file(file), load_file(tmp_path / "o.safetensors")
    assert not torch.equal(old["head1.fc.weight"], new["head1.fc.weight"]) and torch.equal(old["lrd.norm.weight"], new["lrd.norm.weight"])


def test_a_file_of_another_architecture_is_refused_even_where_a_part_is_allowed(tmp_path, classes):
    save_file({"stem.weight": torch.zeros(3)}, tmp_path / "w.safetensors")
    done = catamaran("weights", "import", tmp_path / "w.safetensors", *MODEL, "--classes", classes, "--out", tmp_path / "o.safetensors",
                     "--allow-partial", check=False)
    assert done.returncode == 4 and "model.backbone.name" in done.stderr


def test_training_records_where_its_weights_came_from(tmp_path, config):
    whole(tmp_path / "cat.safetensors")
    catamaran("weights", "import", tmp_path / "cat.safetensors", "--out", tmp_path / "start.safetensors")
    short = settings(*SMALL, f"weights.init={tmp_path}/start.safetensors", "schedule.max_steps=1", "data.eval=")
    catamaran("train", "--config", config, *short, "--run-dir", tmp_path / "run")
    first = json.loads((tmp_path / "run/manifest.json").read_text())["lives"][0]["weights"]["init"]
    assert first["sha256"] == sha256(tmp_path / "start.safetensors")
    assert first["source"] == {"file": "cat.safetensors", "sha256": sha256(tmp_path / "cat.safetensors")}
    # A run as the start: the file that was taken is recorded.
    catamaran("train", "--config", config, *settings(*SMALL, f"weights.init={tmp_path}/run", "schedule.max_steps=1", "data.eval="),
              "--run-dir", tmp_path / "second")
    taken = json.loads((tmp_path / "second/manifest.json").read_text())["lives"][0]["weights"]["init"]
    assert taken["file"].endswith("model.safetensors") and len(taken["sha256"]) == 64


def test_training_stops_on_heads_of_other_classes_and_on_partial_files(tmp_path, config):
    for name, file in (("class 0", whole(tmp_path / "a.safetensors", classes=sorted(CORNERS))),
                       ("lrd.norm.bias", whole(tmp_path / "b.safetensors", change=lose("lrd.norm.bias")))):
        given = settings(*SMALL, f"weights.init={file}", "schedule.max_steps=1", "data.eval=")
        done = catamaran("train", "--config", config, *given, "--run-dir", tmp_path / "run", check=False)
        assert done.returncode == 4 and name in done.stderr, done.stderr
        catamaran("train", "--config", config, *given, "--set", "weights.allow_partial=true", "--run-dir", tmp_path / f"run-{name}")


def test_an_exported_backbone_under_a_pyramid_is_one_that_timms_pyramid_takes(tmp_path):
    options = {"backbone.name": "tf_efficientnet_lite0"}
    catamaran("weights", "export", whole(tmp_path / "cat.safetensors", **options), "--backbone-only", "--out", tmp_path / "b.safetensors")
    model = timm.create_model("tf_efficientnet_lite0", features_only=True, pretrained=False)
    model.load_state_dict(load_file(tmp_path / "b.safetensors"))
    x = torch.randn(1, 3, 64, 64)
    cat = cat_pytorch.load(tmp_path / "cat.safetensors")[0]
    for theirs, ours in zip(model.eval()(x)[-3:], cat_pytorch.backbone_features(cat.backbone, x)):
        np.testing.assert_array_equal(theirs.detach(), ours.detach())


def test_an_exported_backbone_is_one_that_timm_takes(tmp_path):
    torch.manual_seed(1)
    options = {"backbone.name": "resnet18"}
    catamaran("weights", "export", whole(tmp_path / "cat.safetensors", **options), "--backbone-only", "--out", tmp_path / "b.safetensors")
    model = timm.create_model("resnet18", num_classes=0)
    model.load_state_dict(load_file(tmp_path / "b.safetensors"))
    x = torch.randn(1, 3, 64, 64)
    cat = cat_pytorch.load(tmp_path / "cat.safetensors")[0]
    np.testing.assert_array_equal(model.eval().forward_features(x).detach(), cat.backbone.forward_features(x).detach())
    catamaran("weights", "export", tmp_path / "cat.safetensors", "--out", tmp_path / "all.safetensors")
    cat_pytorch.load(tmp_path / "all.safetensors")
