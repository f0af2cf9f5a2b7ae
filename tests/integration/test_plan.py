"""`catamaran plan` and docs/model.md."""
import json
import re

import pytest
from runs import ROOT, catamaran

PAGE = ROOT / "docs/model.md"
DEMO = ROOT / "configs/demo"


def test_every_model_key_stands_in_the_page_with_its_default():
    page = PAGE.read_text()
    keys = re.findall(r"\| `(model\.[a-z0-9_.]+)` \| `(.+?)` \|", catamaran("config", "keys").stdout)
    assert len(keys) > 20
    documented = dict(re.findall(r"^\| `(model\.[a-z0-9_.]+)` \| `(.+?)` \|", page, flags=re.M))
    assert documented == dict(keys)


def test_the_growth_table_in_the_page_is_what_the_command_prints():
    assert catamaran("plan", "--sweep").stdout in PAGE.read_text()


@pytest.mark.parametrize("rows, pairs", [
    (["cat", "backbone"], []), (["cat", "cat-no-pma"], ["--set", "model.cla.query=upsampled"])], ids=["paper", "upsampled"])
def test_the_cost_tables_in_the_page_hold_what_the_command_prints(rows, pairs):
    files = [f"configs/coco2014/paper/{row}.toml" for row in rows]
    printed = catamaran("plan", "--config", *files, "--labels", 80, "--set", "batch.per_device=32", *pairs, cwd=ROOT).stdout.splitlines(keepends=True)
    assert len(printed) == 2 + len(rows)
    page = PAGE.read_text()
    assert all(line in page for line in printed)


def test_a_plan_adds_up_and_says_what_fits():
    done = catamaran("plan", "--config", DEMO / "cat.toml", "--labels", 10, "--json")
    plan, = json.loads(done.stdout)["configs"]
    assert plan["labels"] == 10 and plan["input_size"] == 64
    assert [part["name"] for part in plan["parts"]] == ["backbone", "fpn", "lrd", "cla4", "cla3", "heads"]
    for key in ("parameters", "trained", "macs"):
        assert sum(part[key] for part in plan["parts"]) == plan["total"][key]
    for mode, memory in plan["memory"].items():
        assert memory["per_image"] == plan["total"]["activation_bytes"][mode]
        fixed = sum(memory[key] for key in ("weights", "gradients", "optimizer", "ema", "copies", "reserve"))
        assert memory["at_per_device"] == fixed + plan["per_device"] * memory["per_image"]
        for card, images in memory["largest_batch_by_card_gib"].items():
            assert fixed + images * memory["per_image"] <= int(card) << 30 < fixed + (images + 1) * memory["per_image"]
    assert plan["memory"]["fp32_fused"]["ema"] == 0  # the demo keeps no average
    text = catamaran("plan", "--config", DEMO / "cat.toml", "--labels", 10).stdout
    assert f"{plan['total']['macs'] * 1e-9:.3f}" in text and "images that fit 24 GiB" in text


def test_several_configurations_are_compared_a_line_each_with_settings_for_all():
    rows = sorted(DEMO.glob("*.toml"))
    done = catamaran("plan", "--config", *rows, "--labels", 10, "--set", "batch.per_device=7")
    lines = done.stdout.splitlines()
    assert len(lines) == 2 + len(rows) == 8 and "GiB of 7 images" in lines[0]
    assert [line.split("`")[1] for line in lines[2:]] == list(map(str, rows))


def test_a_number_of_labels_that_nobody_gave_is_said(packs):
    assumed = "80 labels are assumed, COCO's number: there is no pack at nowhere (data.train), and --labels was not given"
    without, pack = ["--set", "data.train=nowhere"], ["--set", f"data.train={packs}/pack-train"]
    rows = [DEMO / "cat.toml", DEMO / "backbone.toml"]
    assert assumed in catamaran("plan", "--config", rows[0], *without).stdout.splitlines()
    assert catamaran("plan", "--config", *rows, *without).stdout.splitlines()[-1] == assumed
    for arguments, labels, guess in ((without, 80, True), (pack, 4, False), ([*without, "--labels", 80], 80, False)):
        plan, = json.loads(catamaran("plan", "--config", rows[0], *arguments, "--json").stdout)["configs"]
        assert (plan["labels"], plan["labels_assumed"]) == (labels, guess)
        if not guess:
            assert "assumed" not in catamaran("plan", "--config", rows[0], *arguments).stdout


@pytest.mark.parametrize("arguments, words", [
    ([], "no configuration was given"),
    (["--config", "nowhere.toml"], "there is no such file"),
    (["--config", DEMO / "cat.toml", "--labels", "0"], "--labels"),
    (["--config", DEMO / "cat.toml", "--set", "model.cla.kv_grid=-2"], "model.cla.kv_grid"),
])
def test_a_wrong_plan_is_a_sentence(arguments, words):
    done = catamaran("plan", *arguments, check=False)
    assert done.returncode == 2 and words in done.stderr, done.stderr
