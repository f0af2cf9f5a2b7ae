"""`catamaran plan` on many devices, and `bench step`, which measures what it starts from."""
import json

import pytest
from runs import ROOT, SMALL, catamaran, settings

DEMO = ROOT / "configs/demo/cat.toml"


def plan(*arguments):
    return json.loads(catamaran("plan", "--config", DEMO, "--labels", 10, *arguments, "--json").stdout)["configs"][0]["scaling"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    file = tmp_path_factory.mktemp("step") / "step.json"
    done = catamaran("bench", "step", "--config", DEMO, *settings(*SMALL, "batch.per_device=4"), "--labels", 10, "--steps", 4, "--out", file)
    assert "images/s" in done.stdout
    return file, json.loads(file.read_text())


def test_a_measured_step_has_every_gradient_at_its_time(measured):
    _, step = measured
    assert step["images"] == 4 and step["device"] == "cpu" and step["spread"] >= 0
    times = [gradient["seconds"] for gradient in step["gradients"]]
    assert times == sorted(times) and 0 < times[0] and times[-1] <= step["backward_seconds"]
    assert sum(gradient["bytes"] for gradient in step["gradients"]) == 4 * step["parameters"]
    names = [gradient["name"] for gradient in step["gradients"]]
    backbone = [i for i, name in enumerate(names) if name.startswith("backbone")]
    heads = [i for i, name in enumerate(names) if name.startswith("head")]
    assert len(set(names)) == len(names) and backbone and heads
    assert max(heads) < max(backbone)  # backward ends with the first layers


def test_the_step_of_one_device_is_the_measured_one_and_rows_are_consistent(measured):
    file, step = measured
    rows = plan("--set", "batch.per_device=4", "--step", file)["rows"]
    assert [row["ranks"] for row in rows] == [2 ** k for k in range(13)]
    one = rows[0]
    assert one["step_seconds"] == pytest.approx(sum(step[f"{phase}_seconds"] for phase in ("forward", "backward", "optimizer")))
    assert one["efficiency"] == pytest.approx(1) and one["exposed_seconds"] == one["waiting_seconds"] == 0
    for before, row in zip(rows, rows[1:]):
        assert row["step_seconds"] >= before["step_seconds"] and row["efficiency"] <= before["efficiency"] <= 1
        assert row["global_batch"] == 4 * row["ranks"]
        assert row["images_per_second"] == pytest.approx(row["global_batch"] / row["step_seconds"])


def test_a_slower_network_is_slower_and_a_better_bucket_is_named():
    common = ["--step-seconds", 0.1, "--ranks", "64", "--set", "batch.per_device=32"]
    fast, slow = (plan(*common, "--bandwidth-gbits", gbits)["rows"][0] for gbits in (400, 1))
    assert slow["step_seconds"] > fast["step_seconds"] and slow["efficiency"] < fast["efficiency"]
    large = ["plan", "--config", ROOT / "configs/coco2014/paper/cat.toml", *common, "--bandwidth-gbits", 10, "--set", "reducer.bucket_bytes=1000000000"]
    one_bucket = json.loads(catamaran(*large, "--json").stdout)["configs"][0]["scaling"]
    assert len(one_bucket["buckets"]) == 3 and one_bucket["best_bucket_bytes"] < 1000000000  # a small first and last one
    text = catamaran(*large).stdout
    assert "better: reducer.bucket_bytes" in text


def test_what_limits_besides_compute_is_said():
    common = ["plan", "--config", DEMO, "--step-seconds", 0.1, "--ranks", "1,8", "--set", "batch.per_device=32"]
    text = catamaran(*common, "--loader-images-per-second", 100).stdout
    assert "warning: from 1 device(s) on the loader is the limit" in text and "| loader |" in text
    text = catamaran(*common, "--storage-bytes-per-second", 100e6, "--image-bytes", 200000).stdout
    assert "warning: from 8 device(s) on the storage is the limit" in text
    text = catamaran(*common, "--scaling", "strong", "--set", "batch.global=12", "--ranks", "1,5").stdout
    assert "cannot be split over 5 8 devices" in text or "cannot be split over 5" in text


def test_a_file_of_a_network_is_read_and_a_picture_drawn(tmp_path):
    network = tmp_path / "network.json"
    network.write_text(json.dumps({"world": 2, "latency_seconds": 1e-3, "bandwidth_bytes_per_second": 1e9}))
    picture = tmp_path / "plan.png"
    row = plan("--step-seconds", 0.1, "--ranks", "2", "--network", network, "--plot", picture)["rows"][0]
    buckets = plan("--step-seconds", 0.1, "--ranks", "2", "--network", network)["buckets"]
    assert row["exchange_seconds"] == pytest.approx(sum(1e-3 + bucket["bytes"] / 1e9 for bucket in buckets))
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_gradients_in_two_bytes_are_half_as_many_and_a_network_of_several_nodes_is_refused(tmp_path):
    common = ["--step-seconds", 0.1, "--ranks", "16"]
    whole, half = (plan(*common, "--set", f"reducer.compression={type}")["buckets"] for type in ("none", "bf16"))
    assert [bucket["bytes"] for bucket in half] == [bucket["bytes"] / 2 for bucket in whole]
    network = tmp_path / "network.json"
    network.write_text(json.dumps({"world": 4, "nodes": 2, "latency_seconds": 1e-3, "bandwidth_bytes_per_second": 1e9}))
    done = catamaran("plan", "--config", DEMO, *common, "--network", network, check=False)
    assert done.returncode == 2 and "network.json" in done.stderr and "--bandwidth-gbits" in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--gpu", "abacus"], ["abacus", "a100"]),
    (["--gpu", "a100", "--step-seconds", 1], ["more than once"]),
    (["--plot", "new.png"], ["--plot", "--step"]),
    (["--step", "no-such-file.json"], ["no-such-file.json"]),
    (["--step-seconds", 1, "--ranks", "0"], ["--ranks"]),
    (["--step-seconds", 1, "--config", DEMO], ["--config"]),
], ids=["gpu", "twice", "plot", "step", "ranks", "two"])
def test_a_wrong_question_is_refused_in_words(arguments, words):
    done = catamaran("plan", "--config", DEMO, *arguments, check=False)
    assert done.returncode == 2 and all(word in done.stderr for word in words), done.stderr
