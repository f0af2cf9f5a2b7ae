"""Fixtures of the integration tests; how a run is started is in runs.py."""
import pytest
from generated import generated_packs


@pytest.fixture(scope="session")
def packs(tmp_path_factory):
    return generated_packs(tmp_path_factory.mktemp("generated"))


@pytest.fixture
def config(packs, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n'
                    "[schedule]\nepochs = 4\n")
    return path
