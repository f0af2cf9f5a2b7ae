"""scripts/reproduce_corel5k.py: which runs it makes, goes on with, takes as they are, and refuses. Training itself is left out."""
import json
import shutil
import sys

import pytest
from runs import BINARY, ROOT, catamaran

sys.path.insert(0, str(ROOT / "scripts"))
import reproduce_corel5k  # noqa: E402

FOLDER = "build/reproduce-corel5k"


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The script on a copy of the configurations; script(stop=True, ...): the training is broken off. Returns what was trained."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    for there in ("packs/train", "packs/test", "lite0.safetensors"):
        (tmp_path / FOLDER / there).mkdir(parents=True)
    (tmp_path / "train.jsonl").touch()
    monkeypatch.setattr(reproduce_corel5k, "ROOT", tmp_path)
    monkeypatch.setattr(reproduce_corel5k, "BINARY", BINARY)

    def call(*arguments, stop=False):
        trained = []

        def train(*words):
            folder = tmp_path / words[words.index("--run-dir") + 1]
            trained.append((folder.name, words))
            (folder / "eval").mkdir(parents=True, exist_ok=True)
            if stop:
                sys.exit(143)
            (folder / "eval/epoch-0008.json").write_text('{"map": 0.4}')
            (folder / "metrics.jsonl").write_text(json.dumps({"images": 32, "step_seconds": 1}) + "\n")

        monkeypatch.setattr(reproduce_corel5k, "run", train)
        monkeypatch.setattr(sys, "argv", ["reproduce_corel5k.py", "--data", str(tmp_path), *arguments])
        try:
            reproduce_corel5k.main()
        except SystemExit as ended:
            assert stop and ended.code == 143, ended.code
        return trained

    return call


def refused(script, capsys, folder, *arguments):
    with pytest.raises(AssertionError, match="^2"):
        script(*arguments)
    said = capsys.readouterr().err
    assert f"remove the folder {folder}" in said and said.count("\n") == 1, said


def test_a_run_of_the_same_configuration_is_resumed_and_then_taken_as_it_is(script, tmp_path):
    rows = ("--rows", "cat", "--seeds", "1")
    begun = script(*rows, stop=True)
    assert [name for name, _ in begun] == ["cat-seed1"]
    shown = (tmp_path / FOLDER / "cat-seed1.toml").read_text()
    assert "seed = 1" in shown and "dim = 256" in shown
    base = tmp_path / "configs/base/corel5k.toml"
    base.write_text("# A line that changes no value.\n" + base.read_text())
    assert script(*rows) == begun
    assert script(*rows) == []


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_of_another_configuration_is_refused_before_anything_is_trained(script, tmp_path, capsys, finished):
    script("--rows", "cat", "--seeds", "2", stop=not finished)
    config = tmp_path / "configs/corel5k/cat.toml"
    config.write_text(config.read_text().replace("heads = 8", "heads = 4"))
    folder = tmp_path / FOLDER / "cat-seed2"
    before = sorted(tmp_path.rglob("*"))
    refused(script, capsys, folder, "--seeds", "1", "2")
    assert sorted(tmp_path.rglob("*")) == before
    shutil.rmtree(folder)
    assert [name for name, _ in script("--rows", "cat", "--seeds", "2")] == ["cat-seed2"]
    assert script("--rows", "cat", "--seeds", "2") == []


def test_a_run_of_which_the_configuration_is_not_known_is_refused(script, tmp_path, capsys):
    rows, kept = ("--rows", "cat", "--seeds", "1"), tmp_path / FOLDER / "cat-seed1.toml"
    script(*rows)
    for damaged in (b"[model", b"\xff", None):
        kept.unlink() if damaged is None else kept.write_bytes(damaged)
        refused(script, capsys, tmp_path / FOLDER / "cat-seed1", *rows)


def test_max_pooling_of_the_plain_backbone_is_a_row_to_ask_for(script):
    assert [name for name, _ in script("--seeds", "1")] == ["backbone-seed1", "backbone-fpn-seed1", "cat-seed1"]
    assert [name for name, _ in script("--seeds", "1", "--rows", "backbone", "backbone-max")] == ["backbone-max-seed1"]
    one, other = (json.loads(catamaran("config", "show", "--config", ROOT / f"configs/corel5k/{row}.toml", "--json").stdout)
                  for row in ("backbone", "backbone-max"))
    changed = {key: (one[key]["value"], other[key]["value"]) for key in one if one[key]["value"] != other[key]["value"]}
    assert changed == {"model.head.pool": ('"mean"', '"max"')}
