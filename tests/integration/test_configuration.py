"""configs/ and docs/configuration.md say what the program reads."""
import json

import pytest
from runs import ROOT, catamaran

# base/common.toml has no data: it is only there to be extended
CONFIGS = sorted(path.relative_to(ROOT / "configs") for path in (ROOT / "configs").rglob("*.toml") if path.name != "common.toml")


def values(*arguments):
    return {key: entry["value"] for key, entry in json.loads(catamaran("config", "show", "--json", *arguments).stdout).items()}


def test_the_page_of_keys_is_what_the_program_prints():
    assert (ROOT / "docs/configuration.md").read_text() == catamaran("config", "keys").stdout


@pytest.mark.parametrize("name", CONFIGS, ids=str)
def test_a_shipped_file_is_valid_and_its_resolved_form_reads_back_the_same(name, tmp_path):
    path = ROOT / "configs" / name
    catamaran("config", "check", "--config", path, cwd=ROOT)
    resolved = tmp_path / "resolved.toml"
    resolved.write_text(catamaran("config", "show", "--config", path, cwd=ROOT).stdout)
    assert values("--config", resolved) == values("--config", path)


@pytest.mark.parametrize("ablation, switched", [
    ("without_lrd", {"model.lrd.enabled"}),
    ("without_pma", {"model.cla.pma"}),
    ("without_clf", {"model.cla.enabled"}),
    ("backbone_fpn", {"model.cla.enabled", "model.lrd.enabled"}),
    ("backbone", {"model.fpn.enabled", "model.cla.enabled", "model.lrd.enabled"}),
])
def test_an_ablation_differs_from_cat_in_its_switches_alone(ablation, switched):
    cat, other = values("--config", ROOT / "configs/cat.toml"), values("--config", ROOT / f"configs/{ablation}.toml")
    assert {key for key in cat if cat[key] != other[key] and key != "run.name"} == switched


def test_a_setting_beats_the_file_and_says_so():
    shown = json.loads(catamaran("config", "show", "--json", "--config", ROOT / "configs/demo.toml", "--set", "batch.global=32").stdout)
    assert shown["batch.global"] == {"value": "32", "source": "--set"}
    assert shown["model.attention.dim"]["value"] == "96" and "demo.toml:" in shown["model.attention.dim"]["source"]
    assert shown["ema.warmup"]["source"] == "default"
