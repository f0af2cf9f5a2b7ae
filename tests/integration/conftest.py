"""Fixtures of the integration tests; how a run is started is in runs.py."""
import pytest
from generated import generated_packs
from runs import SMALL, catamaran, settings


@pytest.fixture(scope="session")
def packs(tmp_path_factory):
    return generated_packs(tmp_path_factory.mktemp("generated"))


@pytest.fixture
def config(packs, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n'
                    "[schedule]\nepochs = 4\n")
    return path


@pytest.fixture(scope="session")
def trained(packs, tmp_path_factory):
    """Two small runs on the generated pack: the whole model with mean pooling, and the plain backbone with max pooling."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "config.toml").write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\n'
                                        "per_device = 16\n[schedule]\nepochs = 9\n")
    for name, pairs in (("cat", ["model.head.pool=mean"]), ("backbone", ["model.fpn.enabled=false", "model.lrd.enabled=false", "model.cla.enabled=false", "model.head.pool=max"])):
        catamaran("train", "--config", folder / "config.toml", *settings(*SMALL, "schedule.max_steps=24", *pairs), "--run-dir", folder / name)
    return folder
