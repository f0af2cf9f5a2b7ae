"""explain: pictures with words in them, sheets, arrays, truth from manifests and packs, two models side by side."""
import json
import os
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from runs import catamaran, command, newest_weights
from test_bad_input import refused

NAMES = ["top left", "top right", "bottom left", "bottom right"]
RED, BLUE = (255, 96, 84), (104, 190, 255)


def explain(checkpoint, out, *arguments):
    catamaran("explain", "--checkpoint", checkpoint, "--out", out, *arguments)
    return json.loads((out / "explain.json").read_text())


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def has_colour(path, colour, below=256):
    """Whether the words under the picture have it."""
    return bool((np.abs(pixels(path)[below:] - colour).sum(axis=2) < 20).any())


def labels_of(packs, image):
    return next(line["labels"] for line in map(json.loads, (packs / "test.jsonl").read_text().splitlines()) if line["image"] == image)


def test_the_mean_of_a_map_and_its_bias_is_the_logit(trained, packs, tmp_path):
    index = explain(trained / "cat", tmp_path / "out", packs / "test0.jpg", packs / "test1.jpg", "--threshold", 0, "--most", 4)
    assert index["model"]["pool"] == "mean" and len(index["images"]) == 2
    predicted = json.loads(catamaran("predict", "--checkpoint", trained / "cat", packs / "test0.jpg", packs / "test1.jpg", "--top", 0, "--json").stdout)
    for entry, prediction in zip(index["images"], predicted):
        maps = np.load(tmp_path / "out" / entry["maps"])
        assert maps.dtype == np.float32 and maps.ndim == 3 and maps.shape[0] == len(entry["labels"]) == 4
        assert maps.std() > 0
        probability = {label["label"]: label["probability"] for label in prediction["labels"]}
        for array, label in zip(maps, entry["labels"]):
            assert array.mean(dtype=np.float64) + label["bias"] == pytest.approx(label["logit"], abs=1e-5)
            assert 1 / (1 + np.exp(-label["logit"])) == pytest.approx(label["probability"], abs=1e-6)
            assert label["probability"] == pytest.approx(probability[label["label"]], abs=1e-5)
    assert any(abs(label["bias"]) > 1e-4 for entry in index["images"] for label in entry["labels"])


def test_every_label_has_a_picture_with_a_caption_and_every_picture_a_sheet(trained, packs, tmp_path):
    out = tmp_path / "out"
    entry, = explain(trained / "cat", out, packs / "test0.jpg", "--threshold", 0, "--most", 3)["images"]
    picture = pixels(out / entry["picture"])
    assert picture.shape == (256, 256, 3), "small pictures are enlarged"
    assert len(entry["labels"]) == 3 and len({label["overlay"] for label in entry["labels"]}) == 3
    for label in entry["labels"]:
        overlay = pixels(out / label["overlay"])
        assert overlay.shape[1] == 256 and overlay.shape[0] > 256 + 12
        strip = overlay[256:]
        light = strip.sum(axis=2) > 600
        assert 30 < light.sum() < 0.5 * light.size, "words in the strip"
        assert not light[:, :3].any() and not light[:, -3:].any(), "not clipped"
        assert np.abs(overlay[:256] - picture).mean() > 10
    sheet = pixels(out / entry["sheet"])
    assert sheet.shape[1] == 10 + 4 * 250 and sheet.shape[0] > 240
    names = {path.name for path in out.iterdir()}
    assert names == {"explain.json", entry["picture"], entry["sheet"], entry["maps"], *(label["overlay"] for label in entry["labels"])}
    catamaran("explain", "--checkpoint", trained / "cat", packs / "test0.jpg", "--out", trained / "cat/explain")
    catamaran("report", trained / "cat", "--out", tmp_path / "report.html")
    assert "test0.jpg" in (tmp_path / "report.html").read_text()


def test_a_report_of_a_folder_of_runs_shows_them_all(trained, tmp_path):
    done = catamaran("report", trained, "--out", tmp_path / "report.html")
    assert done.stdout.strip() == str(tmp_path / "report.html") and f"2 runs: {trained}/backbone, {trained}/cat" in done.stderr
    page = (tmp_path / "report.html").read_text()
    assert "<h1>backbone · cat</h1>" in page
    (tmp_path / "empty").mkdir()
    assert "is no run directory" in refused(2, "report", tmp_path / "empty", "--out", tmp_path / "none.html")
    assert not (tmp_path / "none.html").exists()


@pytest.mark.parametrize("size", [(64, 64), (1, 1), (3000, 40), (40, 3000), (2000, 1500)], ids=str)
def test_pictures_of_any_size_are_explained(trained, tmp_path, size):
    random = np.random.default_rng(1)
    Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).save(tmp_path / "p.jpg")
    entry, = explain(trained / "cat", tmp_path / "out", tmp_path / "p.jpg", "--threshold", 0)["images"]
    width, height = Image.open(tmp_path / "out" / entry["picture"]).size
    assert 256 <= max(width, height) <= 768 and (width > height) == (size[0] > size[1])
    overlay = Image.open(tmp_path / "out" / entry["labels"][0]["overlay"])
    assert overlay.size[0] == max(width, 176) and overlay.size[1] > height


def test_missing_is_red_and_wrong_is_blue_and_both_are_words(trained, packs, tmp_path):
    manifest = packs / "test.jsonl"
    all_on = explain(trained / "cat", tmp_path / "on", "--manifest", manifest, packs / "test[0-9].jpg", "--threshold", 0, "--most", 4)
    all_off = explain(trained / "cat", tmp_path / "off", "--manifest", manifest, packs / "test[0-9].jpg", "--threshold", 1)
    seen = set()
    for entry in all_on["images"]:
        truth = labels_of(packs, entry["image"].rsplit("/", 1)[1])
        for label in entry["labels"]:
            right = label["label"] in truth
            assert label["verdict"] == ("right" if right else "wrong")
            assert has_colour(tmp_path / "on" / label["overlay"], BLUE) == (not right)
            assert not has_colour(tmp_path / "on" / label["overlay"], RED)
            seen.add(label["verdict"])
    for entry in all_off["images"]:
        truth = labels_of(packs, entry["image"].rsplit("/", 1)[1])
        missing = {label["label"] for label in entry["labels"] if label["verdict"] == "missing"}
        assert missing == set(truth)
        for label in entry["labels"]:
            assert has_colour(tmp_path / "off" / label["overlay"], RED) == (label["verdict"] == "missing")
            seen.add(label["verdict"])
        assert has_colour(tmp_path / "off" / entry["sheet"], RED, below=-30) == bool(truth), "the sheet says what red means"
    assert {"right", "wrong", "missing"} <= seen


def test_truth_comes_from_a_pack_as_well(trained, packs, tmp_path):
    first = explain(trained / "cat", tmp_path / "first", "--data", packs / "pack-test", "--count", 3, "--threshold", 1)["images"]
    assert [entry["image"] for entry in first] == [f"{packs}/pack-test:test{i}.jpg" for i in range(3)]
    for entry in first:
        assert {label["label"] for label in entry["labels"] if label["verdict"] == "missing"} == set(labels_of(packs, entry["image"].rsplit(":", 1)[1]))
    chosen = explain(trained / "cat", tmp_path / "chosen", "--data", packs / "pack-test", "--ids", "test7.jpg", "test2.jpg")["images"]
    assert [entry["image"].rsplit(":", 1)[1] for entry in chosen] == ["test7.jpg", "test2.jpg"]
    assert "no image 'none'" in refused(3, "explain", "--checkpoint", trained / "cat", "--data", packs / "pack-test", "--ids", "none", "--out", tmp_path / "x")


def test_two_models_stand_one_above_the_other(trained, packs, tmp_path):
    out = tmp_path / "out"
    index = explain(trained / "backbone", out, packs / "test0.jpg", "--compare", trained / "cat", "--threshold", 0, "--most", 2)
    assert index["model"]["name"] == "backbone" and index["compared_with"]["name"] == "cat"
    entry, = index["images"]
    other = entry["compared_with"]
    assert [label["label"] for label in entry["labels"]] == [label["label"] for label in other["labels"]]
    predicted = {name: {label["label"]: label["probability"] for label in json.loads(catamaran(
        "predict", "--checkpoint", trained / name, packs / "test0.jpg", "--top", 0, "--json").stdout)[0]["labels"]} for name in ("backbone", "cat")}
    for above, below in zip(entry["labels"], other["labels"]):
        assert above["probability"] == pytest.approx(predicted["backbone"][above["label"]], abs=1e-5)
        assert below["probability"] == pytest.approx(predicted["cat"][below["label"]], abs=1e-5)
        assert (pixels(out / above["overlay"])[:256] != pixels(out / below["overlay"])[:256]).any()
    assert np.load(out / entry["maps"]).shape[0] == np.load(out / other["maps"]).shape[0] == len(entry["labels"])
    assert pixels(out / entry["sheet"]).shape[0] > 2 * 240


def test_each_of_two_models_has_its_own_thresholds(trained, packs, tmp_path):
    def file(name, threshold):
        classes = [{"name": n, "threshold": threshold} for n in NAMES]
        (tmp_path / name).write_text(json.dumps({"format_version": 1, "classes": classes}))
        return tmp_path / name
    entry, = explain(trained / "cat", tmp_path / "out", packs / "test0.jpg", "--compare", trained / "backbone", "--manifest", packs / "test.jsonl",
                     "--images", packs, "--thresholds", file("all.json", 0), "--compare-thresholds", file("none.json", 1))["images"]
    truth = labels_of(packs, "test0.jpg")
    first = {label["label"]: label["verdict"] for label in entry["labels"]}
    second = {label["label"]: label["verdict"] for label in entry["compared_with"]["labels"]}
    assert all(first[name] == "right" and second[name] == "missing" for name in truth if name in first) and set(truth) & set(first)
    assert "--compare" in refused(2, "explain", "--checkpoint", trained / "cat", packs / "test0.jpg", "--out", tmp_path / "no",
                                  "--compare-thresholds", tmp_path / "all.json")


def test_a_broken_picture_is_left_out_and_the_rest_is_explained(trained, packs, tmp_path):
    (tmp_path / "broken.jpg").write_bytes((packs / "test1.jpg").read_bytes()[:300])
    out = tmp_path / "out"
    done = catamaran("explain", "--checkpoint", trained / "cat", packs / "test0.jpg", tmp_path / "broken.jpg", packs / "test2.jpg", "--out", out, check=False)
    assert done.returncode == 3 and "broken.jpg" in done.stderr and "1 of 3 pictures" in done.stderr
    entries = json.loads((out / "explain.json").read_text())["images"]
    assert [entry["image"] for entry in entries] == [str(packs / "test0.jpg"), str(packs / "test2.jpg")]
    names = {name for entry in entries for name in (entry["picture"], entry["sheet"], entry["maps"], *(label["overlay"] for label in entry["labels"]))}
    assert {path.name for path in out.iterdir()} == names | {"explain.json"}


def test_the_folder_appears_whole_and_replaces_nothing_but_an_earlier_explanation(trained, packs, tmp_path):
    out = tmp_path / "out"
    explain(trained / "cat", out, packs / "test0.jpg", packs / "test1.jpg")
    explain(trained / "cat", out, packs / "test2.jpg")
    assert not [path for path in out.iterdir() if "test0" in path.name or "test1" in path.name], "nothing of the earlier one stays"
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    refused(3, "explain", "--checkpoint", trained / "cat", tmp_path / "broken.jpg", "--out", out)
    assert json.loads((out / "explain.json").read_text())["images"][0]["image"] == str(packs / "test2.jpg"), "a failure keeps the earlier one"
    (out / "notes.txt").write_text("mine")
    assert "notes.txt" in refused(2, "explain", "--checkpoint", trained / "cat", packs / "test0.jpg", "--out", out)
    assert (out / "notes.txt").exists() and (out / "explain.json").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    assert "no folder" in refused(2, "explain", "--checkpoint", trained / "cat", packs / "test0.jpg", "--out", tmp_path / "link")
    # pictures of the user's, numbered like an explanation's, also beside an explain.json that does not list them
    for files in ({"notes.txt": "mine"}, {"1-beach.png": "mine"}, {"1-beach.png": "mine", "explain.json": "{}"},
                  {"1-beach.png": "mine", "explain.json": '{"images": [{"picture": "2-sea.png"}]}'}):
        for name, content in files.items():
            (tmp_path / "mine" / name).write_text(content)
        assert "holds another file" in refused(2, "explain", "--checkpoint", trained / "cat", packs / "test0.jpg", "--out", tmp_path / "mine")
        assert {path.name: path.read_text() for path in (tmp_path / "mine").iterdir() if path.name in files} == files
        (tmp_path / "mine/notes.txt").unlink(missing_ok=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.jpg", "link", "mine", "out"]


def test_an_explanation_is_not_put_into_a_pack_or_a_checkpoint(trained, packs):
    for owner in (packs / "pack-test", newest_weights(trained / "cat").parent):
        assert str(owner) in refused(2, "explain", "--checkpoint", trained / "cat", packs / "test0.jpg", "--out", owner / "seen")
        assert not (owner / "seen").exists()


def test_a_name_that_is_no_utf8_leads_to_files_that_are_there(trained, packs, tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    with open(name, "wb") as file:
        file.write((packs / "test0.jpg").read_bytes())
    entry, = explain(trained / "cat", tmp_path / "out", os.fsdecode(name))["images"]
    assert (tmp_path / "out" / entry["picture"]).is_file() and (tmp_path / "out" / entry["sheet"]).is_file()


@pytest.mark.parametrize("stem", ["caf\u00e9", "\u72d7", "\u72ee" * 40, "a" * 79 + "\u00e9"])
def test_names_of_any_script_lead_to_files_that_are_there(trained, packs, tmp_path, stem):
    (tmp_path / f"{stem}.jpg").write_bytes((packs / "test0.jpg").read_bytes())
    out = tmp_path / "out"
    entry, = explain(trained / "cat", out, tmp_path / f"{stem}.jpg")["images"]
    names = [entry["picture"], entry["sheet"], entry["maps"], *(label["overlay"] for label in entry["labels"])]
    assert all((out / name).is_file() and stem[:20] in name for name in names)


def test_a_list_that_cannot_be_read_ends_the_command(trained, tmp_path):
    words, environment = command(["explain", "--checkpoint", trained / "cat", "-", "--out", tmp_path / "out"], 0)
    folder = os.open(tmp_path, os.O_RDONLY)
    done = subprocess.run(words, stdin=folder, capture_output=True, text=True, env=environment, timeout=60)
    os.close(folder)
    assert done.returncode == 3 and "cannot read the list" in done.stderr and not (tmp_path / "out").exists()


def test_options_that_would_do_nothing_are_refused(trained, packs, tmp_path):
    for more in (["--images", packs], ["--ids", "test0.jpg"], ["--count", "3"], ["--data", packs / "pack-test", "--ids", "test0.jpg", "--count", "1"]):
        refused(2, "explain", "--checkpoint", trained / "cat", packs / "test0.jpg", "--out", tmp_path / "out", *more)
    refused(2, "predict", "--checkpoint", trained / "cat", packs / "test0.jpg", "--json", "--format", "csv")


def test_what_cannot_be_explained_is_said(trained, packs, tmp_path):
    run = ["explain", "--checkpoint", trained / "cat", "--out", tmp_path / "out"]
    assert "no picture is named" in refused(2, *run)
    assert "not both" in refused(2, *run, packs / "test0.jpg", "--data", packs / "pack-test")
    (tmp_path / "m.jsonl").write_text('{"image": "test0.jpg", "labels": ["topleft"]}\n')
    assert "did you mean 'top left'" in refused(3, *run, "--manifest", tmp_path / "m.jsonl", "--images", packs)
    (tmp_path / "m.jsonl").write_text('{"image": "test0.jpg", "labels": ["top left"]}\n')
    assert "no line for the picture" in refused(3, *run, packs / "test1.jpg", "--manifest", tmp_path / "m.jsonl", "--images", packs)
    entry, = explain(trained / "cat", tmp_path / "out", "--manifest", tmp_path / "m.jsonl", "--images", packs)["images"]
    assert entry["image"] == str(packs / "test0.jpg")


def test_the_report_says_which_labels_of_pictures_of_a_pack_are_right_wrong_and_missing(trained, packs, tmp_path):
    for threshold in (0, 1):
        run = tmp_path / f"run{threshold}"
        shutil.copytree(trained / "cat", run, ignore=shutil.ignore_patterns("explain", "checkpoints"))
        index = explain(trained / "cat", run / "explain", "--data", packs / "pack-test", "--count", 6, "--threshold", threshold, "--most", 4)
        catamaran("report", run, "--out", tmp_path / "report.html")
        page, verdicts = (tmp_path / "report.html").read_text(), set()
        for entry in index["images"]:
            for verdict in ("right", "wrong", "missing"):
                labels = [label["label"] for label in entry["labels"] if label["verdict"] == verdict]
                if labels:
                    verdicts.add(verdict)
                    assert f'<span class="{verdict}">{verdict}: {", ".join(labels)}</span>' in page.split(entry["image"] + "<br>", 1)[1].split("</figcaption>")[0]
        assert verdicts == ({"right", "wrong"} if threshold == 0 else {"missing"})
