"""configs/ and docs/configuration.md say what the program reads."""
import json
import re

import pytest
from runs import ROOT, catamaran

# files of base/ are there to be extended, those of sweeps/ are tested in test_sweep.py
CONFIGS = sorted(path.relative_to(ROOT / "configs") for path in (ROOT / "configs").rglob("*.toml") if path.parent.name not in ("base", "sweeps"))
FOLDERS = ["voc2007/paper", "voc2007/modern", "coco2014/paper", "coco2014/modern", "demo"]
ROWS = {
    "cat-no-lrd": {"model.lrd.enabled"},
    "cat-no-pma": {"model.cla.pma"},
    "cat-no-clf": {"model.cla.enabled"},
    "backbone-fpn": {"model.cla.enabled", "model.lrd.enabled"},
    "backbone": {"model.fpn.enabled", "model.cla.enabled", "model.lrd.enabled"},
}


def values(*arguments):
    return {key: entry["value"] for key, entry in json.loads(catamaran("config", "show", "--json", *arguments).stdout).items()}


def test_the_page_of_keys_is_what_the_program_prints():
    assert (ROOT / "docs/configuration.md").read_text() == catamaran("config", "keys").stdout


def test_every_configuration_that_a_page_or_a_script_names_is_there():
    pages = [path for pattern in ("*.md", "docs/*.md", "scripts/*.sh", "scripts/*.py", "slurm/*", "bench/*.py", "launch/*.cpp") for path in ROOT.glob(pattern)]
    named = {(page.relative_to(ROOT), name.rstrip(".")) for page in pages for name in re.findall(r"\bconfigs/[\w./-]+", page.read_text())}
    assert {"demo.sh", "demo_real.sh", "README.md", "reproduce.md", "train.sbatch"} <= {page.name for page, _ in named}
    assert [(str(page), name) for page, name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", CONFIGS, ids=str)
def test_a_shipped_file_is_valid_and_its_resolved_form_reads_back_the_same(name, tmp_path):
    path = ROOT / "configs" / name
    catamaran("config", "check", "--config", path, cwd=ROOT)
    resolved = tmp_path / "resolved.toml"
    resolved.write_text(catamaran("config", "show", "--config", path, cwd=ROOT).stdout)
    assert values("--config", resolved) == values("--config", path)


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_ablation_differs_from_its_cat_in_its_switches_alone(folder):
    cat = values("--config", ROOT / f"configs/{folder}/cat.toml")
    assert sorted(path.stem for path in (ROOT / "configs" / folder).glob("*.toml")) == sorted(["cat", *ROWS])
    for row, switched in ROWS.items():
        other = values("--config", ROOT / f"configs/{folder}/{row}.toml")
        assert {key for key in cat if cat[key] != other[key]} == switched, row
        assert all(other[key] == "false" for key in switched), row


def test_a_recipe_is_the_same_on_both_data_sets():
    for recipe in ("paper", "modern"):
        voc, coco = (values("--config", ROOT / f"configs/{data}/{recipe}/cat.toml") for data in ("voc2007", "coco2014"))
        assert {key for key in voc if voc[key] != coco[key]} == {"data.train", "data.eval"}


def test_the_recipes_are_what_they_say():
    paper, modern = (values("--config", ROOT / f"configs/voc2007/{recipe}/cat.toml") for recipe in ("paper", "modern"))
    assert (paper["model.attention.norm"], paper["model.head.pool"], paper["data.difficult_train"]) == ('"post"', '"mean"', '"positive"')
    assert (modern["model.attention.norm"], modern["model.head.pool"], modern["data.difficult_train"]) == ('"pre"', '"max"', '"ignore"')
    assert (paper["optimizer.name"], paper["ema.decay"]) == ('"sgd"', "0.0")
    assert (modern["optimizer.name"], modern["ema.decay"]) == ('"adamw"', "0.9997")
    assert values("--config", ROOT / "configs/cat.toml") == values("--config", ROOT / "configs/coco2014/modern/cat.toml")


def test_a_setting_beats_the_file_and_says_so():
    shown = json.loads(catamaran("config", "show", "--json", "--config", ROOT / "configs/demo/cat.toml", "--set", "batch.global=32").stdout)
    assert shown["batch.global"] == {"value": "32", "source": "--set"}
    assert shown["model.attention.dim"]["value"] == "96" and "demo/cat.toml:" in shown["model.attention.dim"]["source"]
    assert shown["ema.warmup"]["source"] == "default"
