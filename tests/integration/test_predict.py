"""predict: pictures named in every way, in batches, in every format; broken ones; thresholds per class."""
import csv
import io
import json
import os
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from runs import BINARY, catamaran, changed, newest_weights
from test_bad_input import refused

NAMES = ["top left", "top right", "bottom left", "bottom right"]


def predict(trained, *arguments, top=0):
    return catamaran("predict", "--checkpoint", trained / "cat", "--top", top, *arguments)


def by_image(lines):
    return {line["image"]: {entry["label"]: entry["probability"] for entry in line["labels"]} for line in lines}


def jsonl(done):
    return by_image(json.loads(line) for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def photos(packs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    (folder / "sub").mkdir()
    for i, name in enumerate(["b.jpg", "a.JPG", "sub/c.jpeg", "sub/d, \"e\".jpg", "f[1].jpg"]):
        shutil.copy(packs / f"test{i}.jpg", folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_batches_say_what_single_predictions_say(trained, packs):
    files = [packs / f"test{i}.jpg" for i in range(21)]
    batched = jsonl(predict(trained, *files, "--format", "jsonl", "--batch", 8))
    single = jsonl(predict(trained, *files, "--format", "jsonl", "--batch", 1))
    assert list(batched) == [str(file) for file in files]
    for image, labels in batched.items():
        assert set(labels) == set(NAMES)
        for label, probability in labels.items():
            assert probability == pytest.approx(single[image][label], abs=1e-5)
    assert np.std([labels["top left"] for labels in batched.values()]) > 1e-3, "the model tells pictures apart"


def test_folders_patterns_files_and_lists_name_the_same_pictures(trained, photos):
    folder = jsonl(predict(trained, photos, "--format", "jsonl"))
    assert list(folder) == sorted(str(photos / name) for name in ["b.jpg", "a.JPG", "sub/c.jpeg", "sub/d, \"e\".jpg", "f[1].jpg"])
    assert list(jsonl(predict(trained, photos / "s*" / "*.jp*g", "--format", "jsonl"))) == [str(photos / "sub/c.jpeg"), str(photos / "sub/d, \"e\".jpg")]
    assert list(jsonl(predict(trained, photos / "f[1].jpg", "--format", "jsonl"))) == [str(photos / "f[1].jpg")]
    listed = subprocess.run([BINARY, "predict", "--checkpoint", trained / "cat", "--top", "0", "--format", "jsonl", "-"],
                            input="\n".join(folder), capture_output=True, text=True, check=True)
    assert jsonl(listed) == folder


def test_answers_come_while_the_list_goes_on(trained, photos):
    job = subprocess.Popen([BINARY, "predict", "--checkpoint", trained / "cat", "--format", "jsonl", "-"], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True)
    for name in ("b.jpg", "a.JPG"):
        job.stdin.write(f"{photos / name}\n")
        job.stdin.flush()
        assert json.loads(job.stdout.readline())["image"] == str(photos / name)
    job.stdin.close()
    assert job.stdout.read() == "" and job.wait(timeout=30) == 0


def test_every_format_says_the_same(trained, photos, tmp_path):
    lines = jsonl(predict(trained, photos, "--format", "jsonl"))
    assert by_image(json.loads(predict(trained, photos, "--json").stdout)) == lines
    rows = list(csv.DictReader(io.StringIO(predict(trained, photos, "--format", "csv").stdout)))
    assert len(rows) == 5 * 4
    for row in rows:
        assert float(row["probability"]) == pytest.approx(lines[row["image"]][row["label"]], rel=1e-7)
        assert row["present"] == str(int(float(row["probability"]) >= 0.5)) and float(row["threshold"]) == 0.5
    table = predict(trained, photos).stdout
    assert all(image in table for image in lines) and all(name in table for name in NAMES)
    out = tmp_path / "new/all.csv"
    assert predict(trained, photos, "--format", "csv", "--out", out).stdout == ""
    assert list(csv.DictReader(out.open())) == rows
    assert [len(json.loads(line)["labels"]) for line in predict(trained, photos, "--format", "jsonl", top=2).stdout.splitlines()] == [2] * 5


def test_broken_pictures_are_named_and_the_rest_is_predicted(trained, photos, tmp_path):
    for name in ("b.jpg", "a.JPG"):
        shutil.copy(photos / name, tmp_path / name)
    (tmp_path / "c.jpg").write_bytes(b"\x89PNG\r\n\x1a\nnot a jpeg")
    (tmp_path / "d.jpg").write_bytes((photos / "b.jpg").read_bytes()[:700])
    (tmp_path / "e.jpg").write_bytes(b"")
    listed = "\n".join(str(tmp_path / name) for name in ("a.JPG", "c.jpg", "d.jpg", "e.jpg", "none.jpg", ".", "b.jpg"))
    command = [BINARY, "predict", "--checkpoint", trained / "cat", "--format", "jsonl", "-"]
    done = subprocess.run([*command, "--out", tmp_path / "out.jsonl"], input=listed, capture_output=True, text=True)
    assert done.returncode == 3
    assert [json.loads(line)["image"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [str(tmp_path / n) for n in ("a.JPG", "b.jpg")]
    for name, says in (("c.jpg", "PNG"), ("d.jpg", "damaged"), ("e.jpg", "empty"), ("none.jpg", "cannot open"), (".", "no file")):
        assert any(str(tmp_path / name) in line and says in line for line in done.stderr.splitlines()), done.stderr
    assert "5 of 7 pictures" in done.stderr and "pack again" not in done.stderr

    named = catamaran("predict", "--checkpoint", trained / "cat", tmp_path / "none.jpg", photos / "b.jpg", check=False)
    assert named.returncode == 3 and "none.jpg" in named.stderr and "b.jpg" in named.stdout

    strict = subprocess.run([*command, "--strict", "--out", tmp_path / "strict.jsonl"], input=listed, capture_output=True, text=True)
    assert strict.returncode == 3 and "c.jpg" in strict.stderr and "d.jpg" not in strict.stderr
    assert not (tmp_path / "strict.jsonl").exists() and not list(tmp_path.glob(".*.tmp.*"))


@pytest.mark.parametrize("name", ["head1.fc.bias", "backbone.conv1.weight", "backbone.bn1.running_var"])  # a fused ReLU makes 0 of NaN
def test_a_model_whose_weights_are_not_numbers_ends_it(trained, photos, tmp_path, name):
    file = changed(newest_weights(trained / "cat"), tmp_path / "diverged.safetensors", lambda tensors, _: tensors[name].fill(np.nan))
    assert "is not all numbers" in refused(6, "predict", "--checkpoint", file, photos, "--out", tmp_path / "out.csv", "--format", "csv")
    assert not (tmp_path / "out.csv").exists()
    assert "is not all numbers" in refused(6, "explain", "--checkpoint", file, photos / "b.jpg", "--out", tmp_path / "seen")
    assert not (tmp_path / "seen").exists()


def test_a_model_whose_scores_are_not_numbers_ends_it(trained, photos, tmp_path):
    file = changed(newest_weights(trained / "cat"), tmp_path / "overflows.safetensors", lambda tensors, _: tensors["head1.fc.weight"].fill(3e38))
    assert "scores that are not numbers" in refused(6, "predict", "--checkpoint", file, photos, "--out", tmp_path / "out.csv", "--format", "csv")
    assert not (tmp_path / "out.csv").exists()


def test_thresholds_of_other_scores_are_told(trained, packs, photos, tmp_path):
    file = tmp_path / "t.json"
    catamaran("thresholds", "fit", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--augment", "flip", "--out", file)
    told = "was fitted for other scores: the mean of 1 model(s), views: flip; here: the mean of 1 model(s), views: none"
    assert told in predict(trained, "--thresholds", file, photos / "b.jpg").stderr
    assert "other scores" not in predict(trained, "--thresholds", file, "--augment", "flip", photos / "b.jpg").stderr
    assert told in catamaran("explain", "--checkpoint", trained / "cat", photos / "b.jpg", "--thresholds", file, "--out", tmp_path / "seen").stderr


def test_thresholds_of_an_ensemble_are_for_that_ensemble(trained, packs, tmp_path):
    file = tmp_path / "t.json"
    ensemble = ["--checkpoint", trained / "cat", "--ensemble", trained / "cat", "--data", packs / "pack-test"]
    catamaran("thresholds", "fit", *ensemble, "--out", file)
    assert "other scores" not in catamaran("eval", *ensemble, "--thresholds", file).stderr
    alone = catamaran("eval", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--thresholds", file).stderr
    assert "was fitted for other scores: the mean of 2 model(s), views: none; here: the mean of 1 model(s), views: none" in alone


def test_what_is_nothing_is_refused_before_anything_is_predicted(trained, photos, tmp_path):
    for wrong, says in (("", "is empty"), (tmp_path / "*.jpg", "nothing fits"), (tmp_path, "holds no *.jpg")):
        assert says in refused(3, "predict", "--checkpoint", trained / "cat", photos, wrong)
    refused(2, "predict", "--checkpoint", trained / "cat", photos, "--format", "xml")
    assert "is a folder" in refused(2, "predict", "--checkpoint", trained / "cat", photos, "--out", tmp_path)


def test_a_list_with_nul_bytes_is_refused_and_a_byte_order_mark_is_none_of_a_name(trained, photos):
    command = [BINARY, "predict", "--checkpoint", trained / "cat", "--format", "csv", "-"]
    for listed in (f"{photos}/b.jpg\0{photos}/d.jpg\0", f"{photos}/b.jpg\nnone.jpg\0"):
        done = subprocess.run(command, input=listed, capture_output=True, text=True)
        assert done.returncode == 3 and "holds a NUL byte" in done.stderr and "-print0" in done.stderr
    done = subprocess.run(command, input=f"\ufeff{photos}/b.jpg\n", capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0 and f"\n{photos}/b.jpg," in done.stdout


def test_what_a_killed_one_left_behind_goes(trained, photos, tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / f".all.csv.tmp.{os.uname().nodename}.{dead.pid}").write_text("half")
    predict(trained, photos / "b.jpg", "--format", "csv", "--out", tmp_path / "all.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"]


def test_a_full_disk_is_said(trained, photos):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "predict", "--checkpoint", trained / "cat", photos], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "cannot write the predictions" in done.stderr


def test_flip_is_the_mean_over_the_picture_and_its_mirror_image(trained, tmp_path):
    # Blocks of one colour survive JPEG exactly, so the mirrored file decodes to the mirrored picture.
    blocks = np.random.default_rng(5).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    picture = np.kron(blocks, np.ones((8, 8, 1), dtype=np.uint8))
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=100, subsampling=0)
    Image.fromarray(picture[:, ::-1].copy()).save(tmp_path / "b.jpg", quality=100, subsampling=0)
    assert (np.asarray(Image.open(tmp_path / "a.jpg")) == np.asarray(Image.open(tmp_path / "b.jpg"))[:, ::-1]).all()
    plain = jsonl(predict(trained, tmp_path, "--format", "jsonl"))
    flipped = jsonl(predict(trained, tmp_path, "--format", "jsonl", "--augment", "flip"))
    a, b = str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")
    assert abs(plain[a]["top left"] - plain[b]["top left"]) > 1e-4
    for label in NAMES:
        assert flipped[a][label] == pytest.approx((plain[a][label] + plain[b][label]) / 2, abs=1e-5)


def test_memory_does_not_grow_with_the_number_of_pictures(trained, photos):
    def peak(count):
        listed = "\n".join([str(photos / "b.jpg")] * count)
        done = subprocess.run(["/usr/bin/env", "python3", "-c", "import resource,subprocess,sys\n"
                               "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
                               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                               BINARY, "predict", "--checkpoint", trained / "cat", "--format", "jsonl", "-"],
                              input=listed, capture_output=True, text=True, check=True)
        return int(done.stdout) / 1024
    few, many = peak(200), peak(6000)  # 6,000 decoded pictures would be 74 MB
    assert many - few < 20, f"{few:.0f} MB for 200, {many:.0f} MB for 6,000"


def test_thresholds_of_a_file_decide_what_is_present(trained, photos, tmp_path):
    file = {"format_version": 1, "classes": [{"name": name, "threshold": t} for name, t in zip(NAMES, (0.0, 1.0, 0.3, 0.7))]}
    path = tmp_path / "thresholds.json"
    path.write_text(json.dumps(file))
    lines = [json.loads(line) for line in predict(trained, photos, "--format", "jsonl", "--thresholds", path).stdout.splitlines()]
    for entry in (entry for line in lines for entry in line["labels"]):
        threshold = {e["name"]: e["threshold"] for e in file["classes"]}[entry["label"]]
        assert entry["threshold"] == threshold and entry["present"] == (entry["probability"] >= threshold)
    assert {entry["label"]: entry["present"] for entry in lines[0]["labels"]}["top left"] is True
    wrong = [("classes", [{"name": "cat", "threshold": 0.5}], "class 0 is 'cat' in the file and 'top left' in the model"),
             ("classes", file["classes"][:2], "class 2 is nothing in the file"),
             ("classes", [{"name": "top left", "threshold": 1.5}], "not in 0..1"), ("classes", [{"name": "top left"}], "threshold"),
             ("format_version", 9, "format version 9")]
    for key, value, says in wrong:
        path.write_text(json.dumps({**file, key: value}))
        assert says in refused(3, "predict", "--checkpoint", trained / "cat", photos, "--thresholds", path)
    assert "xcludes" in refused(2, "predict", "--checkpoint", trained / "cat", photos, "--thresholds", path, "--threshold", 0.4)


def test_a_closed_pipe_ends_the_program(trained, photos):
    job = subprocess.Popen([BINARY, "predict", "--checkpoint", trained / "cat", "--batch", "1", *[photos] * 300], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    job.stdout.read(10)
    job.stdout.close()
    assert job.wait(timeout=60) == 2 and b"Broken pipe" in job.stderr.read()
