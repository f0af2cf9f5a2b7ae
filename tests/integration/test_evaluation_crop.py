"""evaluate.crop = "center": training's evaluations, eval, predict, explain and exported files show the model the same square of a picture."""
import json
import shutil

import h5py
import numpy as np
import pytest
from PIL import Image
from runs import SMALL, catamaran, changed, newest_weights, settings
from test_bad_input import refused
from test_bench_and_preview import found, preview, tiles
from torchvision.transforms import v2

NAMES = ["top left", "top right", "bottom left", "bottom right"]
SIZES = [(96, 64), (64, 96), (64, 64), (112, 64), (64, 176)]  # multiples of JPEG's blocks, as are the cuts in the middle
SQUARE = [i for i in range(15) if i % len(SIZES) == 2]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Packs of the same pictures whole, and with their middle squares cut out by PIL. Blocks of one colour: exact under JPEG."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(7)
    (folder / "classes.txt").write_text("\n".join(NAMES))
    lines = []
    for side in ("whole", "cut"):
        (folder / side).mkdir()
    for i in range(15):
        width, height = SIZES[i % len(SIZES)]
        picture = Image.fromarray(np.kron(random.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8)))
        left, top = (width - 64) // 2, (height - 64) // 2
        for side, image in (("whole", picture), ("cut", picture.crop((left, top, left + 64, top + 64)))):
            image.save(folder / side / f"{i}.jpg", quality=100, subsampling=0)
        lines.append(json.dumps({"image": f"{i}.jpg", "labels": [name for name in NAMES if random.random() < 0.5]}))
    (folder / "m.jsonl").write_text("\n".join(lines))
    for side in ("whole", "cut"):
        catamaran("pack", "manifest", "--images", folder / side, "--manifest", folder / "m.jsonl", "--classes", folder / "classes.txt",
                  "--out", folder / f"pack-{side}")
    return folder


@pytest.fixture(scope="module")
def run(packs, pictures, tmp_path_factory):
    """A short run that evaluates the middle of the pictures."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.toml").write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{pictures}/pack-whole"\n[batch]\nglobal = 16\nper_device = 16\n'
                                        '[schedule]\nepochs = 2\n[evaluate]\nevery_epochs = 0\ncrop = "center"\nresize = 64\n')
    catamaran("train", "--config", folder / "config.toml", *settings(*SMALL), "--run-dir", folder / "center")
    return folder / "center"


def scores(tmp_path, checkpoint, pack, *arguments):
    path = tmp_path / "scores.h5"
    catamaran("eval", "--checkpoint", checkpoint, "--data", pack, "--scores", path, *arguments)
    with h5py.File(path) as file:
        return file["score"][:], file.attrs["crop"][0]


def evaluated(checkpoint, pack, *arguments):
    return json.loads(catamaran("eval", "--checkpoint", checkpoint, "--data", pack, "--json", *arguments).stdout)


def without_origin(evaluation):
    return {key: value for key, value in evaluation.items() if key not in ("weights", "step", "seconds", "augment", "models", "crop")}


def test_scores_of_the_middle_are_those_of_pictures_that_were_cut_before(run, pictures, tmp_path):
    whole, _ = scores(tmp_path, run, pictures / "pack-whole", "--crop", "none")
    middle, said = scores(tmp_path, run, pictures / "pack-whole")
    cut, _ = scores(tmp_path, run, pictures / "pack-cut", "--crop", "none")
    assert said == "auto" and np.array_equal(middle, cut), "the same pixels, the same bits"
    differs = np.abs(middle - whole).max(axis=1) > 1e-3
    assert not differs[SQUARE].any() and differs.sum() == 15 - len(SQUARE)


def test_scores_of_a_margin_are_those_of_torchvisions_squares(run, pictures, tmp_path):
    """Their pixels come from JPEG files of best quality, which differ by a level or two from what was cut."""
    transform = v2.Compose([v2.Resize(73), v2.CenterCrop(64)])
    shutil.copytree(pictures, tmp_path / "p", ignore=shutil.ignore_patterns("pack-*"))
    for file in (tmp_path / "p/whole").iterdir():
        transform(Image.open(file)).save(file, quality=100, subsampling=0)
    catamaran("pack", "manifest", "--images", tmp_path / "p/whole", "--manifest", tmp_path / "p/m.jsonl", "--classes", tmp_path / "p/classes.txt",
              "--out", tmp_path / "p/pack")
    expected, _ = scores(tmp_path, run, tmp_path / "p/pack", "--crop", "none")
    given, said = scores(tmp_path, run, pictures / "pack-whole", "--crop", "center")
    other, _ = scores(tmp_path, run, pictures / "pack-whole", "--crop", "center", "--resize", 64)
    assert said == "center", "73 is 8/7 of 64"
    assert np.abs(given - expected).max() < 0.1 * np.abs(other - expected).max()


def test_training_evaluates_what_eval_does_later(run, pictures, tmp_path):
    in_training = json.loads((run / "eval/epoch-0002.json").read_text())
    later = evaluated(run, pictures / "pack-whole")
    assert later["crop"] == "auto" and without_origin(later) == without_origin(in_training)
    assert evaluated(run, pictures / "pack-whole", "--crop", "none")["ap"] != in_training["ap"]
    assert without_origin(evaluated(run, pictures / "pack-cut", "--crop", "none")) == without_origin(in_training)
    again = evaluated(run, pictures / "pack-whole", "--crop", "center", "--resize", 64)
    assert again["crop"] == "center of 64" and without_origin(again) == without_origin(in_training)
    catamaran("weights", "export", run, "--out", tmp_path / "alone.safetensors")
    done = catamaran("eval", "--checkpoint", tmp_path / "alone.safetensors", "--data", pictures / "pack-whole", "--json")
    assert without_origin(json.loads(done.stdout)) == without_origin(in_training)
    assert "the middle 64 x 64 of pictures whose shorter side is 64" in done.stderr


def test_predict_and_explain_see_what_evaluation_saw(run, pictures, tmp_path):
    logits, _ = scores(tmp_path, run, pictures / "pack-whole")
    lines = catamaran("predict", "--checkpoint", run, *(pictures / f"whole/{i}.jpg" for i in range(5)), "--top", 0, "--format", "jsonl").stdout
    for line, logit in zip(map(json.loads, lines.splitlines()), logits):
        probability = {entry["label"]: entry["probability"] for entry in line["labels"]}
        np.testing.assert_allclose([probability[name] for name in NAMES], 1 / (1 + np.exp(-logit)), atol=1e-5)
    Image.open(pictures / "whole/4.jpg").resize((80, 180)).save(tmp_path / "tall.jpg")
    catamaran("explain", "--checkpoint", run, pictures / "whole/0.jpg", tmp_path / "tall.jpg", "--out", tmp_path / "seen", "--threshold", 0, "--most", 4)
    first, second = json.loads((tmp_path / "seen/explain.json").read_text())["images"]
    assert first["seen"] == [16, 0, 80, 64]
    assert second["seen"] == [0, 50, 80, 130], "80 x 180 becomes 64 x 144, of which rows 40 to 104"
    assert [entry["logit"] for entry in sorted(first["labels"], key=lambda e: NAMES.index(e["label"]))] == pytest.approx(list(logits[0]), abs=1e-4)
    picture = np.asarray(Image.open(tmp_path / "seen" / first["picture"]).convert("RGB")).astype(int)
    overlay = np.asarray(Image.open(tmp_path / "seen" / first["labels"][0]["overlay"]).convert("RGB")).astype(int)[:len(picture)]
    left, right = picture.shape[1] * 16 // 96, picture.shape[1] * 80 // 96
    beside = np.r_[0:left - 1, right + 1:picture.shape[1]]
    dark = picture[:, beside] + (np.array([22, 23, 28]) - picture[:, beside]) * 0.75
    assert np.abs(overlay[:, beside] - dark).max() <= 1, "what was not seen is dark and does not glow"


def test_the_sizes_of_scales_see_the_same_part_of_the_picture(run, pictures, tmp_path):
    whole, _ = scores(tmp_path, run, pictures / "pack-whole", "--augment", "scales")
    cut, _ = scores(tmp_path, run, pictures / "pack-cut", "--augment", "scales", "--crop", "none")
    squished, _ = scores(tmp_path, run, pictures / "pack-whole", "--augment", "scales", "--crop", "none")
    assert np.array_equal(whole[SQUARE], cut[SQUARE])
    assert np.abs(whole - cut).max() < 0.2 * np.abs(squished - cut).max(), "pixels at the edge mix with those beside it"


def test_each_model_of_an_ensemble_sees_what_its_own_evaluation_saw(run, trained, pictures, tmp_path):
    def p(logits):
        return 1 / (1 + np.exp(-logits.astype(np.float64)))
    center, _ = scores(tmp_path, run, pictures / "pack-whole")
    squished, _ = scores(tmp_path, trained / "cat", pictures / "pack-whole")
    both, _ = scores(tmp_path, run, pictures / "pack-whole", "--ensemble", trained / "cat")
    np.testing.assert_allclose(p(both), (p(center) + p(squished)) / 2, atol=1e-5)


def test_an_imported_model_sees_what_its_file_says_or_the_command_line(run, pictures, tmp_path):
    file = newest_weights(run)
    def record(*arguments):
        catamaran("weights", "import", file, "--out", tmp_path / "i.safetensors", *arguments)
        shown = json.loads(catamaran("weights", "inspect", tmp_path / "i.safetensors", "--json").stdout)
        return json.loads(shown["metadata"]["catamaran.evaluation"])
    assert record() == {"crop": "center", "resize": 64}
    model = [pair for pair in SMALL if pair.startswith("model.")]
    assert record(*settings(*model)) == {"crop": "center", "resize": 64}, "of evaluation nothing was said"
    assert record(*settings(*model, "evaluate.crop=none")) == {"crop": "none", "resize": 0}
    assert record(*settings(*model, "evaluate.crop=center")) == {"crop": "center", "resize": 73}


def test_data_preview_shows_the_square_that_evaluation_sees(packs, tmp_path):
    sheet = preview(packs / "pack-train", tmp_path / "p.png", "--images", 2, "--draws", 1,
                    *settings("model.input.size=224", "evaluate.crop=center", "data.decode=fast", "data.augment.crop=none", "data.augment.flip=false"))
    evaluation, training = tiles(sheet, 224, 2)
    for i in range(2):
        picture = Image.open(packs / f"train{i}.jpg").convert("RGB")
        square = np.asarray(v2.CenterCrop(224)(v2.Resize(256)(picture)))
        assert len(found(evaluation, square)) == 1 and not found(training, square)


@pytest.mark.parametrize("pairs, says", [
    (["evaluate.crop=centre"], "evaluate.crop: 'centre' is not known (did you mean 'center'?)"),
    (["evaluate.crop=center", "evaluate.resize=200", "model.input.size=224"], "evaluate.resize: must be the network's size, 224, to 16384"),
    (["evaluate.resize=512"], "evaluate.resize: is for the crop \"center\" alone")])
def test_wrong_settings_are_refused(pairs, says):
    assert says in refused(2, "config", "check", *settings("data.train=somewhere", *pairs))


@pytest.mark.parametrize("arguments, says", [
    (["--crop", "five"], "--crop"), (["--resize", 80], "--resize: it is for the crop"), (["--crop", "center", "--resize", 0], "--resize"),
    (["--crop", "center", "--resize", 63], "--resize: must be the network's size, 64, to 16384")])
def test_wrong_options_of_eval_are_refused(run, pictures, arguments, says):
    assert says in refused(2, "eval", "--checkpoint", run, "--data", pictures / "pack-whole", *arguments)


def test_a_record_that_no_run_writes_is_refused(run, pictures, tmp_path):
    def spoil(_, metadata):
        metadata["catamaran.evaluation"] = json.dumps({"crop": "center", "resize": 10 ** 12})
    spoilt = changed(newest_weights(run), tmp_path / "spoilt.safetensors", spoil)
    for command in (["predict", pictures / "whole/0.jpg"], ["eval", "--data", pictures / "pack-whole"]):
        assert "catamaran.evaluation" in refused(4, *command, "--checkpoint", spoilt)
