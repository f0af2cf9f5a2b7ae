"""bf16 and fp16 training from outside: losses that fall as in fp32, overflows that cost steps and not weights, resuming, evaluation."""
import json

import numpy as np
import pytest
from runs import SMALL, catamaran, metrics, settings
from safetensors.numpy import load_file


def train(config, run, *pairs, ranks=0):
    return catamaran("train", "--config", config, *settings(*SMALL, *pairs), "--run-dir", run, ranks=ranks)


def test_bf16_and_fp16_losses_fall_as_in_fp32(config, packs, tmp_path):
    last = {}
    for compute in ("fp32", "bf16", "fp16"):
        run = tmp_path / compute
        train(config, run, "schedule.max_steps=24", f"precision.compute={compute}", ranks=2)
        losses = [line["loss"] for line in metrics(run) if line["applied"]]
        assert len(losses) >= 22
        assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])
        last[compute] = np.mean(losses[-4:])
        assert json.loads((run / "manifest.json").read_text())["lives"][0]["precision"] == compute
        state = json.loads((run / "checkpoints/step-00000024/state.json").read_text())
        assert state["precision"] == compute
        # eval computes as the run did, so it finds the run's own number
        evaluation = json.loads(catamaran("eval", "--checkpoint", run, "--data", packs / "pack-test", "--json").stdout)
        assert evaluation["map"] == pytest.approx(json.loads((run / "eval/epoch-0004.json").read_text())["map"], abs=1e-9)
    assert last["bf16"] == pytest.approx(last["fp32"], rel=0.15)
    assert last["fp16"] == pytest.approx(last["fp32"], rel=0.15)


def test_an_fp16_overflow_skips_the_step_halves_the_scale_and_a_resumed_run_goes_on_with_it(config, tmp_path):
    pairs = ["precision.compute=fp16", "precision.loss_scale=16777216", "loss.scale=1000", "clip.max_norm=1", "precision.growth_interval=4",
             "checkpoint.every_steps=1", "checkpoint.keep=100", "numerics.max_consecutive_skips=40"]
    train(config, tmp_path / "run", *pairs, "schedule.max_steps=20", ranks=2)
    lines = metrics(tmp_path / "run")
    applied = [line["applied"] for line in lines]
    skipped = applied.index(True)
    assert 2 <= skipped < 19
    scales = [line["loss_scale"] for line in lines]
    assert scales[:skipped + 1] == [16777216 / 2**k for k in range(skipped + 1)]

    def folder(step):
        return tmp_path / f"run/checkpoints/step-{step:08d}"
    first, second, later = (load_file(folder(step) / "model.safetensors") for step in (1, skipped, skipped + 1))
    trained = [name for name in first if "running" not in name and "num_batches" not in name]
    assert all(np.array_equal(first[name], second[name]) for name in trained)
    assert not all(np.array_equal(first[name], later[name]) for name in trained)
    assert (folder(1) / "optimizer.safetensors").read_bytes() == (folder(skipped) / "optimizer.safetensors").read_bytes()

    train(config, tmp_path / "halves", *pairs, "schedule.max_steps=11", ranks=2)
    assert json.loads((tmp_path / "halves/checkpoints/step-00000011/state.json").read_text())["loss_scale"] == scales[11]
    train(config, tmp_path / "halves", *pairs, "schedule.max_steps=20", ranks=2)
    assert [line["loss_scale"] for line in metrics(tmp_path / "halves")] == scales
    assert [line["loss"] for line in metrics(tmp_path / "halves")] == [line["loss"] for line in lines]


def test_a_run_with_an_average_resumes_from_a_checkpoint_before_which_every_step_was_skipped(config, tmp_path):
    pairs = ["precision.compute=fp16", "precision.loss_scale=16777216", "loss.scale=1000", "clip.max_norm=1", "numerics.max_consecutive_skips=40", "ema.decay=0.9"]

    def state_of(step):
        return json.loads((tmp_path / f"run/checkpoints/step-{step:08d}/state.json").read_text())
    train(config, tmp_path / "run", *pairs, "schedule.max_steps=2", ranks=2)
    assert [line["applied"] for line in metrics(tmp_path / "run")] == [False, False]
    assert state_of(2)["ema_updates"] == 0 and "ema.safetensors" in state_of(2)["checksums"]
    train(config, tmp_path / "run", *pairs, "schedule.max_steps=20", ranks=2)
    applied = [line["applied"] for line in metrics(tmp_path / "run")]
    assert len(applied) == 20 and state_of(20)["ema_updates"] == sum(applied) > 0


def test_a_run_that_exchanges_fp16_resumes_its_scale_even_where_that_is_one(config, tmp_path):
    pairs = ["reducer.compression=fp16", "precision.loss_scale=1", "checkpoint.every_steps=4"]
    train(config, tmp_path / "run", *pairs, "schedule.max_steps=4", ranks=2)
    state = json.loads((tmp_path / "run/checkpoints/step-00000004/state.json").read_text())
    assert state["loss_scaled"] and state["loss_scale"] == 1 and state["loss_scale_applied"] == 4
    train(config, tmp_path / "run", "reducer.compression=fp16", "schedule.max_steps=8", ranks=2)  # the first scale would be 65536
    assert [line["loss_scale"] for line in metrics(tmp_path / "run")] == [1] * 8
    # and a run that did not scale takes the first one
    train(config, tmp_path / "plain", "schedule.max_steps=4", ranks=2)
    train(config, tmp_path / "plain", "reducer.compression=fp16", "precision.loss_scale=512", "schedule.max_steps=6", ranks=2)
    assert [line["loss_scale"] for line in metrics(tmp_path / "plain")] == [1] * 4 + [512] * 2


@pytest.mark.parametrize("pairs", [["loss.name=asl"], ["loss.name=focal", "loss.positive_weight=balanced"],
                                   ["loss.name=asl", "loss.asl_gamma_neg=2", "loss.asl_clip=0", "loss.asl_detach_weights=false"],
                                   ["loss.label_smoothing=0.1", "loss.auxiliary_weight=0.5", "loss.positive_weight=inverse", "loss.scale=4"]])
def test_every_loss_falls_and_is_the_mean_over_the_global_batch_on_any_split(config, tmp_path, pairs):
    # A model without kinks: where a ReLU's input or two values of a maximum lie within rounding, two splits differ by more than that.
    smooth = ["model.backbone.name=convnext_tiny", "model.cla.pma=false", "model.head.pool=mean"]
    calm = [*smooth, "schedule.max_steps=12", "optimizer.name=sgd", "optimizer.learning_rate=0.001", *pairs]
    train(config, tmp_path / "one", *calm)
    train(config, tmp_path / "two", *calm, "batch.per_device=4", ranks=2)
    one, two = metrics(tmp_path / "one"), metrics(tmp_path / "two")
    for a, b in zip(one, two, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-6)
        assert b["gradient_norm"] == pytest.approx(a["gradient_norm"], rel=5e-6)
    # an epoch is six steps: the same pictures
    assert np.mean([line["loss"] for line in one[6:]]) < 0.97 * np.mean([line["loss"] for line in one[:6]])
