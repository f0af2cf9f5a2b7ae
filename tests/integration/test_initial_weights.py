"""Where a run's first weights come from: another run's model or a backbone's file, whole, in part, or refused."""
import json

import numpy as np
import pytest
from runs import SMALL, catamaran, newest_weights, settings
from safetensors.numpy import load_file, save_file

STILL = ["optimizer.learning_rate=1e-12", "optimizer.weight_decay=0", "schedule.max_steps=1"]  # one step that changes nothing to speak of


def train(config, run, *pairs, **kwargs):
    return catamaran("train", "--config", config, *settings(*SMALL, *STILL, *pairs), "--run-dir", run, **kwargs)


def weights_of(run):
    return load_file(newest_weights(run))


@pytest.fixture
def source(config, tmp_path):
    run = tmp_path / "source"
    train(config, run, "run.seed=7")
    return run


def test_a_whole_model_is_taken_over(config, source, tmp_path):
    train(config, tmp_path / "next", f"weights.init={source}")
    before, after = weights_of(source), weights_of(tmp_path / "next")
    for name in ("backbone.conv1.weight", "fpn.lateral3.weight", "head2.fc.weight"):
        np.testing.assert_allclose(after[name], before[name], atol=1e-9, err_msg=name)


def test_a_backbone_is_taken_over_under_the_names_of_timm(config, source, tmp_path):
    file = tmp_path / "backbone.safetensors"
    catamaran("weights", "export", source, "--backbone-only", "--out", file)
    train(config, tmp_path / "next", f"weights.backbone={file}")
    before, after = weights_of(source), weights_of(tmp_path / "next")
    np.testing.assert_allclose(after["backbone.layer3.0.conv1.weight"], before["backbone.layer3.0.conv1.weight"], atol=1e-9)
    assert not np.allclose(after["head1.fc.weight"], before["head1.fc.weight"])


def test_heads_of_the_same_classes_in_another_order_are_refused_or_left_random(config, source, packs, tmp_path):
    names = (packs / "classes.txt").read_text().split("\n")[:4]
    (tmp_path / "reversed.txt").write_text("\n".join(reversed(names)) + "\n")
    catamaran("pack", "manifest", "--images", packs, "--manifest", packs / "train.jsonl", "--classes", tmp_path / "reversed.txt", "--out", tmp_path / "reversed")
    other = [f"data.train={tmp_path}/reversed", "data.eval=", f"weights.init={source}"]
    refused = train(config, tmp_path / "refused", *other, check=False)
    assert refused.returncode == 4
    assert "class 0 is 'top left' in one and 'bottom right' in the other" in refused.stderr
    train(config, tmp_path / "partial", *other, "weights.allow_partial=true")
    before, after = weights_of(source), weights_of(tmp_path / "partial")
    np.testing.assert_allclose(after["cla3.attention.q.weight"], before["cla3.attention.q.weight"], atol=1e-9)
    assert not np.allclose(after["head1.fc.weight"], before["head1.fc.weight"])
    manifest = json.loads((tmp_path / "partial/manifest.json").read_text())
    assert manifest["lives"][-1]["weights"]["allow_partial"] is True


def test_a_file_that_fits_in_part_stops_the_run_unless_that_is_allowed(config, source, tmp_path):
    file, holes = tmp_path / "backbone.safetensors", tmp_path / "holes.safetensors"
    catamaran("weights", "export", source, "--backbone-only", "--out", file)
    tensors = load_file(file)
    tensors["layer2.0.conv1.weight"] = np.zeros((3, 3), dtype=np.float32)
    del tensors["layer4.0.conv2.weight"]
    save_file(tensors, holes)
    refused = train(config, tmp_path / "refused", f"weights.backbone={holes}", check=False)
    assert refused.returncode == 4
    assert "layer2.0.conv1.weight" in refused.stderr and "layer4.0.conv2.weight" in refused.stderr
    train(config, tmp_path / "partial", f"weights.backbone={holes}", "weights.allow_partial=true")
    after = weights_of(tmp_path / "partial")
    np.testing.assert_allclose(after["backbone.conv1.weight"], tensors["conv1.weight"], atol=1e-9)
    assert after["backbone.layer2.0.conv1.weight"].std() > 0


def test_an_import_of_another_architecture_writes_nothing(source, packs, tmp_path):
    file = tmp_path / "backbone.safetensors"
    catamaran("weights", "export", source, "--backbone-only", "--out", file)
    refused = catamaran("weights", "import", file, "--set", "model.backbone.name=resnet18", "--pack", packs / "pack-train",
                        "--out", tmp_path / "model.safetensors", check=False)
    assert refused.returncode == 4 and "does not cover the model" in refused.stderr
    assert not (tmp_path / "model.safetensors").exists()


def test_pictures_normalised_otherwise_than_the_weights_want_are_told(config, tmp_path):
    lite = ["model.backbone.name=tf_efficientnet_lite0", "model.input.size=64"]
    train(config, tmp_path / "source", *lite)
    file = tmp_path / "lite0.safetensors"
    catamaran("weights", "export", tmp_path / "source", "--backbone-only", "--out", file)
    other = train(config, tmp_path / "other", *lite, f"weights.backbone={file}")
    assert "want model.input.mean = [0.5, 0.5, 0.5]" in other.stderr
    right = train(config, tmp_path / "right", *lite, f"weights.backbone={file}", "model.input.mean=[0.5,0.5,0.5]", "model.input.std=[0.5,0.5,0.5]")
    assert "model.input.mean" not in right.stderr
