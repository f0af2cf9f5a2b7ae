"""eval with several views and models, thresholds fit: against NumPy and scikit-learn on the scores of the parts."""
import json
import shutil

import h5py
import numpy as np
import pytest
from PIL import Image
from runs import catamaran, changed, newest_weights
from sklearn.metrics import f1_score, precision_recall_curve
from test_bad_input import refused

NAMES = ["top left", "top right", "bottom left", "bottom right"]


def sigmoid(z):
    return 1 / (1 + np.exp(-z.astype(np.float64)))


def scored(tmp_path, checkpoint, pack, *arguments, ranks=0):
    path = tmp_path / "scores.h5"
    catamaran("eval", "--checkpoint", checkpoint, "--data", pack, "--scores", path, *arguments, ranks=ranks)
    with h5py.File(path) as file:
        return file["score"][:], file["label"][:], [i.decode() for i in file["id"][:]], {key: list(value) for key, value in file.attrs.items()}


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """A pack of pictures made of blocks of one colour, and one of their mirror images: exact under JPEG."""
    folder = tmp_path_factory.mktemp("blocks")
    random = np.random.default_rng(3)
    (folder / "classes.txt").write_text("\n".join(NAMES))
    for side in ("plain", "mirrored"):
        (folder / side).mkdir()
    lines = []
    for i in range(11):
        picture = np.kron(random.integers(0, 256, (8, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), dtype=np.uint8))
        for side, pixels in (("plain", picture), ("mirrored", picture[:, ::-1].copy())):
            Image.fromarray(pixels).save(folder / side / f"{i}.jpg", quality=100, subsampling=0)
        lines.append(json.dumps({"image": f"{i}.jpg", "labels": [name for name in NAMES if random.random() < 0.5]}))
    (folder / "m.jsonl").write_text("\n".join(lines))
    for side in ("plain", "mirrored"):
        catamaran("pack", "manifest", "--images", folder / side, "--manifest", folder / "m.jsonl", "--classes", folder / "classes.txt", "--out", folder / f"pack-{side}")
    return folder


def test_flip_averages_the_probabilities_of_both_views(trained, blocks, tmp_path):
    plain = scored(tmp_path, trained / "cat", blocks / "pack-plain")
    mirrored = scored(tmp_path, trained / "cat", blocks / "pack-mirrored")[0]
    both = scored(tmp_path, trained / "cat", blocks / "pack-plain", "--augment", "flip")
    assert plain[2] == both[2] and np.abs(plain[0] - mirrored).max() > 1e-3
    np.testing.assert_allclose(sigmoid(both[0]), (sigmoid(plain[0]) + sigmoid(mirrored)) / 2, atol=1e-5)
    assert plain[3]["augment"] == ["none"] and both[3]["augment"] == ["flip"]


def test_scales_average_three_input_sizes(trained, packs, tmp_path):
    parts = []
    for size in (32, 64, 96):
        def resize(_, metadata):
            model = json.loads(metadata["catamaran.model"])
            assert "size" in json.dumps(model)
            metadata["catamaran.model"] = json.dumps(replace_size(model, size))
        part = changed(newest_weights(trained / "cat"), tmp_path / f"{size}.safetensors", resize)
        parts.append(sigmoid(scored(tmp_path, part, packs / "pack-test")[0]))
    combined = scored(tmp_path, trained / "cat", packs / "pack-test", "--augment", "scales")
    assert np.abs(parts[0] - parts[2]).max() > 1e-3
    np.testing.assert_allclose(sigmoid(combined[0]), np.mean(parts, axis=0), atol=1e-5)


def test_scales_smaller_than_topk_average_all_of_their_tokens(trained, packs, tmp_path):
    def most(_, metadata):  # 64 px have 16 tokens, the view of 32 px has 4
        metadata["catamaran.model"] = json.dumps({**json.loads(metadata["catamaran.model"]), "head.pool": "topk", "head.topk": 16})
    model = changed(newest_weights(trained / "cat"), tmp_path / "topk.safetensors", most)
    scores = scored(tmp_path, model, packs / "pack-test", "--augment", "scales")[0]
    assert np.isfinite(scores).all()


def replace_size(model, size):
    if isinstance(model, dict):
        return {key: size if key in ("size", "input.size", "model.input.size") else replace_size(value, size) for key, value in model.items()}
    return model


def test_an_ensemble_of_a_model_with_itself_is_the_model(trained, packs, tmp_path):
    alone = scored(tmp_path, trained / "cat", packs / "pack-test")
    twice = scored(tmp_path, trained / "cat", packs / "pack-test", "--ensemble", trained / "cat", trained / "cat")
    np.testing.assert_allclose(twice[0], alone[0], atol=1e-5)
    assert twice[3]["models"] == [str(newest_weights(trained / "cat"))] * 3


def test_an_ensemble_averages_probabilities_on_any_number_of_ranks(trained, packs, tmp_path):
    cat = scored(tmp_path, trained / "cat", packs / "pack-test")
    backbone = scored(tmp_path, trained / "backbone", packs / "pack-test")
    both = scored(tmp_path, trained / "cat", packs / "pack-test", "--ensemble", trained / "backbone")
    ranks = scored(tmp_path, trained / "cat", packs / "pack-test", "--ensemble", trained / "backbone", ranks=2)
    assert np.abs(cat[0] - backbone[0]).max() > 1e-2
    np.testing.assert_allclose(sigmoid(both[0]), (sigmoid(cat[0]) + sigmoid(backbone[0])) / 2, atol=1e-5)
    assert both[2] == ranks[2] and len(set(ranks[2])) == 33
    np.testing.assert_allclose(ranks[0], both[0], atol=1e-4)
    said = json.loads(catamaran("eval", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--ensemble", trained / "backbone", "--json").stdout)
    assert said["models"] == 2 and said["augment"] == "none"


def test_classes_are_one_table_with_a_column_for_each_protocol(trained, packs):
    words = ["eval", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--protocol", "all"]
    lines = catamaran(*words, "--per-class").stdout.splitlines()
    told = json.loads(catamaran(*words, "--json").stdout)
    (begin,) = [number for number, line in enumerate(lines) if line.startswith("AP ")]
    assert lines[begin].split()[1:] == [evaluation["protocol"] for evaluation in told]
    rows = lines[begin + 1:]
    assert len(rows) == len(told[0]["ap"])
    for row in rows:
        name = row[:24].strip()
        wanted = [evaluation["ap"][name] for evaluation in told]
        assert row[24:].removesuffix("no positives").split() == ["none" if ap is None else f"{100 * ap:.2f}" for ap in wanted]


def test_models_of_other_classes_are_no_ensemble(trained, packs, tmp_path):
    def swap(_, metadata):
        metadata["catamaran.classes"] = json.dumps(["top left", "bottom left", "top right", "bottom right"])
    other = changed(newest_weights(trained / "cat"), tmp_path / "other.safetensors", swap)
    message = refused(3, "eval", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--ensemble", other)
    assert "class 1 is 'top right' in one and 'bottom left' in the other" in message and "other.safetensors" in message


def brute_force(probability, truth):
    """The best F1 there is, over scikit-learn's thresholds."""
    precision, recall, _ = precision_recall_curve(truth, probability)
    return max(2 * p * r / (p + r) if p + r > 0 else 0 for p, r in zip(precision, recall))


def test_fitted_thresholds_reach_the_best_f1_there_is(trained, packs, tmp_path):
    path = tmp_path / "thresholds.json"
    printed = catamaran("thresholds", "fit", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--out", path).stdout
    file = json.loads(path.read_text())
    score, label, _, _ = scored(tmp_path, trained / "cat", packs / "pack-test")
    assert [entry["name"] for entry in file["classes"]] == NAMES and file["pack"]["held_out"] == "yes"
    for c, entry in enumerate(file["classes"]):
        probability, truth = sigmoid(score[:, c]), label[:, c] == 1
        best = brute_force(probability, truth)
        assert entry["f"] == pytest.approx(best, abs=1e-9)
        assert f1_score(truth, probability >= entry["threshold"]) == pytest.approx(best, abs=1e-9)
        assert entry["f_at_default"] == pytest.approx(f1_score(truth, probability >= 0.5, zero_division=0), abs=1e-9)
        assert entry["positives"] == truth.sum() and entry["fitted"] and entry["name"] in printed

    at_half = json.loads(catamaran("eval", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--json").stdout)
    fitted = json.loads(catamaran("eval", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--json", "--thresholds", path).stdout)
    chosen = np.array([entry["threshold"] for entry in file["classes"]])
    predicted = sigmoid(score) >= chosen
    assert fitted["map"] == at_half["map"]
    assert fitted["of1"] == pytest.approx(f1_score(label == 1, predicted, average="micro"), abs=1e-9)
    image = json.loads(catamaran("predict", "--checkpoint", trained / "cat", packs / "test0.jpg", "--top", 0, "--json", "--thresholds", path).stdout)[0]
    assert {entry["label"]: entry["present"] for entry in image["labels"]} == dict(zip(NAMES, predicted[0].tolist()))


def test_a_class_without_positives_keeps_a_half_and_that_is_said(trained, packs, tmp_path):
    lines = [json.loads(line) for line in (packs / "test.jsonl").read_text().splitlines()]
    for line in lines:
        line["labels"] = [name for name in line["labels"] if name != "bottom left"]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, lines)))
    catamaran("pack", "manifest", "--images", packs, "--manifest", tmp_path / "m.jsonl", "--classes", packs / "classes.txt", "--out", tmp_path / "pack")
    printed = catamaran("thresholds", "fit", "--checkpoint", trained / "cat", "--data", tmp_path / "pack", "--out", tmp_path / "t.json").stdout
    entry = json.loads((tmp_path / "t.json").read_text())["classes"][2]
    assert entry["threshold"] == 0.5 and not entry["fitted"] and entry["positives"] == 0
    assert "not fitted: 0 positives" in printed and "1 classes have too few positives" in printed


def test_thresholds_are_not_fitted_on_the_pack_of_the_training(trained, packs, tmp_path):
    command = ["thresholds", "fit", "--checkpoint", trained / "cat", "--data", packs / "pack-train", "--out", tmp_path / "t.json"]
    message = refused(3, *command)
    assert "was trained on this pack" in message and "--allow-training-pack" in message and not (tmp_path / "t.json").exists()
    catamaran(*command, "--allow-training-pack")
    assert json.loads((tmp_path / "t.json").read_text())["pack"]["held_out"] == "no"
    shutil.copy(newest_weights(trained / "cat"), tmp_path / "bare.safetensors")
    done = catamaran("thresholds", "fit", "--checkpoint", tmp_path / "bare.safetensors", "--data", packs / "pack-train", "--out", tmp_path / "t.json", ranks=2)
    assert "does not say what it was trained on" in done.stderr
    assert json.loads((tmp_path / "t.json").read_text())["pack"]["held_out"] == "not known"
