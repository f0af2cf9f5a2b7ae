"""Where the binary and the data are, and how a run is started. The binary: CATAMARAN_BIN; real photographs: CATAMARAN_TEST_DATA."""
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CATAMARAN_BIN", ROOT / "build/release/bin/catamaran"))
DATA = pathlib.Path(os.environ.get("CATAMARAN_TEST_DATA", ROOT.parent / "shared/data"))
SMALL = ["model.input.size=64", "model.backbone.name=resnet10_narrow", "model.attention.dim=32", "model.attention.heads=4",
         "model.attention.ffn_dim=64", "model.attention.dropout=0", "data.augment.crop=none", "ema.decay=0", "comm.threads_per_rank=1",
         "monitoring.address=127.0.0.1", "optimizer.learning_rate=2e-3", "schedule.name=constant"]


def catamaran(*arguments, ranks=0, check=True, timeout=240, cwd=None):
    """Runs the program; under mpirun when ranks > 0."""
    launcher = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks)] if ranks else []
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    done = subprocess.run([*launcher, str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=timeout, env=environment, cwd=cwd)
    if check:
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def settings(*pairs):
    return [part for pair in pairs for part in ("--set", pair)]


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def real_data(name):
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"no real photographs at {folder}: set CATAMARAN_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def packs(tmp_path_factory):
    """Two small packs of generated pictures: 96 to train on, 32 to evaluate; class = which corner is bright."""
    folder = tmp_path_factory.mktemp("generated")
    names = ["top left", "top right", "bottom left", "bottom right"]
    (folder / "classes.txt").write_text("\n".join(names) + "\n")
    random = np.random.default_rng(1)
    for split, count in (("train", 96), ("test", 33)):
        lines = []
        for i in range(count):
            picture = random.integers(0, 90, (64, 64, 3), dtype=np.uint8)
            labels = []
            for c, name in enumerate(names):
                if random.random() < 0.4:
                    labels.append(name)
                    picture[32 * (c // 2) + 6:32 * (c // 2) + 26, 32 * (c % 2) + 6:32 * (c % 2) + 26] = random.integers(150, 256, 3)
            Image.fromarray(picture).save(folder / f"{split}{i}.jpg", quality=92)
            lines.append(json.dumps({"image": f"{split}{i}.jpg", "labels": labels}))
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
        catamaran("pack", "manifest", "--images", folder, "--manifest", folder / f"{split}.jsonl", "--classes", folder / "classes.txt",
                  "--out", folder / f"pack-{split}")
    return folder


@pytest.fixture
def config(packs, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n'
                    "[schedule]\nepochs = 4\n")
    return path
