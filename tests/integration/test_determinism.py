"""The same run twice, on any number of ranks: the same bits where they must be, the same numbers where sums are in another order."""
import json
import os
import signal

import numpy as np
import pytest
from generated import NAMES, picture_with_labels
from PIL import Image
from runs import SMALL, catamaran, metrics, ranks_of, settings, started, wait_for
from safetensors.numpy import load_file

# A calm descent. Sums in another order differ in the last bit of fp32; where a step jumps (or AdamW divides a gradient near zero
# by its own size) that bit doubles from step to step, whatever the number of ranks.
CALM = ["optimizer.name=sgd", "optimizer.learning_rate=3e-4", "data.eval=", "evaluate.every_epochs=0"]
STEPS = 8
LOSS_TOLERANCE = 1e-5  # of a step's loss, about 1; seen: 8e-7
WEIGHT_TOLERANCE = 1e-5  # of a trained weight after STEPS steps, the largest are about 1; seen: 4e-6
STATISTICS_TOLERANCE = 1e-4  # of batch norm's, of which ATen sums 65,536 values in fp32; seen: 2e-5
# Each micro-batch's mean taken by itself, then the mean of those (step.cpp changed by hand: the loss divided by its own count of valid labels
# before backward, the sum by the number of ranks): all seven cases of any_number_of_ranks fail, with 5e-4 to 3e-3 of the loss and 1e-4 to 2e-4 of a weight.


def train(config, run, *pairs, ranks=0, **kwargs):
    return catamaran("train", "--config", config, *settings(*SMALL, *pairs), "--run-dir", run, ranks=ranks, **kwargs)


def last_checkpoint(run):
    return run / "checkpoints" / (run / "checkpoints/latest").read_text().strip()


def largest_difference(a, b, statistics=False):
    left, right = (load_file(last_checkpoint(run) / "model.safetensors") for run in (a, b))
    assert left.keys() == right.keys()
    return max(np.abs(left[name].astype(np.float64) - right[name]).max() for name in left
               if name.endswith(("running_mean", "running_var")) == statistics)


def loss_difference(a, b):
    left, right = ([line["loss"] for line in metrics(run)] for run in (a, b))
    assert len(left) == len(right) == STEPS
    return max(abs(x - y) for x, y in zip(left, right))


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """52 images for batches of 16, so that each epoch leaves four out; half of the images have labels that are ignored, the later the more."""
    folder = tmp_path_factory.mktemp("uneven")
    random = np.random.default_rng(7)
    lines = []
    for i in range(52):
        picture, labels = picture_with_labels(random)
        Image.fromarray(picture).save(folder / f"{i}.jpg", quality=92)
        ignored = [name for name in NAMES if random.random() < i / 60] if i % 2 else []
        lines.append(json.dumps({"image": f"{i}.jpg", "labels": [name for name in labels if name not in ignored], "ignore": ignored}))
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "classes.txt").write_text("\n".join(NAMES) + "\n")
    catamaran("pack", "manifest", "--images", folder, "--manifest", folder / "train.jsonl", "--classes", folder / "classes.txt", "--out", folder / "pack")
    (folder / "config.toml").write_text(f'[data]\ntrain = "{folder}/pack"\ndifficult_train = "ignore"\n[batch]\nglobal = 16\nper_device = 16\n'
                                        f"[schedule]\nepochs = 9\nmax_steps = {STEPS}\n[train]\nlog_samples = true\n")
    return folder / "config.toml"


@pytest.mark.parametrize("ranks, threads", [(1, 1), (1, 2), (2, 1)])
def test_the_same_run_twice_writes_the_same_bytes(config, tmp_path, ranks, threads):
    pairs = ["model.attention.dropout=0.1", "ema.decay=0.99", f"comm.threads_per_rank={threads}", "data.threads=2", "schedule.max_steps=7", "data.augment.flip=true"]
    for name in ("first", "again"):
        train(config, tmp_path / name, *pairs, ranks=ranks)
    for file in ("model.safetensors", "ema.safetensors", "optimizer.safetensors"):
        first, again = (last_checkpoint(tmp_path / name) / file for name in ("first", "again"))
        assert first.read_bytes() == again.read_bytes(), file


@pytest.mark.parametrize("bn, ranks, per_device", [("frozen", 2, 16), ("frozen", 4, 16), ("frozen", 1, 4), ("frozen", 2, 2), ("frozen", 4, 2),
                                                   ("sync", 2, 16), ("sync", 4, 16)])
def test_any_number_of_ranks_and_micro_batches_trains_the_same_model(uneven, tmp_path, bn, ranks, per_device):
    pairs = [*CALM, f"model.backbone.bn={bn}"]
    train(uneven, tmp_path / "one", *pairs)
    train(uneven, tmp_path / "other", *pairs, f"batch.per_device={per_device}", "numerics.consistency_every_steps=1", ranks=ranks)
    assert (tmp_path / "one/samples.jsonl").read_text() == (tmp_path / "other/samples.jsonl").read_text()
    assert loss_difference(tmp_path / "one", tmp_path / "other") < LOSS_TOLERANCE
    assert largest_difference(tmp_path / "one", tmp_path / "other") < WEIGHT_TOLERANCE
    assert largest_difference(tmp_path / "one", tmp_path / "other", statistics=True) < STATISTICS_TOLERANCE


def test_statistics_of_each_rank_alone_train_another_model(uneven, tmp_path):
    train(uneven, tmp_path / "one", *CALM)
    train(uneven, tmp_path / "two", *CALM, ranks=2)
    assert loss_difference(tmp_path / "one", tmp_path / "two") > 100 * LOSS_TOLERANCE
    assert largest_difference(tmp_path / "one", tmp_path / "two") > 10 * WEIGHT_TOLERANCE


def test_a_checkpoint_has_the_mean_over_ranks_of_the_statistics_of_each(uneven, tmp_path):
    """Before the first batch norm all ranks have the same convolution, so the mean of two halves' means is the mean of the batch."""
    pairs = [*CALM, "schedule.max_steps=1"]
    train(uneven, tmp_path / "one", *pairs)
    train(uneven, tmp_path / "two", *pairs, ranks=2)
    one, two = (load_file(last_checkpoint(tmp_path / run) / "model.safetensors")["backbone.bn1.running_mean"] for run in ("one", "two"))
    assert np.abs(one).max() > 0.01
    np.testing.assert_allclose(two, one, atol=1e-6)


def test_an_epoch_has_whole_batches_alone_and_every_epoch_leaves_others_out(uneven, tmp_path):
    train(uneven, tmp_path / "run", *CALM, "model.backbone.bn=frozen", "schedule.epochs=10", "schedule.max_steps=30")
    steps = [json.loads(line)["ids"] for line in (tmp_path / "run/samples.jsonl").read_text().splitlines()]
    assert [len(ids) for ids in steps] == [16] * 30
    epochs = [sum(steps[first:first + 3], []) for first in range(0, 30, 3)]
    assert all(len(set(ids)) == 48 for ids in epochs)
    left_out = [frozenset({f"{i}.jpg" for i in range(52)} - set(ids)) for ids in epochs]
    assert len(set(left_out)) > 5 and not frozenset.intersection(*left_out)


def flip_a_bit_of(process, value):
    """Wherever the process holds these bytes in memory that it may write to."""
    flipped = 0
    with open(f"/proc/{process}/maps") as maps, open(f"/proc/{process}/mem", "r+b", buffering=0) as memory:
        for line in maps:
            place, access = line.split()[:2]
            first, end = (int(part, 16) for part in place.split("-"))
            if not access.startswith("rw") or "/" in line:
                continue
            try:
                memory.seek(first)
                content = memory.read(end - first)
            except OSError:
                continue
            at = content.find(value)
            while at >= 0:
                memory.seek(first + at)
                memory.write(bytes([content[at] ^ 1]))
                flipped += 1
                at = content.find(value, at + 1)
    return flipped


def test_one_bit_of_one_rank_ends_the_job_with_code_6_and_names_tensor_and_rank(config, tmp_path):
    train(config, tmp_path / "start", "schedule.max_steps=1", *CALM)
    weights = load_file(last_checkpoint(tmp_path / "start") / "model.safetensors")
    name = next(key for key, value in weights.items() if key.startswith("lrd.") and value.ndim == 2)
    still = ["optimizer.learning_rate=1e-30", f"weights.init={tmp_path}/start", "numerics.consistency_every_steps=1", "schedule.epochs=2000"]
    arguments = ["train", "--config", config, *settings(*SMALL, *CALM, *still), "--run-dir", tmp_path / "run"]
    with started(*arguments, ranks=2) as job:
        wait_for("the first steps", lambda: (tmp_path / "run/metrics.jsonl").exists() and len(metrics(tmp_path / "run")) > 2)
        process = ranks_of(job)[1]
        os.kill(process, signal.SIGSTOP)
        try:
            flipped = flip_a_bit_of(process, weights[name].tobytes()[:64])
        except PermissionError as denied:
            pytest.skip(f"this machine lets nobody write into another process: {denied}")
        finally:
            os.kill(process, signal.SIGCONT)
        assert flipped > 0
        output, _ = job.communicate(timeout=60)
    assert job.returncode == 6, output
    assert f"tensor '{name}' differs from rank 0 on rank 1" in output
