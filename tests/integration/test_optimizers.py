"""Optimizers, rates by part of the model, scaling with the batch and clipping, in runs of the whole program."""
import json

import numpy as np
import pytest
from runs import SMALL, catamaran, metrics, settings
from safetensors.numpy import load_file

KINDS = {
    "sgd": ["optimizer.name=sgd", "optimizer.nesterov=true"],
    "lars": ["optimizer.name=lars", "optimizer.lars_variant=larc", "optimizer.trust_coefficient=0.02", "optimizer.learning_rate=0.1"],
    "lamb": ["optimizer.name=lamb", "optimizer.epsilon=1e-6", "clip.max_norm=1", "optimizer.layer_decay=0.7"],
    "agc": ["clip.mode=agc", "optimizer.head_ratio=2"],
}


def train(config, run, *pairs, ranks=0, more=(), **kwargs):
    return catamaran("train", "--config", config, *settings(*SMALL, "data.eval=", "evaluate.every_epochs=0", *pairs), "--run-dir", run, *more,
                     ranks=ranks, **kwargs)


def said(run):
    return [json.loads(line)["message"] for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_two_ranks_that_is_resumed_has_the_weights_of_one_that_was_not(config, tmp_path, kind):
    pairs = [*KINDS[kind], "numerics.consistency_every_steps=1", "checkpoint.every_steps=2"]  # which averages statistics of batch norm
    train(config, tmp_path / "whole", *pairs, "schedule.max_steps=4", ranks=2)
    train(config, tmp_path / "cut", *pairs, "schedule.max_steps=2", ranks=2)
    train(config, tmp_path / "cut", *pairs, "schedule.max_steps=4", ranks=2, more=["--resume", "auto"])
    for file in ("model.safetensors", "optimizer.safetensors"):
        whole, cut = (load_file(tmp_path / run / "checkpoints/step-00000004" / file) for run in ("whole", "cut"))
        assert whole.keys() == cut.keys()
        assert all(np.array_equal(whole[name], cut[name]) for name in whole), file
    assert all(line["applied"] for line in metrics(tmp_path / "whole"))


def test_the_start_tells_the_groups_and_the_scaled_rate_and_the_manifest_keeps_it(config, tmp_path):
    train(config, tmp_path / "run", "batch.global=8", "optimizer.scaling=linear", "optimizer.base_batch=32", "optimizer.learning_rate=0.004",
          "optimizer.layer_decay=0.5", "optimizer.backbone_ratio=0.1", "schedule.max_steps=1")
    messages = said(tmp_path / "run")
    table = next(message for message in messages if message.startswith("parameter group")).splitlines()
    rows = {line[:24].strip(): float(line[47:60]) for line in table[1:]}
    assert rows["backbone, 1 from the top"] == 0.05 and rows["backbone, 5 from the top"] == pytest.approx(0.1 * 0.5**5, rel=1e-3)
    assert rows["heads"] == rows["new layers"] == 1
    assert any(message.startswith("learning rate 0.001: 0.004 for a batch of 32") for message in messages)
    assert metrics(tmp_path / "run")[0]["learning_rate"] == pytest.approx(0.001)
    assert json.loads((tmp_path / "run/manifest.json").read_text())["lives"][0]["learning_rate"] == pytest.approx(0.001)


def test_options_that_do_not_fit_one_another_are_refused_together(config, tmp_path):
    done = train(config, tmp_path / "run", "optimizer.name=lars", "optimizer.weight_decay=0", "optimizer.scaling=sqrt", "optimizer.trust_cap=1",
                 "clip.mode=agc", "clip.max_norm=1", check=False)
    assert done.returncode == 2
    for part in ("optimizer.weight_decay", "optimizer.base_batch", "optimizer.trust_cap", "clip.max_norm"):
        assert part in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_resume_with_another_kind_of_momentum_is_refused_and_with_another_rate_is_told_and_kept(config, tmp_path):
    run, sgd = tmp_path / "run", ["optimizer.name=sgd"]
    train(config, run, *sgd, "schedule.max_steps=1")
    for pair, key in (("optimizer.nesterov=true", "optimizer.nesterov"), ("optimizer.momentum=0", "optimizer.momentum"),
                      ("optimizer.name=adamw", "optimizer.name")):
        done = train(config, run, *sgd, pair, "schedule.max_steps=2", check=False)
        assert done.returncode == 4 and f"{key} was" in done.stderr and "weights.init" in done.stderr, done.stderr
    train(config, run, *sgd, "optimizer.learning_rate=0.001", "optimizer.weight_decay=0", "schedule.max_steps=2")
    lives = json.loads((run / "manifest.json").read_text())["lives"]
    assert [life["changed_at_resume"] for life in lives] == [{}, {"optimizer.learning_rate": {"was": "0.002", "is": "0.001"},
                                                                  "optimizer.weight_decay": {"was": "1e-04", "is": "0"},
                                                                  "schedule.max_steps": {"was": "1", "is": "2"}}]
    assert any("optimizer.learning_rate was 0.002 until now and is 0.001 from here on" in message for message in said(run))
    assert [line["learning_rate"] for line in metrics(run)] == pytest.approx([0.002, 0.001])
