"""Fixtures of the fault tests: those of the integration tests, storage that fails, undisturbed runs, and the record of what was seen."""
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

INTEGRATION = pathlib.Path(__file__).resolve().parents[1] / "integration"
sys.path.insert(0, str(INTEGRATION))
from jobs import STEPS, train_words  # noqa: E402
from runs import ROOT, catamaran  # noqa: E402

of_integration = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
integration = importlib.util.module_from_spec(of_integration)
of_integration.loader.exec_module(integration)
packs, config = integration.packs, integration.config

RESULTS = pathlib.Path(os.environ.get("CATAMARAN_FAULT_RESULTS", ROOT / "build/release/faults/results.jsonl"))


@pytest.fixture(scope="session", autouse=True)
def open_mpi_keeps_to_itself(tmp_path_factory):
    """Open MPI leaves its shared memory and its session where mpirun is killed: they go with these folders."""
    with tempfile.TemporaryDirectory(prefix="catamaran-faults-", dir="/dev/shm") as segments, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMPI_MCA_btl_vader_backing_directory", segments)
        patch.setenv("OMPI_MCA_orte_tmpdir_base", str(tmp_path_factory.mktemp("sessions")))
        yield


@pytest.fixture
def record(request):
    """record(row, fault, injected, seen, detection_seconds, recovery_seconds): a line for scripts/fault_table.py, after the last assertion."""
    def write(row, fault, injected, seen, detection_seconds=None, recovery_seconds=None):
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        line = {"test": request.node.name, "row": str(row), "fault": fault, "injected": injected, "seen": seen,
                "detection_seconds": detection_seconds, "recovery_seconds": recovery_seconds}
        with open(RESULTS, "a") as file:
            file.write(json.dumps(line) + "\n")
    return write


@pytest.fixture(scope="session")
def libraries(tmp_path_factory):
    """The shared libraries that a program may be started with: failing_storage, slow_storage and other_clock of tests/fakes."""
    folder = tmp_path_factory.mktemp("preload")
    for name in ("failing_storage", "slow_storage", "other_clock"):
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", folder / f"{name}.so", ROOT / f"tests/fakes/{name}.c"], check=True)
    return folder


@pytest.fixture
def preload(libraries, monkeypatch):
    """preload("failing_storage", FAULT_PATH=...): every program that the test starts from now on meets such storage."""
    def begin(name, **environment):
        monkeypatch.setenv("LD_PRELOAD", str(libraries / f"{name}.so"))
        for key, value in environment.items():
            monkeypatch.setenv(key, str(value))
    return begin


@pytest.fixture(scope="session")
def undisturbed(packs, tmp_path_factory):
    """undisturbed(ranks): the run directory of STEPS steps that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "config.toml").write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n')
    done = {}

    def run(ranks):
        if ranks not in done:
            done[ranks] = folder / f"{ranks}-ranks"
            catamaran(*train_words(folder / "config.toml", done[ranks], f"schedule.max_steps={STEPS}"), ranks=ranks)
        return done[ranks]
    return run
